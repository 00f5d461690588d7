/** Is this a colour photograph already? `colorhub/photo/tint.py`, with its weights. */

import { clip, round } from "./numbers.js";
import { nearest, resized } from "./resize.js";
import { measure } from "./tint_measures.js";

/** How many pixels of a photo are skipped before it is averaged. */
export const stepOf = (width, height, { side }) => Math.max(1, Math.floor(Math.max(width, height) / (5 * side)));

/** The small copy that is judged. `rgb`: codes, every `stepOf`th pixel of the photo. */
export function smallCopy(rgb, width, height, facts) {
  const scale = facts.side / Math.max(width, height);
  if (scale < 1) {
    const [toWidth, toHeight] = [width, height].map((one) => Math.max(1, round(one * scale)));
    rgb = resized(rgb, width, height, toWidth, toHeight, 3);
    [width, height] = [toWidth, toHeight];
  }
  const [wide, high] = [width, height].map((one) => Math.max(facts.least_side, one));
  if (wide !== width || high !== height) rgb = nearest(rgb, width, height, wide, high, 3);
  return { rgb, width: wide, height: high };
}

/**
 * @param {Float32Array[]} lab of the small copy.
 * @param {object} constants all of them.
 * @param {Object<string, Float32Array>} weights of the small network.
 * @returns {"yes"|"no"|"not sure"}
 */
export function seenInColor(lab, width, height, constants, weights) {
  return answerTo(measure(lab, width, height, constants.tint_measures), constants, weights);
}

export function answerTo(measures, { tint, measures: order }, weights) {
  if (isOfOneTone(measures, tint)) return "no";
  const score = scoreOf(measures, order, tint, weights);
  const [sureNo, sureYes] = weights.thresholds;
  if (score >= sureYes) return "yes";
  return score < sureNo && measures["left 75"] < tint.near ? "no" : "not sure";
}

function isOfOneTone(measures, tint) {
  const tone = Math.min(measures["whole chroma 50"], tint.strong);
  return measures["whole chroma 99"] < tint.neutral || measures["whole left 97"] < tint.one_tone + tint.with_tone * tone;
}

function scoreOf(measures, order, tint, weights) {
  const inputs = order.map((name, i) =>
    clip((scaled(name, measures[name]) - weights.mean[i]) / weights.deviation[i], -tint.far, tint.far),
  );
  const width = weights.first_bias.length;
  let score = weights.second_bias[0];
  for (let j = 0; j < width; j++) {
    let value = weights.first_bias[j];
    for (let i = 0; i < inputs.length; i++) value += inputs[i] * weights.first[i * width + j];
    score += Math.tanh(value) * weights.second[j];
  }
  return clip(score, -20, 20);
}

function scaled(name, value) {
  if (name === "warm") return value;
  if (["shown", "area", "texture", "other hues"].includes(name) || name.includes("beyond")) return Math.sqrt(Math.max(value, 0));
  return Math.sign(value) * Math.log1p(2 * Math.abs(value));
}
