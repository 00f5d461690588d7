/** What a network sees of a print, as `colorhub/inference/preprocess.py` has it: without its border, in full tones. */

import { clip, percentiles, round, sorted } from "./numbers.js";
import { interpolated, resized } from "./resize.js";

/** A grey picture: `codes` of 8 or 16 bits. */
export class Picture {
  constructor(codes, width, height) {
    this.codes = codes;
    this.width = width;
    this.height = height;
  }

  /** The part within a box. */
  cut({ top, bottom, left, right }) {
    const [width, height] = [right - left, bottom - top];
    const codes = new this.codes.constructor(width * height);
    for (let y = 0; y < height; y++) {
      const from = (top + y) * this.width + left;
      codes.set(this.codes.subarray(from, from + width), y * width);
    }
    return new Picture(codes, width, height);
  }

  at(width, height) {
    return new Picture(resized(this.codes, this.width, this.height, width, height), width, height);
  }
}

const WHOLE = { top: 0, bottom: 1, left: 0, right: 1, whole: true };

/**
 * @param {Picture} picture the photo.
 * @param {object} model of the constants.
 * @param {(picture: Picture) => Float32Array} lightness L of a picture's codes.
 * @returns {{L, width, height, seen, seenWidth, seenHeight, box, restored}} `L`: the whole photo's own
 *   lightness at working size; `seen`: what goes into the network.
 */
export function networkInput(picture, model, constants, lightness) {
  const size = model.working_size;
  const box = insideBorder(picture, constants.preprocess, lightness);
  const part = box.whole ? picture : picture.cut(within(box, picture.height, picture.width));
  const look = working(part, size, model.multiple, constants.resize.longest);
  const own = lightness(look);
  const seen = normalTones(own, constants.preprocess);
  const shared = { seen, seenWidth: look.width, seenHeight: look.height, box, restored: seen !== own };
  if (box.whole) return { L: own, width: look.width, height: look.height, ...shared };
  const short = (one) => Math.min(one.width, one.height);
  const around = working(picture, round((size * short(picture)) / short(part)), 1, constants.resize.longest);
  return { L: lightness(around), width: around.width, height: around.height, ...shared };
}

/** Colours of the whole photo, from those of what was seen. A border has none. */
export function framed(ab, { width, height, seenWidth, seenHeight, box }) {
  if (box.whole) return ab;
  const inside = within(box, height, width);
  const [wide, high] = [inside.right - inside.left, inside.bottom - inside.top];
  const fitting = interpolated(ab, 2, seenWidth, seenHeight, wide, high);
  const made = new Float32Array(2 * width * height);
  for (let c = 0; c < 2; c++) {
    for (let y = 0; y < high; y++) {
      const from = (c * high + y) * wide;
      made.set(fitting.subarray(from, from + wide), (c * height + inside.top + y) * width + inside.left);
    }
  }
  return made;
}

function working(picture, size, multiple, longest) {
  const { width, height } = picture;
  const scale = Math.min(size / Math.min(height, width), (longest * size) / Math.max(height, width));
  const [toWidth, toHeight] = [width, height].map((side) => Math.max(1, round((side * scale) / multiple)) * multiple);
  return picture.at(toWidth, toHeight);
}

/** Where the picture is within an even border on all four sides, as parts of the sides. */
export function insideBorder(picture, constants, lightness) {
  if (!(hasEvenEdges(picture, constants, lightness))) return WHOLE;
  const scale = Math.min(1, constants.side / Math.min(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, round(side * scale)));
  const L = lightness(picture.at(width, height));
  const sides = fourSides(width, height);
  const tone = median(sides.flatMap(({ long, at }) => Array.from({ length: long }, (_, i) => L[at(0, i)])));
  const share = ({ long, at }, row, test, from = 0, to = long) => {
    let found = 0;
    for (let i = from; i < to; i++) found += test(L[at(row, i)]) ? 1 : 0;
    return found / (to - from);
  };
  const isPaper = (value) => Math.abs(value - tone) < constants.paper;
  if (Math.min(...sides.map((side) => share(side, 0, isPaper))) < constants.clean) return WHOLE;
  const depths = sides.map((side) => {
    let depth = 0;
    while (depth < side.deep && share(side, depth, isPaper) >= constants.clean) depth++;
    return depth;
  });
  const [top, bottom, left, right] = depths;
  const across = [
    [left, width - right],
    [left, width - right],
    [top, height - bottom],
    [top, height - bottom],
  ];
  for (const [number, side] of sides.entries()) {
    const depth = depths[number];
    const [first, last] = across[number];
    if (!(constants.narrowest * side.deep <= depth && depth <= constants.widest * side.deep)) return WHOLE;
    const beside = Math.min(depth + Math.max(2, Math.floor(side.deep / 64)), side.deep);
    if (beside <= depth || last <= first) return WHOLE;
    let straight = 0;
    for (let i = first; i < last; i++) {
      for (let row = depth; row < beside; row++) {
        if (Math.abs(L[side.at(row, i)] - tone) >= constants.step) {
          straight++;
          break;
        }
      }
    }
    if (straight / (last - first) < constants.straight) return WHOLE;
  }
  return {
    top: (top + 1) / height,
    bottom: 1 - (bottom + 1) / height,
    left: (left + 1) / width,
    right: 1 - (right + 1) / width,
    whole: false,
  };
}

/** Rows and columns of a picture of that size that a box holds; at least one each. */
export function within(box, height, width) {
  const top = Math.min(round(box.top * height), height - 1);
  const left = Math.min(round(box.left * width), width - 1);
  const bottom = Math.max(round(box.bottom * height), top + 1);
  return { top, left, bottom, right: Math.max(round(box.right * width), left + 1) };
}

/** A picture seen from above, below, left and right: `at(row, place)` of `deep` rows of `long` values. */
function fourSides(width, height) {
  return [
    { deep: height, long: width, at: (row, i) => row * width + i },
    { deep: height, long: width, at: (row, i) => (height - 1 - row) * width + i },
    { deep: width, long: height, at: (row, i) => i * width + row },
    { deep: width, long: height, at: (row, i) => i * width + width - 1 - row },
  ];
}

function hasEvenEdges(picture, constants, lightness) {
  const { codes, width, height } = picture;
  const depth = Math.max(1, round(Math.min(width, height) / constants.side));
  const lines = [];
  for (const { long, at } of fourSides(width, height)) {
    const strip = new codes.constructor(long * depth);
    for (let row = 0, k = 0; row < depth; row++) for (let i = 0; i < long; i++) strip[k++] = codes[at(row, i)];
    lines.push(lightness(new Picture(strip, long, depth).at(Math.max(1, round(long / depth)), 1)));
  }
  const tone = median(lines.flatMap((line) => [...line]));
  const even = lines.map((line) => line.filter((value) => Math.abs(value - tone) < 2 * constants.paper).length / line.length);
  return Math.min(...even) > constants.clean - 0.1;
}

function median(values) {
  const ordered = sorted(values);
  const middle = ordered.length / 2;
  return ordered.length % 2 ? ordered[Math.floor(middle)] : (ordered[middle - 1] + ordered[middle]) / 2;
}

/** A lightness in the range of a photograph, and not too dark; the same array where it is so already. */
function normalTones(L, constants) {
  const step = Math.max(1, Math.floor(L.length / 2 ** 20));
  const [low, high] = percentiles(step === 1 ? L : L.filter((_, i) => i % step === 0), [1, 99]);
  const [narrow, full] = constants.span;
  const fading = clip((full - (high - low)) / (full - narrow), 0, 1);
  if (fading > 0) {
    const [dark, light] = constants.ends;
    const black = low + fading * Math.min(0, dark - low);
    const white = high + fading * Math.max(0, light - high);
    const gain = (white - black) / Math.max(high - low, constants.least_range);
    L = L.map((value) => clip((value - low) * gain + black, 0, 100));
  }
  const middle = sorted(L)[Math.floor((L.length - 1) / 2)];
  if (middle > 0 && middle < constants.dark) {
    const power = Math.log(constants.dark / 100) / Math.log(middle / 100);
    L = L.map((value) => 100 * (value / 100) ** power);
  }
  return L;
}
