/** A coloured photo -> its file, with everything that the photo's file held. */

import { fitted, jpegSegments, pngChunks } from "./metadata.js";
import { behind, head } from "../engine/jpeg.js";
import { PngEncoder } from "./png.js";

/**
 * @param {object} engine of `createEngine`.
 * @param {object} photo `{id, name, kind, metadata, inColor, model, vividness}`.
 * @param {"JPEG"|"PNG"} format
 * @param {{facts: object, profile: Uint8Array}} given what Python says of metadata; sRGB's ICC profile.
 * @returns {Promise<{blob: Blob, notes: string[]}>} `notes`: keys of sentences on what was left out.
 */
export async function savedPhoto(engine, photo, format, { facts, profile }, { signal, onProgress } = {}) {
  const { record } = engine.constants;
  const made = fitted(photo.metadata, photo, { ...facts, ...record }, provenance(engine.constants, photo));
  const notes = [];
  const write = format === "JPEG" ? jpeg : png;
  const compose = (kind, add) => {
    const onBand = async (y, rows, made) => {
      await add(made, y + rows === photo.height);
      onProgress?.((y + rows) / photo.height);
    };
    return engine.compose(photo.id, { vividness: photo.vividness, kind, onBand, signal });
  };
  const parts = await write(compose, photo, made, profile, notes);
  return { blob: new Blob(parts, { type: format === "JPEG" ? "image/jpeg" : "image/png" }), notes };
}

async function jpeg(compose, { width, height }, made, profile, notes) {
  const parts = head(width, height, jpegSegments(made, profile, notes));
  let number = 0;
  await compose("jpeg", (strip, isLast) => void parts.push(strip, behind(number++, isLast)));
  return parts;
}

async function png(compose, { width, height, hasAlpha }, made, profile, notes) {
  const encoder = new PngEncoder(width, height, await pngChunks(made, profile, notes), hasAlpha);
  let done = Promise.resolve();
  await compose("rgba", (rgba) => (done = done.then(() => encoder.add(rgba))));
  await done;
  return encoder.finish();
}

/** What Python's record says: which model made the colours, and of what. */
function provenance({ models }, { model, vividness, inColor }) {
  const used = models.find((one) => one.name === model) ?? models[0];
  const settings = { ...used.settings, vividness, ...(inColor === "no" ? {} : { in_color: "recolor" }) };
  const said = Object.entries(settings).map(([key, value]) => `${JSON.stringify(key)}: ${spelled(key, value)}`);
  return {
    model: used.name,
    architecture: used.architecture,
    weights_sha256: used.weights_sha256,
    settings: `{${said.join(", ")}}`,
  };
}

/** Python writes a factor of 1 as 1.0. */
const spelled = (key, value) =>
  key === "vividness" && Number.isInteger(value) ? value.toFixed(1) : JSON.stringify(value);

/** The name of the coloured file, as the command line gives it. */
export function coloredName(name, format) {
  const stem = name.replace(/\.[^.]*$/, "") || "photo";
  return `${stem}.color.${format === "JPEG" ? "jpg" : "png"}`;
}
