/** A file that somebody gives -> a picture, and what its file says beside it. */

import { latin, startsWith } from "./bytes.js";
import { ofTiff, readMetadata } from "./metadata.js";
import { isTiff, openTiff, TiffError, upright } from "./tiff.js";

const MOST_BYTES = 400e6;
export const MOST_PIXELS = 100e6;
const MOST_SIDE = 65535;

/** A file that cannot be read: `key` is that of the sentence, `given` what stands in it. */
export class FileError extends Error {
  constructor(key, given = {}) {
    super(key);
    this.key = key;
    this.given = given;
  }
}

/**
 * @param {File} file
 * @returns {Promise<{picture: ImageBitmap|object, metadata: object, width, height, kind: string}>} `picture` upright, in
 *   sRGB, for the engine; `kind`: "JPEG", "PNG", "TIFF" or another.
 */
export async function readPhoto(file) {
  if (!file.size) throw new FileError("empty");
  if (file.size > MOST_BYTES) throw new FileError("largeFile");
  const bytes = new Uint8Array(await file.arrayBuffer().catch(() => Promise.reject(new FileError("gone"))));
  const kind = kindOf(bytes);
  if (!kind) throw new FileError("noPicture");
  if (kind === "TIFF") return readTiff(bytes);
  const metadata = await readMetadata(bytes).catch(() => Promise.reject(new FileError("broken")));
  expectSize(metadata.size);
  const picture = turned(await decoded(bytes, kind, metadata), metadata);
  expectSize([picture.width, picture.height]);
  return { picture, metadata, width: picture.width, height: picture.height, kind };
}

/** The colours under transparency stay; where there is none, that would only cost time. */
async function decoded(bytes, kind, { isUnusual }) {
  const premultiplyAlpha = kind === "JPEG" ? "default" : "none";
  const options = { imageOrientation: "from-image", premultiplyAlpha, colorSpaceConversion: "default" };
  try {
    return await createImageBitmap(new Blob([bytes], { type: TYPES[kind] }), options);
  } catch {
    if (isUnusual) throw new FileError("otherJpeg");
    throw new FileError(UNSURE.has(kind) ? "unreadable" : "broken", { kind });
  }
}

/** Chromium does not turn WebP: its bitmap then has the size that the file states, where the sides should have changed. */
function turned(bitmap, { orientation, size }) {
  const { width, height } = bitmap;
  if (!(orientation > 4) || !size || width === height || width !== size[0]) return bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { colorSpace: "srgb" });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return upright({ width, height, rgba: context.getImageData(0, 0, width, height).data }, orientation);
}

async function readTiff(bytes) {
  try {
    const { metadata, size, decode } = openTiff(bytes);
    expectSize(size);
    const picture = await decode();
    return { picture, metadata: ofTiff(metadata), width: picture.width, height: picture.height, kind: "TIFF" };
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw new FileError(error instanceof TiffError ? "otherTiff" : "broken", { kind: "TIFF" });
  }
}

function expectSize(size) {
  if (!size) return;
  const [width, height] = size;
  if (width * height > MOST_PIXELS || Math.max(width, height) > MOST_SIDE) {
    throw new FileError("large", { width, height, most: MOST_PIXELS / 1e6 });
  }
}

const TYPES = {
  JPEG: "image/jpeg",
  PNG: "image/png",
  WebP: "image/webp",
  GIF: "image/gif",
  BMP: "image/bmp",
  AVIF: "image/avif",
  HEIC: "image/heic",
};
const UNSURE = new Set(["AVIF", "HEIC"]); // not every browser reads them

/** By what the file begins with, as names are often wrong. */
function kindOf(bytes) {
  if (startsWith(bytes, "\xff\xd8\xff")) return "JPEG";
  if (startsWith(bytes, "\x89PNG\r\n\x1a\n")) return "PNG";
  if (startsWith(bytes, "RIFF") && startsWith(bytes, "WEBP", 8)) return "WebP";
  if (startsWith(bytes, "GIF8")) return "GIF";
  if (startsWith(bytes, "BM")) return "BMP";
  if (isTiff(bytes)) return "TIFF";
  if (!startsWith(bytes, "ftyp", 4)) return null;
  return latin(bytes.subarray(8, 32)).includes("avif") ? "AVIF" : "HEIC";
}
