/** OpenCV's filters on maps of floats `height * width`, for pictures of at most a few hundred pixels. */

import { clip } from "./numbers.js";

/** Borders: the last value goes on, or the picture is mirrored at its last pixel. */
export const replicate = (i, count) => clip(i, 0, count - 1);
export function reflect(i, count) {
  if (count === 1) return 0;
  while (i < 0 || i >= count) i = i < 0 ? -i : 2 * count - 2 - i;
  return i;
}

/** A map filtered along both axes with kernels of odd length. */
export function separable(map, width, height, across, down, border) {
  const made = new Float64Array(map.length);
  const [half, reach] = [(across.length - 1) / 2, (down.length - 1) / 2];
  const mixed = new Float64Array(map.length);
  const columns = Int32Array.from({ length: width + 2 * half }, (_, i) => border(i - half, width));
  const rows = Int32Array.from({ length: height + 2 * reach }, (_, i) => border(i - reach, height));
  for (let y = 0, k = 0; y < height; y++) {
    for (let x = 0; x < width; x++, k++) {
      let value = 0;
      for (let i = 0; i < across.length; i++) value += across[i] * map[y * width + columns[x + i]];
      mixed[k] = value;
    }
  }
  for (let y = 0, k = 0; y < height; y++) {
    for (let x = 0; x < width; x++, k++) {
      let value = 0;
      for (let j = 0; j < down.length; j++) value += down[j] * mixed[rows[y + j] * width + x];
      made[k] = value;
    }
  }
  return made;
}

export function blurred(map, width, height, side, border) {
  const kernel = new Float64Array(side).fill(1 / side);
  return separable(map, width, height, kernel, kernel, border);
}

export function gaussian(map, width, height, sigma) {
  const reach = Math.floor((Math.round(sigma * 8 + 1) | 1) / 2);
  const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const total = kernel.reduce((sum, value) => sum + value, 0);
  const scaled = kernel.map((value) => value / total);
  return separable(map, width, height, scaled, scaled, reflect);
}

/** Sobel's slopes a pixel, along x and along y. */
export function slopes(map, width, height) {
  const [smooth, step] = [
    [1 / 4, 1 / 2, 1 / 4],
    [-1 / 2, 0, 1 / 2],
  ];
  return [
    separable(map, width, height, step, smooth, replicate),
    separable(map, width, height, smooth, step, replicate),
  ];
}
