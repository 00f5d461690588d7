/** EXIF blocks (TIFF structures without JPEG's prefix): read, and made to fit the new picture where they stand. Nothing
 * is moved: maker notes hold offsets from the start of the block. */

import { view } from "./bytes.js";

const SIZES = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4 };
export const TAGS = { orientation: 274, x: 282, y: 283, unit: 296, exif: 0x8769, gps: 0x8825, interop: 0xa005 };
const COLOR_SPACE = 0xa001;
const [WIDTH, HEIGHT] = [0xa002, 0xa003];
const [THUMBNAIL, THUMBNAIL_LENGTH] = [0x0201, 0x0202];
const MOST_ENTRIES = 4096;

/** A reader of directories. Throws `RangeError` for what is no TIFF structure or is cut short. */
export class Directories {
  constructor(bytes) {
    this.bytes = bytes;
    this.data = view(bytes);
    const order = this.data.getUint16(0);
    if (order !== 0x4949 && order !== 0x4d4d) throw new RangeError("no TIFF structure");
    this.little = order === 0x4949;
    if (this.data.getUint16(2, this.little) !== 42) throw new RangeError("no TIFF structure");
    this.first = this.data.getUint32(4, this.little);
  }

  /** Entries by tag, and where the pointer to the next directory stands. */
  directory(at) {
    const count = this.data.getUint16(at, this.little);
    if (count > MOST_ENTRIES) throw new RangeError("a damaged directory");
    const entries = new Map();
    for (let i = 0, from = at + 2; i < count; i++, from += 12) {
      const [tag, kind] = [this.data.getUint16(from, this.little), this.data.getUint16(from + 2, this.little)];
      const number = this.data.getUint32(from + 4, this.little);
      const length = number * (SIZES[kind] ?? 1);
      const place = length <= 4 ? from + 8 : this.data.getUint32(from + 8, this.little);
      if (place + length <= this.bytes.length) entries.set(tag, { tag, kind, count: number, at: place, length, from });
    }
    return { entries, next: at + 2 + 12 * count };
  }

  value(entry) {
    return this.bytes.subarray(entry.at, entry.at + entry.length);
  }

  numbers(entry) {
    if (!entry) return [];
    const size = SIZES[entry.kind] ?? 1;
    return Array.from({ length: entry.count }, (_, i) => this.#number(entry.kind, entry.at + i * size));
  }

  number(entry, otherwise) {
    return entry && entry.count ? this.numbers({ ...entry, count: 1 })[0] : otherwise;
  }

  #number(kind, at) {
    if (kind === 3 || kind === 8) return this.data.getUint16(at, this.little);
    if (kind === 5 || kind === 10) {
      return this.data.getUint32(at, this.little) / (this.data.getUint32(at + 4, this.little) || 1);
    }
    return SIZES[kind] === 4 ? this.data.getUint32(at, this.little) : this.data.getUint8(at);
  }

  write(entry, value) {
    if (entry?.count !== 1) return;
    if (entry.kind === 3) this.data.setUint16(entry.at, value, this.little);
    if (entry.kind === 4) this.data.setUint32(entry.at, value, this.little);
  }
}

/** Dots per inch, (horizontal, vertical); `null` where none are stated. */
export function resolutionOf(reader, entries) {
  const unit = reader.number(entries.get(TAGS.unit), 2);
  const [x, y] = [TAGS.x, TAGS.y].map((tag) => reader.number(entries.get(tag), 0));
  if (unit === 1 || !(x > 1 && y > 1 && x < 1e6 && y < 1e6)) return null;
  return unit === 3 ? [x * 2.54, y * 2.54] : [x, y];
}

/** What a block says: `{orientation, dpi}`. */
export function facts(block) {
  const reader = new Directories(block);
  const { entries } = reader.directory(reader.first);
  const orientation = reader.number(entries.get(TAGS.orientation), 0);
  return { orientation: orientation >= 1 && orientation <= 8 ? orientation : null, dpi: resolutionOf(reader, entries) };
}

/**
 * A copy of the block for the upright picture: orientation 1, the new size, no thumbnail.
 *
 * @param {{width: number, height: number, swaps: boolean, isSrgb: boolean}} picture `isSrgb`: its colours were converted.
 */
export function fitted(block, { width, height, swaps, isSrgb }) {
  const reader = new Directories(block.slice());
  const { entries, next } = reader.directory(reader.first);
  reader.write(entries.get(TAGS.orientation), 1);
  if (swaps) exchange(reader, entries.get(TAGS.x), entries.get(TAGS.y));
  const below = entries.get(TAGS.exif);
  if (below) {
    const exif = reader.directory(reader.number(below)).entries;
    if (isSrgb) reader.write(exif.get(COLOR_SPACE), 1);
    if (exif.has(WIDTH) && exif.has(HEIGHT)) {
      reader.write(exif.get(WIDTH), width);
      reader.write(exif.get(HEIGHT), height);
    }
  }
  dropThumbnail(reader, next);
  return reader.bytes;
}

function exchange(reader, one, other) {
  if (!one || !other || one.length !== other.length) return;
  const [first, second] = [reader.value(one).slice(), reader.value(other).slice()];
  reader.bytes.set(second, one.at);
  reader.bytes.set(first, other.at);
}

/** The second directory and its picture: nobody finds what the first one showed. */
function dropThumbnail(reader, pointer) {
  if (pointer + 4 > reader.bytes.length) return;
  const at = reader.data.getUint32(pointer, reader.little);
  reader.data.setUint32(pointer, 0, reader.little);
  if (!at || at + 2 > reader.bytes.length) return;
  const { entries, next } = reader.directory(at);
  const from = reader.number(entries.get(THUMBNAIL), 0);
  const length = reader.number(entries.get(THUMBNAIL_LENGTH), 0);
  if (from && from + length <= reader.bytes.length) reader.bytes.fill(0, from, from + length);
  for (const entry of entries.values()) reader.bytes.fill(0, entry.at, entry.at + entry.length);
  reader.bytes.fill(0, at, Math.min(next + 4, reader.bytes.length));
}

/** A block of entries that another file holds, such as a TIFF's: `kept(tag)` says which of the first directory. */
export function rewritten(reader, at, kept) {
  const parts = [new Uint8Array([reader.little ? 0x49 : 0x4d, reader.little ? 0x49 : 0x4d, 0, 0, 0, 0, 0, 0])];
  const head = view(parts[0]);
  head.setUint16(2, 42, reader.little);
  head.setUint32(4, 8, reader.little);
  let size = 8;
  const add = (bytes) => {
    parts.push(bytes);
    size += bytes.length;
  };
  const write = (where, keeps) => {
    const entries = [...reader.directory(where).entries.values()].filter((entry) => keeps(entry.tag) && SIZES[entry.kind]);
    entries.sort((one, other) => one.tag - other.tag);
    const table = new Uint8Array(2 + 12 * entries.length + 4);
    const data = view(table);
    data.setUint16(0, entries.length, reader.little);
    add(table);
    entries.forEach((entry, i) => {
      const to = 2 + 12 * i;
      table.set(reader.bytes.subarray(entry.from, entry.from + 8), to);
      if (POINTERS.has(entry.tag)) {
        data.setUint32(to + 8, size, reader.little);
        write(reader.number(entry), () => true);
      } else if (entry.length <= 4) {
        table.set(reader.bytes.subarray(entry.from + 8, entry.from + 12), to + 8);
      } else {
        data.setUint32(to + 8, size, reader.little);
        add(reader.value(entry).slice());
        if (entry.length % 2) add(new Uint8Array(1));
      }
    });
    return entries.length;
  };
  return write(at, kept) ? parts : null;
}

const POINTERS = new Set([TAGS.exif, TAGS.gps, TAGS.interop]);
