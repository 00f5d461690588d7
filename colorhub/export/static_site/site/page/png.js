/** PNG, written from the top, packed by the browser. */

import { big32, bytesOf, crc32, joined } from "./bytes.js";

/** One chunk. */
export function chunk(kind, body) {
  const named = joined([bytesOf(kind), body]);
  return joined([big32(body.length), named, big32(crc32(named))]);
}

export class PngEncoder {
  /** @param {Uint8Array[]} chunks of metadata, whole. */
  constructor(width, height, chunks, hasAlpha) {
    this.width = width;
    this.channels = hasAlpha ? 4 : 3;
    const header = joined([big32(width), big32(height), Uint8Array.of(8, hasAlpha ? 6 : 2, 0, 0, 0)]);
    this.parts = [Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10), chunk("IHDR", header), ...chunks];
    this.before = new Uint8Array(width * this.channels);
    const packer = new CompressionStream("deflate");
    this.writer = packer.writable.getWriter();
    this.packed = this.#collect(packer.readable.getReader());
  }

  async #collect(reader) {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.parts.push(chunk("IDAT", value));
    }
  }

  /** Rows of RGBA. */
  async add(rgba) {
    const { width, channels } = this;
    const rows = rgba.length / (4 * width);
    const filtered = new Uint8Array(rows * (1 + width * channels));
    for (let y = 0, to = 0; y < rows; y++) {
      const row = this.#row(rgba, 4 * y * width);
      filtered[to++] = 4;
      for (let i = 0; i < row.length; i++) {
        const [left, corner] = i < channels ? [0, 0] : [row[i - channels], this.before[i - channels]];
        filtered[to++] = row[i] - paeth(left, this.before[i], corner);
      }
      this.before = row;
    }
    await this.writer.write(filtered);
  }

  #row(rgba, from) {
    const { width, channels } = this;
    if (channels === 4) return rgba.slice(from, from + 4 * width);
    const row = new Uint8Array(3 * width);
    for (let i = 0, k = from; i < row.length; i += 3, k += 4) {
      row[i] = rgba[k];
      row[i + 1] = rgba[k + 1];
      row[i + 2] = rgba[k + 2];
    }
    return row;
  }

  async finish() {
    await this.writer.close();
    await this.packed;
    this.parts.push(chunk("IEND", new Uint8Array(0)));
    return this.parts;
  }
}

function paeth(left, above, corner) {
  const [a, b] = [Math.abs(above - corner), Math.abs(left - corner)];
  const c = Math.abs(left + above - 2 * corner);
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}
