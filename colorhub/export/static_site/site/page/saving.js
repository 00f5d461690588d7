/** A coloured photo -> its file, with everything that the photo's file held. */

import { fitted, jpegSegments, pngChunks } from "./metadata.js";
import { JpegEncoder } from "./jpeg.js";
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
  const encoder =
    format === "JPEG"
      ? new JpegEncoder(photo.width, photo.height, jpegSegments(made, profile, notes))
      : new PngEncoder(photo.width, photo.height, await pngChunks(made, profile, notes), photo.hasAlpha);
  let done = Promise.resolve();
  const onBand = (y, rows, rgba) => {
    if (format === "JPEG") onWhite(rgba);
    done = done.then(() => encoder.add(rgba));
    onProgress?.((y + rows) / photo.height);
  };
  await engine.compose(photo.id, { vividness: photo.vividness, onBand, signal });
  await done;
  const parts = await encoder.finish();
  return { blob: new Blob(parts, { type: format === "JPEG" ? "image/jpeg" : "image/png" }), notes };
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

function onWhite(rgba) {
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3];
    if (alpha === 255) continue;
    for (let part = 0; part < 3; part++) rgba[i + part] = (rgba[i + part] * alpha + 255 * (255 - alpha)) / 255;
    rgba[i + 3] = 255;
  }
}

/** The name of the coloured file, as the command line gives it. */
export function coloredName(name, format) {
  const stem = name.replace(/\.[^.]*$/, "") || "photo";
  return `${stem}.color.${format === "JPEG" ? "jpg" : "png"}`;
}
