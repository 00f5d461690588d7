/** One of the workers that compose strips of a photo: see `strips.js`. */

import { Painter } from "./compose.js";
import { StripEncoder } from "./jpeg.js";

const encoder = new StripEncoder();
let tables = null;
let painter = null;

onmessage = ({ data }) => {
  if (data.tables) tables = data.tables;
  else if (data.layer) painter = new Painter(tables, data.layer, data.width, data.height);
  else answer(data);
};

function answer(given) {
  try {
    const made = strip(given);
    postMessage(made, [made.buffer]);
  } catch (error) {
    postMessage({ message: String(error?.message ?? error) });
  }
}

function strip({ codes, alpha, first, count, kind }) {
  const rgba = painter.paint(codes, first, count);
  if (alpha && kind === "jpeg") flatten(rgba, alpha);
  else if (alpha) for (let i = 0, k = 3; i < alpha.length; i++, k += 4) rgba[k] = alpha[i];
  return kind === "jpeg" ? encoder.encode(rgba, painter.width) : rgba;
}

/** Onto white, as JPEG holds no transparency. */
function flatten(rgba, alpha) {
  for (let i = 0, k = 0; i < alpha.length; i++, k += 4) {
    if (alpha[i] === 255) continue;
    for (let part = k; part < k + 3; part++) rgba[part] = (rgba[part] * alpha[i] + 255 * (255 - alpha[i])) / 255;
  }
}
