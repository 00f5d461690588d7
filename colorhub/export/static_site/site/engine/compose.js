/** Colours onto a photo at full size, band by band. */

import { asWide } from "./pixels.js";
import { between } from "./resize.js";

const PIXELS = 2 ** 17; // of a band

/**
 * @param {{lines, band}} graphs
 * @param {Picture} picture grey.
 * @param {{L, ab, width, height}} layer of the network.
 * @param {(y, rows, rgba: Uint8ClampedArray) => void} onBand called from the top.
 * @param {() => Promise<void>} pause where the work may be cancelled.
 */
export async function compose(graphs, picture, alpha, layer, vividness, onBand, pause) {
  const { width, height } = picture;
  const lines = await linesOf(graphs.lines, layer, width, vividness);
  const rows = Math.max(1, Math.floor(PIXELS / width));
  for (let y = 0; y < height; y += rows) {
    const count = Math.min(rows, height - y);
    const from = y * width;
    const places = between(layer.height, height, y, y + count);
    const [first, last] = [places.near[0], places.far[count - 1]];
    const codes = asWide(picture.codes.subarray(from, from + count * width));
    const packed = await graphs.band.run({
      codes: [codes, count, width],
      lines: [lines.subarray(first * 6 * width, (last + 1) * 6 * width), last - first + 1, 6, width],
      near: [places.near.map((row) => row - first), count],
      far: [places.far.map((row) => row - first), count],
      part: [places.part, count],
    });
    const rgba = new Uint8ClampedArray(packed.buffer, packed.byteOffset, packed.byteLength);
    if (alpha) for (let i = 0, k = 3; k < rgba.length; i++, k += 4) rgba[k] = alpha[from + i];
    onBand(y, count, rgba);
    await pause(Math.min((y + count) / height, 1));
  }
}

function linesOf(graph, { L, ab, width: columns, height: rows }, width, vividness) {
  const across = between(columns, width);
  return graph.run({
    L: [L, 1, 1, rows, columns],
    ab: [ab, 1, 2, rows, columns],
    vividness: [Float32Array.of(vividness)],
    near: [across.near, width],
    far: [across.far, width],
    part: [across.part, width],
  });
}
