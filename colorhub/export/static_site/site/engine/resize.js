/** Pictures of another size, with OpenCV's filters: codes are rounded where OpenCV rounds them. */

import { clip, round } from "./numbers.js";

/**
 * A smaller picture by averaging (INTER_AREA), or a larger one by cubic interpolation (INTER_CUBIC).
 *
 * @param {Uint8Array|Uint16Array} codes `height * width * channels`.
 * @returns codes of the same type, `toHeight * toWidth * channels`.
 */
export function resized(codes, width, height, toWidth, toHeight, channels = 1) {
  if (width === toWidth && height === toHeight) return codes.slice();
  const shrinks = toWidth <= width && toHeight <= height;
  const taps = shrinks ? averaging : cubic;
  // Halves go up where OpenCV adds four pixels as integers, else to the even neighbour.
  const isHalved = width === 2 * toWidth && height === 2 * toHeight;
  const rounded = isHalved ? (value) => Math.floor(value + 0.5) : round;
  return filtered(codes, width, taps(width, toWidth), taps(height, toHeight), channels, rounded);
}

/** A picture by its nearest pixels (INTER_NEAREST). */
export function nearest(codes, width, height, toWidth, toHeight, channels) {
  const made = new codes.constructor(toWidth * toHeight * channels);
  for (let y = 0, k = 0; y < toHeight; y++) {
    const row = Math.min(Math.floor((y * height) / toHeight), height - 1) * width;
    for (let x = 0; x < toWidth; x++) {
      const from = (row + Math.min(Math.floor((x * width) / toWidth), width - 1)) * channels;
      for (let c = 0; c < channels; c++) made[k++] = codes[from + c];
    }
  }
  return made;
}

/** Maps of floats `channels * height * width` at another size, bilinear, with pixels' centres between their edges. */
export function interpolated(maps, channels, width, height, toWidth, toHeight) {
  const across = between(width, toWidth);
  const down = between(height, toHeight);
  const made = new Float32Array(channels * toWidth * toHeight);
  for (let c = 0, k = 0; c < channels; c++) {
    for (let y = 0; y < toHeight; y++) {
      const above = (c * height + down.near[y]) * width;
      const below = (c * height + down.far[y]) * width;
      for (let x = 0; x < toWidth; x++, k++) {
        const [left, right, part] = [across.near[x], across.far[x], across.part[x]];
        const top = maps[above + left] + part * (maps[above + right] - maps[above + left]);
        const bottom = maps[below + left] + part * (maps[below + right] - maps[below + left]);
        made[k] = top + down.part[y] * (bottom - top);
      }
    }
  }
  return made;
}

/** Between which two of `count` values each of `size` lies, and how much of the second: values `first` to `last`. */
export function between(count, size, first = 0, last = size) {
  const near = new Int32Array(last - first);
  const far = new Int32Array(last - first);
  const part = new Float32Array(last - first);
  for (let i = first; i < last; i++) {
    const place = clip((i + 0.5) * (count / size) - 0.5, 0, count - 1);
    near[i - first] = Math.floor(place);
    far[i - first] = Math.min(near[i - first] + 1, count - 1);
    part[i - first] = place - near[i - first];
  }
  return { near, far, part };
}

/** For each of `size` values: the numbers of the first of `count` that it is made of, and their weights. */
function averaging(count, size) {
  const scale = count / size;
  return Array.from({ length: size }, (_, i) => {
    const begin = i * scale;
    const end = begin + scale;
    const cell = Math.min(scale, count - begin);
    const last = Math.min(Math.floor(end + 1e-9), count - 1);
    const first = Math.min(Math.ceil(begin - 1e-9), last);
    const weights = [];
    const start = first - begin > 1e-3 ? first - 1 : first;
    if (start < first) weights.push((first - begin) / cell);
    for (let k = first; k < last; k++) weights.push(1 / cell);
    if (end - last > 1e-3) weights.push(Math.min(end - last, 1, cell) / cell);
    // Of the precision that OpenCV has: sums that lie half way between two codes lie there in both.
    return { start, weights: weights.map(Math.fround) };
  });
}

function cubic(count, size) {
  const sharpness = -0.75;
  const near = (t) => ((sharpness + 2) * t - (sharpness + 3)) * t * t + 1;
  const far = (t) => ((sharpness * t - 5 * sharpness) * t + 8 * sharpness) * t - 4 * sharpness;
  return Array.from({ length: size }, (_, i) => {
    const place = (i + 0.5) * (count / size) - 0.5;
    const below = Math.floor(place);
    const part = place - below;
    return { start: below - 1, weights: [far(part + 1), near(part), near(1 - part), far(2 - part)] };
  });
}

/** Rows are mixed first, into one row of floats; that is mixed along itself. */
function filtered(codes, width, across, down, channels, rounded) {
  const height = codes.length / (width * channels);
  const length = width * channels;
  const largest = 2 ** (8 * codes.BYTES_PER_ELEMENT) - 1;
  const made = new codes.constructor(across.length * down.length * channels);
  const mixed = new Float64Array(length);
  let k = 0;
  for (const { start, weights } of down) {
    mixed.fill(0);
    for (let number = 0; number < weights.length; number++) {
      const weight = weights[number];
      const row = clip(start + number, 0, height - 1) * length;
      for (let i = 0; i < length; i++) mixed[i] += weight * codes[row + i];
    }
    for (const tap of across) {
      for (let c = 0; c < channels; c++) {
        let value = 0;
        for (let j = 0; j < tap.weights.length; j++) {
          value += tap.weights[j] * mixed[clip(tap.start + j, 0, width - 1) * channels + c];
        }
        made[k++] = clip(rounded(value), 0, largest);
      }
    }
  }
  return made;
}
