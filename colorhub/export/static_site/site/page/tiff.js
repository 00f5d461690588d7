/** TIFF as scanners write it (TIFF 6.0): grey of 8 or 16 bits, or RGB of 8 bits, in strips or tiles; unpacked, LZW,
 * Deflate or PackBits. The first picture of a file that is no reduced copy and no mask. */

import { inflated, joined, startsWith } from "./bytes.js";
import { Directories, rewritten, resolutionOf, TAGS } from "./exif.js";

const DESCRIPTION = 270;
const STACKS = ["ImageJ=", '{"shape"', "shape=", "<?xml"]; // descriptions for programs, of how pixels are laid out
const [XMP, IPTC, PHOTOSHOP, ICC] = [700, 33723, 34377, 34675];
const BELOW = 330; // where the pictures below a directory stand
const [REDUCED, MASK] = [1, 4];
const MOST_PAGES = 10_000;
// What lays out the old file's pixels, or is kept in another way.
const LAYOUT = new Set([
  254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292,
  293, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 336, 338, 339, 340, 341, 342, 347, 512,
  513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, XMP, IPTC, PHOTOSHOP, ICC,
]);

/** What a TIFF holds that this page does not read. */
export class TiffError extends Error {}

export const isTiff = (bytes) => startsWith(bytes, "II*\0") || startsWith(bytes, "MM\0*");

/** `{metadata, size, decode}` of a file: `decode()` answers `{width, height, grey}` or `{width, height, rgba}`. */
export function openTiff(bytes) {
  const reader = new Directories(bytes);
  const pictures = picturesOf(reader);
  const at = pictures[0] ?? reader.first;
  const { entries } = reader.directory(at);
  if (!pictures.length && entries.has(BELOW)) throw new TiffError("the picture is below its reduced copy");
  const number = (tag, otherwise) => reader.number(entries.get(tag), otherwise);
  const [width, height] = [number(256, 0), number(257, 0)];
  if (!width || !height) throw new TiffError("no size");
  const orientation = number(TAGS.orientation, 1);
  const layout = layoutOf(reader, entries, width, height);
  const decode = async () => upright(await pixelsOf(bytes, layout), orientation);
  const metadata = { ...metadataOf(reader, at, entries), orientation, pages: Math.max(1, pictures.length) };
  return { metadata, size: [width, height], decode };
}

function metadataOf(reader, at, entries) {
  const block = (tag) => (entries.has(tag) ? reader.value(entries.get(tag)).slice() : null);
  const description = entries.get(DESCRIPTION);
  const isLayout = description && STACKS.some((start) => startsWith(reader.value(description), start));
  const kept = rewritten(reader, at, (tag) => !LAYOUT.has(tag) && !(isLayout && tag === DESCRIPTION));
  return {
    exif: kept && joined(kept),
    xmp: block(XMP),
    iptc: iptcOf(block(IPTC)),
    photoshop: block(PHOTOSHOP),
    dpi: resolutionOf(reader, entries),
    hadProfile: entries.has(ICC),
    bits: reader.number(entries.get(258), 1),
  };
}

/** Where the directories of a file's pictures stand, without reduced copies of others and masks. */
function picturesOf(reader) {
  const seen = new Set(); // directories may go round in a circle
  const found = [];
  try {
    for (let at = reader.first; at && !seen.has(at) && seen.size < MOST_PAGES; ) {
      seen.add(at);
      const { entries, next } = reader.directory(at);
      const isPart = reader.number(entries.get(254), 0) & (REDUCED | MASK) || reader.number(entries.get(255), 0) === 2;
      if (!isPart) found.push(at);
      at = reader.data.getUint32(next, reader.little);
    }
  } catch {
    // cut off behind these
  }
  return found;
}

/** Some programs write the records as numbers of 32 bits in the file's byte order. */
function iptcOf(value) {
  if (!value || value[0] === 0x1c || value[3] !== 0x1c) return value;
  return value.map((_, i) => value[(i & ~3) + 3 - (i & 3)] ?? 0);
}

function layoutOf(reader, entries, width, height) {
  const number = (tag, otherwise) => reader.number(entries.get(tag), otherwise);
  const bits = number(258, 1);
  const [kind, samples] = [number(262, -1), number(277, 1)];
  const isGrey = kind === 0 || kind === 1;
  if (!(isGrey && (bits === 8 || bits === 16)) && !(kind === 2 && bits === 8 && samples >= 3)) {
    throw new TiffError(`pixels of kind ${kind} with ${bits} bits`);
  }
  if (samples > 1 && number(284, 1) !== 1) throw new TiffError("colours in planes of their own");
  if (number(339, 1) !== 1) throw new TiffError("fractions");
  const tiled = entries.has(322);
  const tile = tiled ? [number(322), number(323)] : [width, Math.min(height, number(278, height))];
  if (!(tile[0] > 0 && tile[1] > 0)) throw new TiffError("no size");
  return {
    width,
    height,
    bits,
    samples,
    kind,
    tile,
    tiled,
    little: reader.little,
    packing: number(259, 1),
    predictor: number(317, 1),
    offsets: reader.numbers(entries.get(tiled ? 324 : 273)),
    lengths: reader.numbers(entries.get(tiled ? 325 : 279)),
  };
}

async function pixelsOf(bytes, layout) {
  const { width, height, bits, kind, tile, samples } = layout;
  const made = kind === 2 ? new Uint8ClampedArray(4 * width * height).fill(255) : new Uint16Array(width * height);
  const across = Math.ceil(width / tile[0]);
  const count = across * Math.ceil(height / tile[1]);
  if (layout.offsets.length < count) throw new RangeError("strips are missing");
  for (let i = 0; i < count; i++) {
    const [left, top] = [(i % across) * tile[0], Math.floor(i / across) * tile[1]];
    const rows = Math.min(tile[1], height - top);
    const packed = bytes.subarray(layout.offsets[i], layout.offsets[i] + (layout.lengths[i] ?? bytes.length));
    const wanted = tile[0] * samples * (bits / 8) * (layout.tiled ? tile[1] : rows);
    const values = samplesOf(await unpacked(packed, layout.packing, wanted), wanted, layout);
    put(made, values, layout, left, top, rows);
  }
  return kind === 2 ? { width, height, rgba: made } : { width, height, grey: made };
}

/** Values of one strip, the predictor undone. */
function samplesOf(raw, wanted, { bits, samples, tile, predictor, little }) {
  if (raw.length < wanted) throw new RangeError("cut short");
  const row = tile[0] * samples;
  let values = raw.subarray(0, wanted);
  if (bits === 16) {
    const data = new DataView(raw.buffer, raw.byteOffset, wanted);
    values = Uint16Array.from({ length: wanted / 2 }, (_, i) => data.getUint16(2 * i, little));
  }
  if (predictor === 2) {
    values = values.slice();
    for (let i = 0; i < values.length; i++) if (i % row >= samples) values[i] += values[i - samples];
  } else if (predictor !== 1) {
    throw new TiffError("a predictor of fractions");
  }
  return values;
}

function put(made, values, { width, bits, samples, kind, tile }, left, top, rows) {
  const columns = Math.min(tile[0], width - left);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const from = (y * tile[0] + x) * samples;
      const to = (top + y) * width + left + x;
      if (kind === 2) {
        for (let part = 0; part < 3; part++) made[4 * to + part] = values[from + part];
      } else {
        const value = bits === 8 ? values[from] * 257 : values[from];
        made[to] = kind === 0 ? 65535 - value : value;
      }
    }
  }
}

async function unpacked(packed, packing, wanted) {
  if (packing === 1) return packed;
  if (packing === 5) return lzw(packed, wanted);
  if (packing === 8 || packing === 32946) return inflated(packed);
  if (packing === 32773) return packBits(packed, wanted);
  throw new TiffError(`packing ${packing}`);
}

function packBits(packed, wanted) {
  const made = new Uint8Array(wanted);
  for (let from = 0, to = 0; to < wanted && from < packed.length; ) {
    const head = packed[from++];
    if (head < 128) {
      made.set(packed.subarray(from, Math.min(from + head + 1, from + wanted - to)), to);
      from += head + 1;
      to += head + 1;
    } else if (head > 128) {
      made.fill(packed[from++], to, to + 257 - head);
      to += 257 - head;
    }
  }
  return made;
}

const [CLEAR, END] = [256, 257];

function lzw(packed, wanted) {
  const made = new Uint8Array(wanted);
  const [starts, lengths] = [new Uint32Array(4097), new Uint16Array(4097)]; // of each code, in what was made
  let [to, next, size, held, bits, before] = [0, 258, 9, 0, 0, -1];
  for (const byte of packed) {
    held = ((held << 8) | byte) & 0xffffff;
    bits += 8;
    if (bits < size) continue;
    bits -= size;
    const code = (held >>> bits) & ((1 << size) - 1);
    if (code === END || to >= wanted) break;
    if (code === CLEAR) {
      [next, size, before] = [258, 9, -1];
      continue;
    }
    if (code > next || (code === next && before < 0)) throw new RangeError("damaged LZW");
    const start = to;
    if (code < 256) {
      made[to++] = code;
    } else {
      const [from, length] = code === next ? [before, to - before + 1] : [starts[code], lengths[code]];
      for (let i = 0; i < length && to < wanted; i++) made[to++] = made[from + i];
    }
    if (before >= 0 && next < 4096) {
      starts[next] = before;
      lengths[next] = start - before + 1;
      next += 1;
    }
    before = start;
    if (next + 1 >= 1 << size && size < 12) size += 1;
  }
  return made;
}

/** A picture turned as EXIF's orientation asks for. */
export function upright(picture, orientation) {
  if (!(orientation > 1 && orientation <= 8)) return picture;
  const { width, height } = picture;
  const swaps = orientation > 4;
  const [wide, high] = swaps ? [height, width] : [width, height];
  const from = picture.rgba ? new Uint32Array(picture.rgba.buffer) : picture.grey;
  const to = new from.constructor(from.length);
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      let [column, row] = swaps ? [y, x] : [x, y];
      if ([2, 3, 7, 8].includes(orientation)) column = width - 1 - column;
      if ([3, 4, 6, 7].includes(orientation)) row = height - 1 - row;
      to[y * wide + x] = from[row * width + column];
    }
  }
  const kept = picture.rgba ? { rgba: new Uint8ClampedArray(to.buffer) } : { grey: to };
  return { width: wide, height: high, ...kept };
}

