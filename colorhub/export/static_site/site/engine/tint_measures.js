/** How the colours of a picture go with its lightness: the measures of `colorhub/photo/tint_measures.py`, one by one. */

import { blurred, gaussian, reflect, replicate, slopes } from "./filters.js";
import { surrounding } from "./ground.js";
import {
  axes,
  clip,
  combined,
  leastSquares,
  mainAxis,
  norms,
  percentile,
  percentiles,
  robustFit,
  round,
  subtracted,
  sum,
} from "./numbers.js";

/**
 * @param {Float32Array[]} lab L, a and b of the small copy.
 * @param {object} facts the constants `tint_measures`.
 * @returns {Object<string, number>} the measures by name.
 */
export function measure(lab, width, height, facts) {
  const maps = new Maps(lab, width, height, facts);
  const all = { top: 0, bottom: height, left: 0, right: width };
  const whole = maps.some(all);
  const curve = robustFit(whole.curve, whole.ab, whole.weight, facts.rounds);
  const everywhere = maps.basis.slice(0, facts.curve);
  const left = norms(...curve.map((one, c) => subtracted(Float64Array.from(lab[c + 1]), combined(everywhere, one))));
  const gain = maps.weight.map((weight, i) => weight * (facts.common - Math.min(left[i], 7)));
  const part = largestCalm(gain, width, height, facts);
  const inside = maps.numbers(part);
  const rest = whole.at.map((i) => left[i]);
  const over = whole.ab.map((one, c) => subtracted(one, combined(whole.curve, curve[c])));
  return {
    shown: sum(maps.shown) / maps.shown.length,
    area: inside.length / left.length,
    texture: sum(inside.map((i) => maps.weight[i])) / sum(maps.weight),
    ...named("whole left", rest, facts.percentiles),
    ...beyond("whole", rest, whole.weight, [3, 6, 12]),
    ...named("whole chroma", norms(...whole.ab), [50, 95, 99]),
    ...namedAxes("whole", over),
    ...named("two curves", fromTwoCurves(whole, over, facts), [75, 90, 97]),
    ...ofArea(maps, part, all, facts),
    ...steps("whole steps", maps, all, facts),
    ...steps("steps", maps, part, facts),
  };
}

/** Maps of a picture: a basis of functions of lightness and place, the weight of texture, where no mount is. */
class Maps {
  constructor(lab, width, height, facts) {
    this.lab = lab;
    this.width = width;
    this.height = height;
    this.facts = facts;
    const [L] = lab;
    this.gradient = slopes(L, width, height);
    const place = (fill) => Float64Array.from(L, (_, i) => fill(i % width, Math.floor(i / width)));
    const x = place((column) => -1 + (2 * column) / (width - 1));
    const y = place((_, row) => -1 + (2 * row) / (height - 1));
    this.place = [x, y];
    const tone = Float64Array.from(L, (value) => value / 50 - 1);
    const times = (a, b) => a.map((value, i) => value * b[i]);
    const square = times(tone, tone);
    const [across, down] = this.gradient.map((slope) => slope.map((value) => value / 8));
    const curve = [tone.map(() => 1), tone, square, times(square, tone), across, down];
    this.basis = [...curve, x, y, times(x, y), times(x, x), times(y, y), times(x, tone), times(y, tone)];
    const mean = blurred(L, width, height, 5, reflect);
    const meanSquare = blurred(Float64Array.from(L, (value) => value * value), width, height, 5, reflect);
    const texture = meanSquare.map((value, i) => Math.sqrt(Math.max(value - mean[i] ** 2, 0)));
    const ground = surrounding(lab, width, height, facts.flat);
    this.shown = Uint8Array.from(L, (_, i) => (ground?.[i] ? 0 : 1));
    this.weight = texture.map((value, i) => (this.shown[i] ? clip(value / 2, 0.05, 1) : 0));
  }

  /** The numbers of a part's pixels, every `step`th row and column. */
  numbers({ top, bottom, left, right }, step = 1) {
    const found = [];
    for (let y = top; y < bottom; y += step) for (let x = left; x < right; x += step) found.push(y * this.width + x);
    return found;
  }

  /** Some pixels of a part. */
  some(part) {
    const shown = this.numbers(part).reduce((total, i) => total + this.shown[i], 0);
    const step = Math.max(1, Math.floor(Math.sqrt(shown / this.facts.some)));
    const at = this.numbers(part, step).filter((i) => this.shown[i]);
    const pick = (map) => Float64Array.from(at, (i) => map[i]);
    const basis = this.basis.map(pick);
    const ab = [pick(this.lab[1]), pick(this.lab[2])];
    return { at, basis, curve: basis.slice(0, this.facts.curve), ab, weight: pick(this.weight) };
  }
}

/** Distances from the nearer of two curves. */
function fromTwoCurves(some, left, facts) {
  const [a, b] = left;
  const spread = (one, other) => sum(some.weight.map((weight, i) => weight * one[i] * other[i]));
  const [cos, sin] = mainAxis(spread(a, a), spread(a, b), spread(b, b));
  let first = a.map((value, i) => (value * cos + b[i] * sin > 0 ? 1 : 0));
  let distances = [new Float64Array(a.length), new Float64Array(a.length)];
  for (let i = 0; i < facts.rounds; i++) {
    distances = distances.map((before, number) => {
      const its = number === 0 ? first : first.map((one) => 1 - one);
      const weight = some.weight.map((value, k) => (value * its[k]) / Math.max(before[k], 0.7));
      const curve = leastSquares(some.curve, some.ab, weight);
      return norms(...some.ab.map((one, c) => subtracted(one, combined(some.curve, curve[c]))));
    });
    first = first.map((_, k) => (distances[0][k] < distances[1][k] ? 1 : 0));
  }
  return distances[0].map((value, i) => Math.min(value, distances[1][i]));
}

/** The rectangle on a coarse grid with the largest sum of `gain`. */
function largestCalm(gain, width, height, { cells, least_cells }) {
  const grid = (side) => Array.from({ length: cells + 1 }, (_, i) => round((i * side) / cells));
  const [rows, columns] = [grid(height), grid(width)];
  const sums = Array.from({ length: cells }, () => new Float64Array(cells));
  for (let j = 0; j < cells; j++) {
    for (let i = 0; i < cells; i++) {
      for (let y = rows[j]; y < rows[j + 1]; y++) {
        for (let x = columns[i]; x < columns[i + 1]; x++) sums[j][i] += gain[y * width + x];
      }
    }
  }
  const pairs = [];
  for (let first = 0; first < cells; first++) {
    for (let last = first + least_cells; last <= cells; last++) pairs.push([first, last]);
  }
  let best = null;
  for (const [top, bottom] of pairs) {
    for (const [left, right] of pairs) {
      let total = 0;
      for (let j = top; j < bottom; j++) for (let i = left; i < right; i++) total += sums[j][i];
      if (!best || total > best.total) best = { total, top, bottom, left, right };
    }
  }
  return { top: rows[best.top], bottom: rows[best.bottom], left: columns[best.left], right: columns[best.right] };
}

/** Of the print's own area: what curves leave over, without and with places, and of that what is not smooth. */
function ofArea(maps, part, all, facts) {
  let some = maps.some(part);
  if (some.at.length < 16) some = maps.some(all);
  const bareCurve = robustFit(some.curve, some.ab, some.weight, facts.rounds);
  const bare = norms(...some.ab.map((one, c) => subtracted(one, combined(some.curve, bareCurve[c]))));
  const placed = robustFit(some.basis, some.ab, some.weight, facts.rounds);
  const over = placed.map((one, c) => subtracted(Float64Array.from(maps.lab[c + 1]), combined(maps.basis, one)));
  const pick = (map) => Float64Array.from(some.at, (i) => map[i]);
  const rest = over.map(pick);
  const rough = over.map((map) => pick(subtracted(map, gaussian(map, maps.width, maps.height, 8))));
  const left = norms(...rest);
  const lightness = pick(maps.lab[0]);
  const mean = sum(lightness) / lightness.length;
  return {
    ...named("curve", bare, facts.percentiles),
    ...named("left", left, facts.percentiles),
    ...named("rough", norms(...rough), facts.percentiles),
    ...beyond("left", left, some.weight, [3, 6]),
    ...namedAxes("left", rest),
    ...hues(some, facts),
    contrast: Math.sqrt(sum(lightness.map((value) => (value - mean) ** 2)) / lightness.length),
  };
}

/** How far the pixels share one hue. */
function hues(some, facts) {
  const [a, b] = some.ab;
  const chroma = norms(a, b);
  const main = some.ab.map((one) => percentile(one, 50));
  const length = Math.max(Math.hypot(...main), 1e-6);
  const [cos, sin] = main.map((value) => value / length);
  const along = a.map((value, i) => value * cos + b[i] * sin);
  const across = a.map((value, i) => b[i] * cos - value * sin);
  const basis = [along.map(() => 1), along.map((value) => value / 30), along.map((value) => (value / 30) ** 2)];
  const [bend] = robustFit(basis, [across], some.weight, facts.rounds);
  const sideways = subtracted(across, combined(basis, bend)).map(Math.abs);
  const elsewhere = chroma.map((value, i) => (Math.abs(Math.atan2(across[i], along[i])) > Math.PI / 3 ? value : 0));
  const warm = (facts.warm * Math.PI) / 180;
  return {
    ...named("chroma", chroma, [5, 50, 95]),
    ...named("sideways", sideways, [75, 90, 97]),
    ...named("along", along, [2, 97]),
    "other hues": sum(elsewhere) / (sum(chroma) + chroma.length),
    warm: (cos * Math.cos(warm) + sin * Math.sin(warm)) * Math.min(1, percentile(chroma, 50) / 10),
  };
}

/** What colour does where lightness steps. */
function steps(name, maps, part, facts) {
  const cut = new Cut(maps, part);
  const rows = [];
  for (const isAcross of [false, true]) rows.push(...cut.steps(isAcross, facts));
  const enough = rows.length >= facts.few_pairs;
  const column = (pick) => (enough ? Float64Array.from(rows, pick) : null);
  const targets = [0, 1].map((c) => column(({ target }) => target[c]) ?? new Float64Array(1));
  const basis = Array.from({ length: 9 }, (_, k) => column((row) => row.basis[k]) ?? new Float64Array(1).fill(1));
  const fit = robustFit(basis, targets, targets[0].map(() => 1), facts.rounds);
  const left = norms(...targets.map((target, c) => subtracted(target, combined(basis, fit[c]))));
  return {
    ...named(name, left, facts.percentiles),
    ...named(`${name} of all`, norms(...targets), [75]),
    ...named(`${name} relative`, left.map((value, i) => value / Math.abs(basis[0][i])), [75, 90]),
  };
}

/** A part of the maps, and the colour of the ground around each of its pixels. */
class Cut {
  constructor(maps, part) {
    const numbers = maps.numbers(part);
    const pick = (map) => Float64Array.from(numbers, (i) => map[i]);
    this.width = part.right - part.left;
    this.height = part.bottom - part.top;
    this.lab = maps.lab.map(pick);
    this.shown = pick(maps.shown);
    this.gradient = maps.gradient.map(pick);
    this.place = maps.place.map(pick);
    const [L, ...ab] = this.lab.map((map) => blurred(map, this.width, this.height, 15, replicate));
    this.tint = ab.map((map) => map.map((value, i) => (value / Math.max(L[i], 15)) * 10));
  }

  steps(isAcross, facts) {
    const { width, height } = this;
    const [deep, long] = isAcross ? [width, height] : [height, width];
    if (deep <= facts.step + 2) return [];
    const at = (row, i) => (isAcross ? i * width + row : row * width + i);
    const pairs = [];
    for (let row = 0; row < deep - facts.step; row++) {
      for (let i = 0; i < long; i++) pairs.push([at(row + facts.step, i), at(row, i)]);
    }
    const [L] = this.lab;
    const seen = pairs.filter(([there, here]) => this.shown[there] && this.shown[here]);
    if (!seen.length) return [];
    const size = ([there, here]) => Math.abs(L[there] - L[here]);
    const least = Math.max(5, percentile(seen.map(size), 70));
    const strong = seen.filter((pair) => size(pair) > least);
    const every = Math.max(1, Math.floor(strong.length / facts.pairs));
    return strong.filter((_, i) => i % every === 0).map((pair) => this.row(pair));
  }

  row([there, here]) {
    const [L, a, b] = this.lab;
    const step = (L[there] - L[here]) / 10;
    const middle = (L[there] + L[here]) / 100 - 1;
    return {
      target: [a[there] - a[here], b[there] - b[here]],
      basis: [
        ...[step, step * middle, step * middle ** 2],
        ...this.place.map((map) => step * map[there]),
        ...this.tint.map((map) => (step * map[there]) / 3),
        ...this.gradient.map((map) => (map[there] - map[here]) / 3),
      ],
    };
  }
}

function named(name, values, which) {
  const found = percentiles(values, which);
  return Object.fromEntries(which.map((one, i) => [`${name} ${one}`, found[i]]));
}

function beyond(name, left, weight, limits) {
  const total = sum(weight);
  const share = (limit) => sum(weight.filter((_, i) => left[i] > limit)) / total;
  return Object.fromEntries(limits.map((limit) => [`${name} beyond ${limit}`, share(limit)]));
}

function namedAxes(name, [a, b]) {
  const [short, long] = axes(a, b);
  return { [`${name} short axis`]: short, [`${name} long axis`]: long };
}
