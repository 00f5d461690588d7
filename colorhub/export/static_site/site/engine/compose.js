/** Colours onto a photo at full size, band by band. */

import { between } from "./resize.js";

const PIXELS = 2 ** 16; // of a band: what is computed of it stays in the processor's cache
const OPAQUE = 255 << 24;

/** Tables by code of 16 bits, made by the graphs once: `lightness` of a grey code, `srgb` of a value of light. */
export async function tables(graphs) {
  const codes = Int32Array.from({ length: 65536 }, (_, i) => i);
  return {
    lightness: await graphs.lightness.run({ codes: [codes, 1, 65536] }),
    srgb: await graphs.srgb.run({ light: [Float32Array.from(codes, (code) => code / 65535), 65536] }),
  };
}

/**
 * @param {object} engine its `graphs` and `tables`.
 * @param {Picture} picture grey.
 * @param {{L, ab, width, height}} layer of the network.
 * @param {(y, rows, rgba: Uint8ClampedArray) => void} onBand called from the top.
 * @param {(part: number) => Promise<void>} pause where the work may be cancelled.
 */
export async function compose({ graphs, tables }, picture, alpha, layer, vividness, onBand, pause) {
  const { width, height } = picture;
  const lines = await linesOf(graphs.lines, layer, vividness);
  const across = between(layer.width, width);
  const rows = Math.max(1, Math.floor(PIXELS / width));
  for (let y = 0; y < height; y += rows) {
    const count = Math.min(rows, height - y);
    const from = y * width;
    const L = looked(tables.lightness, picture.codes.subarray(from, from + count * width));
    const down = between(layer.height, height, y, y + count);
    const light = await graphs.band.run({ L: [L, count, width], ...around(lines, layer, across, down) });
    const rgba = packed(light, tables.srgb);
    if (alpha) for (let i = 0, k = 3; k < rgba.length; i++, k += 4) rgba[k] = alpha[from + i];
    onBand(y, count, rgba);
    await pause(Math.min((y + count) / height, 1));
  }
}

function linesOf(graph, { L, ab, width, height }, vividness) {
  return graph.run({ L: [L, 1, 1, height, width], ab: [ab, 1, 2, height, width], vividness: [Float32Array.of(vividness)] });
}

/** The rows of lines around some rows of the photo, at its width, and how much of each these are. */
function around(lines, { width: columns, height: rows }, across, down) {
  const [width, count] = [across.near.length, down.near.length];
  const [first, last] = [down.near[0], down.far[count - 1]];
  const some = last - first + 1;
  const wide = new Float32Array(6 * some * width);
  for (let c = 0, k = 0; c < 6; c++) {
    for (let row = first; row <= last; row++) {
      const from = (c * rows + row) * columns;
      for (let x = 0; x < width; x++) {
        const left = lines[from + across.near[x]];
        wide[k++] = left + across.part[x] * (lines[from + across.far[x]] - left);
      }
    }
  }
  const mix = new Float32Array(count * some);
  for (let i = 0; i < count; i++) {
    mix[i * some + down.near[i] - first] += 1 - down.part[i];
    mix[i * some + down.far[i] - first] += down.part[i];
  }
  return { lines: [wide, 6, some, width], mix: [mix, count, some] };
}

function looked(table, codes) {
  const made = new Float32Array(codes.length);
  const scale = codes instanceof Uint8Array ? 257 : 1;
  for (let i = 0; i < made.length; i++) made[i] = table[codes[i] * scale];
  return made;
}

/** Planes of light as the bytes of RGBA. */
function packed(light, table) {
  const count = light.length / 3;
  const made = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    made[i] = table[light[i]] | (table[light[i + count]] << 8) | (table[light[i + 2 * count]] << 16) | OPAQUE;
  }
  return new Uint8ClampedArray(made.buffer);
}
