/** Where an even ground, such as an album's page, goes round a thing with straight edges: what OpenCV does for
 * `colorhub/photo/tint_measures.py`, for pictures of at most a few hundred pixels. */

import { clip, sorted } from "./numbers.js";

/**
 * @param {Float32Array[]} lab the three channels.
 * @param {number} flat codes between neighbours of an even ground.
 * @returns {Uint8Array|null} 1 where the ground is; `null` where there is none.
 */
export function surrounding(lab, width, height, flat) {
  const codes = lab.map((channel, c) => median3(toCodes(channel, c), width, height));
  const ground = opened(flooded(codes, width, height, flat), width, height);
  const share = mean(ground);
  if (!(share > 0.08 && share < 0.95)) return null;
  const thing = withoutHoles(largestPart(ground, width, height), width, height);
  const count = thing.reduce((total, one) => total + one, 0);
  if (count < 0.04 * thing.length || count < 0.88 * boxedCount(thing, width, height)) return null;
  return minimum(thing, width, height, 2).map((one) => 1 - one);
}

const mean = (mask) => mask.reduce((total, one) => total + one, 0) / mask.length;

function toCodes(channel, c) {
  return Uint8Array.from(channel, (value) => Math.trunc(clip(c === 0 ? value * 2.55 : value + 128, 0, 255)));
}

function median3(codes, width, height) {
  const made = new Uint8Array(codes.length);
  const window = new Uint8Array(9);
  for (let y = 0, k = 0; y < height; y++) {
    for (let x = 0; x < width; x++, k++) {
      let n = 0;
      for (let j = -1; j <= 1; j++) {
        const row = clip(y + j, 0, height - 1) * width;
        for (let i = -1; i <= 1; i++) window[n++] = codes[row + clip(x + i, 0, width - 1)];
      }
      made[k] = sorted(window)[4];
    }
  }
  return made;
}

/** What is reached from the edge in steps of at most `flat`. */
function flooded(codes, width, height, flat) {
  const mask = new Uint8Array(width * height);
  const isNear = (one, other) => codes.every((channel) => Math.abs(channel[one] - channel[other]) <= flat);
  const seeds = [];
  for (let x = 0; x < width; x += 6) seeds.push(x, (height - 1) * width + x);
  for (let y = 0; y < height; y += 6) seeds.push(y * width, y * width + width - 1);
  for (const seed of seeds) {
    if (!mask[seed]) spread(mask, seed, width, height, (to, from) => !mask[to] && isNear(to, from));
  }
  return mask;
}

/** Mark what can be reached from a pixel, step by step to the four sides. Returns how many pixels that are. */
function spread(mask, seed, width, height, mayStep, mark = 1) {
  const waiting = [seed];
  mask[seed] = mark;
  let count = 1;
  while (waiting.length) {
    const from = waiting.pop();
    const x = from % width;
    const around = [];
    if (x > 0) around.push(from - 1);
    if (x < width - 1) around.push(from + 1);
    if (from >= width) around.push(from - width);
    if (from < width * (height - 1)) around.push(from + width);
    for (const to of around) {
      if (mask[to] !== mark && mayStep(to, from)) {
        mask[to] = mark;
        count++;
        waiting.push(to);
      }
    }
  }
  return count;
}

function opened(mask, width, height) {
  return maximum(minimum(mask, width, height, 1), width, height, 1);
}

const minimum = (mask, width, height, reach) => inWindow(mask, width, height, reach, Math.min);
const maximum = (mask, width, height, reach) => inWindow(mask, width, height, reach, Math.max);

/** What lies outside of the picture does not count. */
function inWindow(mask, width, height, reach, choose) {
  const made = new Uint8Array(mask.length);
  for (let y = 0, k = 0; y < height; y++) {
    for (let x = 0; x < width; x++, k++) {
      let value = mask[k];
      for (let j = Math.max(y - reach, 0); j <= Math.min(y + reach, height - 1); j++) {
        for (let i = Math.max(x - reach, 0); i <= Math.min(x + reach, width - 1); i++) {
          value = choose(value, mask[j * width + i]);
        }
      }
      made[k] = value;
    }
  }
  return made;
}

/** The largest connected part of what is no ground. */
function largestPart(ground, width, height) {
  const marks = new Int32Array(ground.length);
  let [best, bestCount, mark] = [0, 0, 0];
  for (let i = 0; i < ground.length; i++) {
    if (ground[i] || marks[i]) continue;
    mark++;
    const count = spread(marks, i, width, height, (to) => !ground[to] && !marks[to], mark);
    if (count > bestCount) [best, bestCount] = [mark, count];
  }
  return Uint8Array.from(marks, (one) => (best && one === best ? 1 : 0));
}

/** A part with all that it encloses. */
function withoutHoles(part, width, height) {
  const outside = new Uint8Array(part.length);
  const start = (i) => {
    if (!part[i] && !outside[i]) spread(outside, i, width, height, (to) => !part[to] && !outside[to]);
  };
  for (let x = 0; x < width; x++) [x, (height - 1) * width + x].forEach(start);
  for (let y = 0; y < height; y++) [y * width, y * width + width - 1].forEach(start);
  return outside.map((one) => 1 - one);
}

/** How many pixels the smallest rectangle of any direction holds that goes round a thing. */
function boxedCount(thing, width, height) {
  const corners = smallestBox(hull(outline(thing, width, height)));
  const signed = corners.map(([x, y]) => [Math.trunc(x), Math.trunc(y)]);
  let count = 0;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) count += isInside(signed, x, y) ? 1 : 0;
  return count;
}

/** The first and last pixel of each row: their hull is the thing's. */
function outline(thing, width, height) {
  const points = [];
  for (let y = 0; y < height; y++) {
    const row = thing.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(1);
    if (first >= 0) points.push([first, y], [row.lastIndexOf(1), y]);
  }
  return points;
}

/** The convex hull, by Andrew's monotone chain. */
function hull(points) {
  points = points.slice().sort(([x, y], [u, v]) => x - u || y - v);
  const half = (some) => {
    const chain = [];
    for (const point of some) {
      while (chain.length > 1 && turn(chain.at(-2), chain.at(-1), point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  const made = [...half(points), ...half(points.slice().reverse())];
  return made.length ? made : points.slice(0, 1);
}

const turn = ([ax, ay], [bx, by], [cx, cy]) => (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);

/** One of its sides lies along one of the hull's. */
function smallestBox(points) {
  let best = null;
  points.forEach(([x, y], i) => {
    const [u, v] = points[(i + 1) % points.length];
    const length = Math.hypot(u - x, v - y) || 1;
    const [cos, sin] = length > 0 && (u !== x || v !== y) ? [(u - x) / length, (v - y) / length] : [1, 0];
    const along = points.map(([px, py]) => px * cos + py * sin);
    const across = points.map(([px, py]) => py * cos - px * sin);
    const sides = [Math.min(...along), Math.max(...along), Math.min(...across), Math.max(...across)];
    const area = (sides[1] - sides[0]) * (sides[3] - sides[2]);
    if (!best || area < best.area) best = { area, cos, sin, sides };
  });
  const { cos, sin, sides } = best;
  const [left, right, top, bottom] = sides;
  const corners = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
  return corners.map(([s, t]) => [s * cos - t * sin, s * sin + t * cos]);
}

/** Whether a pixel is in a convex polygon, or on the line that is drawn along its edge. */
function isInside(corners, x, y) {
  return corners.every((corner, i) => {
    const next = corners[(i + 1) % corners.length];
    const steep = Math.max(Math.abs(next[0] - corner[0]), Math.abs(next[1] - corner[1]));
    return turn(corner, next, [x, y]) >= -0.5 * steep;
  });
}
