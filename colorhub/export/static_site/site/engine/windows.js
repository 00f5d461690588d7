/** A long picture is seen in overlapping windows, whose answers are blended: `colorhub/inference/windows.py`. */

import { round } from "./numbers.js";

/** Where the windows are; `null` for a picture of ordinary shape. */
export function windowsOf(height, width, multiple, constants) {
  const [short, long] = height < width ? [height, width] : [width, height];
  if (long <= constants.long * short) return null;
  const units = Math.ceil(long / multiple);
  const wanted = Math.max(constants.length * short, constants.shortest * long);
  const length = Math.max(2, Math.ceil(wanted / multiple));
  if (length >= units) return null;
  const overlap = Math.max(1, round(constants.overlap * length));
  const gaps = Math.ceil((units - length) / (length - overlap));
  const starts = Array.from({ length: gaps + 1 }, (_, i) => round((i * (units - length)) / gaps) * multiple);
  return {
    isWide: width > height,
    starts,
    length: length * multiple,
    overlap: overlap * multiple,
    total: units * multiple,
  };
}

/**
 * The colours `2 * height * width` of a lightness, seen through windows where it is long.
 *
 * @param {(L, width, height) => Promise<Float32Array>} answer of the network to one view.
 */
export async function seen(L, width, height, multiple, constants, answer, onPart = () => {}) {
  const windows = windowsOf(height, width, multiple, constants);
  if (!windows) return answer(L, width, height);
  const sum = new Float32Array(2 * width * height);
  const weights = new Float32Array(windows.total);
  for (const [number, start] of windows.starts.entries()) {
    const [wide, high] = windows.isWide ? [windows.length, height] : [width, windows.length];
    const view = padded(L, width, height, windows.isWide ? start : 0, windows.isWide ? 0 : start, wide, high);
    add(sum, weights, width, height, windows, start, await answer(view, wide, high), wide, high);
    onPart((number + 1) / windows.starts.length);
  }
  for (let y = 0, k = 0; y < height; y++) {
    for (let x = 0; x < width; x++, k++) {
      const weight = weights[windows.isWide ? x : y];
      sum[k] /= weight;
      sum[k + width * height] /= weight;
    }
  }
  return sum;
}

/** A part of a picture; beyond its end it goes on with its last values. */
function padded(L, width, height, left, top, wide, high) {
  const made = new Float32Array(wide * high);
  for (let y = 0, k = 0; y < high; y++) {
    const row = Math.min(top + y, height - 1) * width;
    for (let x = 0; x < wide; x++) made[k++] = L[row + Math.min(left + x, width - 1)];
  }
  return made;
}

/** Each answer counts the less the nearer its window's end is, where others go on. */
function add(sum, weights, width, height, windows, start, ab, wide, high) {
  const { isWide, length, overlap, total } = windows;
  const weightAt = Float32Array.from({ length }, (_, i) => {
    const rising = start ? i + 0.5 : overlap;
    const falling = start + length < total ? length - i - 0.5 : overlap;
    return Math.min(rising, falling, overlap) / overlap;
  });
  weightAt.forEach((weight, i) => (weights[start + i] += weight));
  for (let c = 0; c < 2; c++) {
    for (let y = 0; y < high; y++) {
      const toY = isWide ? y : start + y;
      if (toY >= height) break;
      for (let x = 0; x < wide; x++) {
        const toX = isWide ? start + x : x;
        if (toX >= width) break;
        sum[(c * height + toY) * width + toX] += weightAt[isWide ? x : y] * ab[(c * high + y) * wide + x];
      }
    }
  }
}
