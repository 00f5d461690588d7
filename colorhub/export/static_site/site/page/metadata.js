/** What a photo's file holds beside its pixels: read as it stands, and put into the new file as segments or chunks. */

import { big16, big32, bytesOf, deflated, inflated, joined, latin, startsWith, view } from "./bytes.js";
import * as exif from "./exif.js";
import { chunk } from "./png.js";
import { recorded } from "./xmp.js";

const EXIF_PREFIX = "Exif\0\0";
const XMP_PREFIX = "http://ns.adobe.com/xap/1.0/\0";
const EXTENSION_PREFIX = "http://ns.adobe.com/xmp/extension/\0";
const PHOTOSHOP_PREFIX = "Photoshop 3.0\0";
const XMP_KEY = "XML:com.adobe.xmp";
const RAW_PROFILE = "Raw profile type ";
const SEGMENT = 65533;
const IPTC = 0x0404;
const STALE = new Set([0x0409, 0x040c, 0x040f, 0x0422, 0x0423, 0x0424]); // thumbnails, profile, caches of EXIF and XMP

/** `texts`: chunks of PNG; `extended`: bodies of JPEG's segments; `photoshop`: 8BIM blocks, IPTC's among them; `bits`: of
 * a channel; `pages`: pictures of the file, of which the first is read. */
const nothing = () => ({
  exif: null,
  xmp: null,
  extended: [],
  photoshop: null,
  iptc: null,
  comments: [],
  texts: [],
  dpi: null,
  hadProfile: false,
  orientation: null,
  size: null,
  bits: 8,
  pages: 1,
});

/** Read a file of any kind; damaged blocks are left out. */
export async function readMetadata(bytes) {
  const found = nothing();
  if (startsWith(bytes, "\xff\xd8")) readJpeg(bytes, found);
  else if (startsWith(bytes, "\x89PNG\r\n\x1a\n")) await readPng(bytes, found);
  else if (startsWith(bytes, "RIFF") && startsWith(bytes, "WEBP", 8)) readWebp(bytes, found);
  else if (startsWith(bytes, "GIF8")) found.pages = Math.max(1, gifFrames(bytes));
  return withExif(found);
}

/** The same from what TIFF's tags say. */
export const ofTiff = (given) => withExif({ ...nothing(), ...given });

function withExif(found) {
  try {
    const said = found.exif && exif.facts(found.exif);
    found.dpi ??= said?.dpi ?? null;
    found.orientation ??= said?.orientation ?? null;
  } catch {
    found.exif = null; // a damaged block
  }
  return found;
}

function readJpeg(bytes, found) {
  const data = view(bytes);
  const resources = [];
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) {
      at += 1;
      continue;
    }
    const marker = bytes[at + 1];
    if (marker === 0xff || marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === 0xda || marker === 0xd9) break;
    const length = data.getUint16(at + 2);
    noteSegment(marker, bytes.subarray(at + 4, at + 2 + length), found, resources);
    at += 2 + Math.max(length, 2);
  }
  found.photoshop = resources.length ? joined(resources) : null;
}

function noteSegment(marker, body, found, resources) {
  if (marker === 0xe0 && startsWith(body, "JFIF\0") && body.length >= 12) {
    const [x, y] = [view(body).getUint16(8), view(body).getUint16(10)];
    const factor = { 1: 1, 2: 2.54 }[body[7]];
    if (factor && x > 1 && y > 1) found.dpi = [x * factor, y * factor];
  } else if (marker === 0xe1 && startsWith(body, EXIF_PREFIX)) {
    found.exif ??= body.slice(EXIF_PREFIX.length);
  } else if (marker === 0xe1 && startsWith(body, XMP_PREFIX)) {
    found.xmp ??= body.slice(XMP_PREFIX.length);
  } else if (marker === 0xe1 && startsWith(body, EXTENSION_PREFIX)) {
    found.extended.push(body.slice());
  } else if (marker === 0xe2 && startsWith(body, "ICC_PROFILE\0")) {
    found.hadProfile = true;
  } else if (marker === 0xed && startsWith(body, PHOTOSHOP_PREFIX)) {
    resources.push(body.slice(PHOTOSHOP_PREFIX.length));
  } else if (marker === 0xfe && body.some((byte) => byte)) {
    found.comments.push(body.slice());
  } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker) && body.length >= 6) {
    found.size ??= [view(body).getUint16(3), view(body).getUint16(1)];
    found.isUnusual ||= marker > 0xc2 || body[0] !== 8;
  }
}

async function readPng(bytes, found) {
  const data = view(bytes);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = data.getUint32(at);
    const kind = latin(bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length || kind === "IEND") break;
    const body = bytes.subarray(at + 8, at + 8 + length);
    await noteChunk(kind, body, bytes.subarray(at, at + 12 + length), found).catch(() => {}); // damaged: left out
    at += 12 + length;
  }
}

async function noteChunk(kind, body, whole, found) {
  if (kind === "IHDR") {
    found.size = [view(body).getUint32(0), view(body).getUint32(4)];
    found.bits = Math.max(8, body[8]);
  } else if (kind === "acTL") found.pages = view(body).getUint32(0);
  else if (kind === "eXIf") found.exif = body.slice();
  else if (kind === "iCCP") found.hadProfile = true;
  else if (kind === "pHYs" && body[8] === 1) {
    found.dpi = [0, 4].map((at) => inInches(view(body).getUint32(at)));
  } else if (["tEXt", "zTXt", "iTXt"].includes(kind)) {
    const { key, value } = await textOf(kind, body);
    if (key === XMP_KEY) found.xmp ??= value;
    else if (key.startsWith(RAW_PROFILE)) noteProfile(key.slice(RAW_PROFILE.length).toLowerCase(), latin(value), found);
    else found.texts.push(whole.slice());
  }
}

/** PNG counts dots per metre: 300 per inch become 299.9994. */
function inInches(metre) {
  const inches = metre * 0.0254;
  return Math.abs(inches - Math.round(inches)) < 0.0127 ? Math.round(inches) : inches;
}

async function textOf(kind, body) {
  const end = body.indexOf(0);
  if (end < 0) throw new RangeError("a damaged text");
  const key = latin(body.subarray(0, end));
  let rest = body.subarray(end + 1);
  let packed = kind === "zTXt";
  if (packed) rest = rest.subarray(1);
  if (kind === "iTXt") {
    packed = rest[0] === 1;
    rest = rest.subarray(2);
    for (let field = 0; field < 2; field++) rest = rest.subarray(rest.indexOf(0) + 1); // language, translated keyword
  }
  return { key, value: packed ? await inflated(rest) : rest.slice() };
}

/** Blocks that ImageMagick and exiftool put into PNG's texts: a name, a length, hexadecimal digits. */
function noteProfile(kind, text, found) {
  const digits = text.trim().split("\n").slice(2).join("").replace(/\s/g, "");
  const block = Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  if (kind === "iptc" || kind === "8bim") {
    if (block[0] === 0x1c) found.iptc = block;
    else found.photoshop = joined([found.photoshop ?? new Uint8Array(0), block]);
  } else if (kind === "xmp") {
    found.xmp ??= block;
  } else if (kind === "exif" || (kind === "app1" && startsWith(block, EXIF_PREFIX))) {
    found.exif ??= startsWith(block, EXIF_PREFIX) ? block.slice(EXIF_PREFIX.length) : block;
  }
}

function readWebp(bytes, found) {
  const data = view(bytes);
  let frames = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const kind = latin(bytes.subarray(at, at + 4));
    const length = data.getUint32(at + 4, true);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (kind === "EXIF") found.exif = body.slice(startsWith(body, EXIF_PREFIX) ? EXIF_PREFIX.length : 0);
    else if (kind === "XMP ") found.xmp = body.slice();
    else if (kind === "ICCP") found.hadProfile = true;
    else if (kind === "ANMF") frames += 1;
    else if (kind === "VP8X") found.size = [4, 7].map((from) => 1 + body[from] + (body[from + 1] << 8) + (body[from + 2] << 16));
    at += 8 + length + (length % 2);
  }
  found.pages = Math.max(1, frames);
}

function gifFrames(bytes) {
  const colors = (flags) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let frames = 0;
  for (let at = 13 + colors(bytes[10]); at < bytes.length; ) {
    const kind = bytes[at];
    if (kind !== 0x21 && kind !== 0x2c) break;
    if (kind === 0x2c) frames += 1;
    at += kind === 0x2c ? 11 + colors(bytes[at + 9]) : 2;
    while (bytes[at]) at += 1 + bytes[at];
    at += 1;
  }
  return frames;
}

/**
 * The metadata of the coloured photo.
 *
 * @param {object} found of `readMetadata`.
 * @param {{width: number, height: number}} picture upright.
 * @param {object} given what Python says: the record, and what is stale.
 * @param {Object<string, string>} provenance of the colours.
 */
export function fitted(found, { width, height }, given, provenance) {
  const swaps = found.orientation > 4;
  const picture = { width, height, swaps, isSrgb: found.hadProfile };
  const made = { ...found, dpi: swaps && found.dpi ? [...found.dpi].reverse() : found.dpi };
  try {
    made.exif = found.exif && exif.fitted(found.exif, picture);
  } catch {
    made.exif = null;
  }
  made.xmp = recorded(found.xmp, picture, given, provenance).packet;
  made.photoshop = resourcesOf(found);
  return made;
}

/** 8BIM blocks without those that describe the old file, with the IPTC records among them. */
function resourcesOf({ photoshop, iptc }) {
  const parts = [];
  const blocks = photoshop ?? new Uint8Array(0);
  for (let at = 0; startsWith(blocks, "8BIM", at) && at + 12 <= blocks.length; ) {
    const number = view(blocks).getUint16(at + 4);
    const named = at + 6 + ((blocks[at + 6] + 2) & ~1);
    if (named + 4 > blocks.length) break;
    const length = view(blocks).getUint32(named);
    const end = named + 4 + length + (length % 2);
    if (named + 4 + length > blocks.length) break;
    if (!STALE.has(number) && !(number === IPTC && iptc)) parts.push(padded(blocks.subarray(at, end), end - at));
    at = end;
  }
  if (iptc) {
    const head = [bytesOf("8BIM"), big16(IPTC), Uint8Array.of(0, 0), big32(iptc.length), iptc];
    parts.push(...head, new Uint8Array(iptc.length % 2));
  }
  return parts.length ? joined(parts) : null;
}

function padded(bytes, length) {
  const made = new Uint8Array(length);
  made.set(bytes);
  return made;
}

/** Segments for the start of a JPEG. */
export function jpegSegments(made, profile, notes) {
  const parts = [segment(0xe0, joined([bytesOf("JFIF\0\x01\x01"), density(made.dpi), Uint8Array.of(0, 0)]))];
  const add = (marker, prefix, body, what) => {
    if (prefix.length + body.length <= SEGMENT) parts.push(segment(marker, joined([bytesOf(prefix), body])));
    else notes.push(what);
  };
  if (made.exif) add(0xe1, EXIF_PREFIX, made.exif, "exifTooLarge");
  if (made.xmp) add(0xe1, XMP_PREFIX, made.xmp, "xmpTooLarge");
  made.extended.forEach((body) => parts.push(segment(0xe1, body)));
  if (made.hadProfile) parts.push(segment(0xe2, joined([bytesOf("ICC_PROFILE\0\x01\x01"), profile])));
  const room = SEGMENT - PHOTOSHOP_PREFIX.length;
  for (let at = 0; at < (made.photoshop?.length ?? 0); at += room) {
    parts.push(segment(0xed, joined([bytesOf(PHOTOSHOP_PREFIX), made.photoshop.subarray(at, at + room)])));
  }
  const texts = made.texts.map(plainText).filter((text) => text);
  for (const comment of [...made.comments, ...texts]) parts.push(segment(0xfe, comment.subarray(0, SEGMENT)));
  return parts;
}

const segment = (marker, body) => joined([Uint8Array.of(0xff, marker), big16(body.length + 2), body]);

function density(dpi) {
  const [x, y] = (dpi ?? [1, 1]).map((value) => Math.min(65535, Math.round(value)));
  return joined([Uint8Array.of(dpi ? 1 : 0), big16(x), big16(y)]);
}

/** One of PNG's plain texts for formats that know comments only. */
function plainText(whole) {
  if (latin(whole.subarray(4, 8)) !== "tEXt") return null;
  const [key, value] = latin(whole.subarray(8, -4)).split("\0");
  return new TextEncoder().encode(key === "Comment" ? value : `${key}: ${value}`);
}

/** Chunks for the start of a PNG. */
export async function pngChunks(made, profile, notes) {
  const parts = [];
  if (made.hadProfile) parts.push(chunk("iCCP", joined([bytesOf("sRGB\0\0"), await deflated(profile)])));
  if (made.dpi) {
    const dots = made.dpi.map((value) => big32(Math.round(value / 0.0254)));
    parts.push(chunk("pHYs", joined([...dots, Uint8Array.of(1)])));
  }
  if (made.exif) parts.push(chunk("eXIf", made.exif));
  if (made.xmp) parts.push(chunk("iTXt", joined([bytesOf(`${XMP_KEY}\0\0\0\0\0`), made.xmp])));
  if (made.photoshop) {
    const digits = Array.from(made.photoshop, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const lines = digits.match(/.{1,72}/g).join("\n");
    const text = `\niptc\n${String(made.photoshop.length).padStart(8)}\n${lines}\n`;
    parts.push(chunk("zTXt", joined([bytesOf(`${RAW_PROFILE}iptc\0\0`), await deflated(bytesOf(text))])));
  }
  for (const comment of made.comments) {
    parts.push(chunk("iTXt", joined([bytesOf("Comment\0\0\0\0\0"), comment])));
  }
  if (made.extended.length) notes.push("extendedLeftOut");
  return [...parts, ...made.texts];
}
