/** A baseline JPEG encoder (ITU T.81) without subsampling, fed from the top: a canvas of a whole photo is more than
 * phones allow. Tables of quality are those of libjpeg, so that files are as Python writes them. */

// ITU T.81, annex K: quantisation in rows, Huffman codes as (how many of each length, values).
const LUMA = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87,
  80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92,
  95, 98, 112, 100, 103, 99,
];
const CHROMA = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99,
  99, 99, ...Array(32).fill(99),
];
const ZIGZAG = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55,
  62, 63,
];
const hex = (text) => text.match(/../g).map((pair) => parseInt(pair, 16));
const CODES = {
  0x00: [hex("00010501010101010100000000000000"), hex("000102030405060708090a0b")],
  0x01: [hex("00030101010101010101010000000000"), hex("000102030405060708090a0b")],
  0x10: [
    hex("0002010303020403050504040000017d"),
    hex(
      "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738" +
        "393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5" +
        "a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
    ),
  ],
  0x11: [
    hex("00020102040403040705040400010277"),
    hex(
      "0001020311040521310612415107617113223281081442" + "91a1b1c109233352f0156272d10a162434e125f11718191a262728292a3536373839" +
        "3a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5" +
        "a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
    ),
  ],
};
const SCALES = [1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.5411961, 0.275899379];
const CHUNK = 1 << 20;

export class JpegEncoder {
  /** @param {Uint8Array[]} segments that stand behind the start of the file: metadata. */
  constructor(width, height, segments, quality = 95) {
    this.width = width;
    this.height = height;
    this.parts = [];
    this.chunk = new Uint8Array(CHUNK);
    this.at = 0;
    this.bits = 0;
    this.held = 0;
    this.tables = [scaled(LUMA, quality), scaled(CHROMA, quality)];
    this.divisors = this.tables.map(divisorsOf);
    this.codes = [0, 1].map((kind) => ({ dc: lengthsOf(CODES[kind]), ac: lengthsOf(CODES[0x10 | kind]) }));
    this.last = [0, 0, 0];
    this.rows = 0;
    this.strip = new Uint8ClampedArray(4 * width * 8);
    this.block = [new Float32Array(64), new Float32Array(64), new Float32Array(64)];
    this.#head(segments);
  }

  /** Rows of RGBA; transparency is flattened on white by whoever calls. */
  add(rgba) {
    const row = 4 * this.width;
    for (let from = 0; from < rgba.length; from += row) {
      this.strip.set(rgba.subarray(from, from + row), (this.rows % 8) * row);
      this.rows += 1;
      if (this.rows % 8 === 0) this.#blocks();
    }
  }

  /** @returns {Uint8Array[]} the file, in parts. */
  finish() {
    const row = 4 * this.width;
    for (let left = this.rows % 8; left && left < 8; left++) this.strip.copyWithin(left * row, (left - 1) * row, left * row);
    if (this.rows % 8) this.#blocks();
    if (this.held) this.#put(0x7f, 7);
    this.#bytes(0xff, 0xd9);
    this.parts.push(this.chunk.slice(0, this.at));
    return this.parts;
  }

  #head(segments) {
    this.parts.push(Uint8Array.of(0xff, 0xd8), ...segments);
    this.tables.forEach((table, id) => this.#segment(0xdb, [id, ...ZIGZAG.map((at) => table[at])]));
    const { width, height } = this;
    const parts = [1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1];
    this.#segment(0xc0, [8, height >> 8, height & 255, width >> 8, width & 255, 3, ...parts]);
    for (const id in CODES) this.#segment(0xc4, [+id, ...CODES[id][0], ...CODES[id][1]]);
    this.#segment(0xda, [3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
  }

  #segment(marker, body) {
    const length = body.length + 2;
    this.parts.push(Uint8Array.of(0xff, marker, length >> 8, length & 255, ...body));
  }

  #blocks() {
    for (let left = 0; left < this.width; left += 8) {
      this.#fill(left);
      for (let part = 0; part < 3; part++) this.#encode(part, part ? 1 : 0);
    }
  }

  #fill(left) {
    const { strip, width } = this;
    const [luma, blue, red] = this.block;
    for (let i = 0; i < 64; i++) {
      const x = Math.min(left + (i & 7), width - 1);
      const from = 4 * ((i >> 3) * width + x);
      const [r, g, b] = [strip[from], strip[from + 1], strip[from + 2]];
      luma[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b) - 128;
      blue[i] = Math.min(127, Math.round(-0.168735892 * r - 0.331264108 * g + 0.5 * b));
      red[i] = Math.min(127, Math.round(0.5 * r - 0.418687589 * g - 0.081312411 * b));
    }
  }

  #encode(part, kind) {
    const values = this.block[part];
    const divisors = this.divisors[kind];
    const { dc, ac } = this.codes[kind];
    for (let i = 0; i < 64; i += 8) transform(values, i, 1);
    for (let i = 0; i < 8; i++) transform(values, i, 8);
    const first = Math.round(values[0] * divisors[0]);
    this.#number(dc, 0, first - this.last[part]);
    this.last[part] = first;
    let zeros = 0;
    for (let i = 1; i < 64; i++) {
      const at = ZIGZAG[i];
      const value = Math.round(values[at] * divisors[at]);
      if (value === 0) {
        zeros += 1;
        continue;
      }
      for (; zeros > 15; zeros -= 16) this.#put(ac.code[0xf0], ac.length[0xf0]);
      this.#number(ac, zeros, value);
      zeros = 0;
    }
    if (zeros) this.#put(ac.code[0], ac.length[0]);
  }

  #number(codes, zeros, value) {
    const size = 32 - Math.clz32(Math.abs(value));
    const symbol = (zeros << 4) | size;
    this.#put(codes.code[symbol], codes.length[symbol]);
    if (size) this.#put(value < 0 ? value + (1 << size) - 1 : value, size);
  }

  #put(value, length) {
    this.bits = (this.bits << length) | value;
    this.held += length;
    while (this.held >= 8) {
      const byte = (this.bits >>> (this.held - 8)) & 0xff;
      this.#bytes(byte);
      if (byte === 0xff) this.#bytes(0);
      this.held -= 8;
    }
    this.bits &= (1 << this.held) - 1;
  }

  #bytes(...bytes) {
    for (const byte of bytes) {
      if (this.at === CHUNK) {
        this.parts.push(this.chunk);
        this.chunk = new Uint8Array(CHUNK);
        this.at = 0;
      }
      this.chunk[this.at++] = byte;
    }
  }
}

/** libjpeg's scale of quality. */
function scaled(table, quality) {
  const scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  return table.map((value) => Math.min(255, Math.max(1, Math.floor((value * scale + 50) / 100))));
}

const divisorsOf = (table) => Float32Array.from(table, (value, i) => 1 / (value * SCALES[i >> 3] * SCALES[i & 7] * 8));

function lengthsOf([counts, values]) {
  const made = { code: new Uint16Array(256), length: new Uint8Array(256) };
  let [code, at] = [0, 0];
  counts.forEach((count, index) => {
    for (let i = 0; i < count; i++, at++, code++) {
      made.code[values[at]] = code;
      made.length[values[at]] = index + 1;
    }
    code <<= 1;
  });
  return made;
}

/** The cosine transform of eight values, scaled (Arai, Agui and Nakajima, 1988). */
function transform(d, at, s) {
  const s0 = d[at] + d[at + 7 * s];
  const d0 = d[at] - d[at + 7 * s];
  const s1 = d[at + s] + d[at + 6 * s];
  const d1 = d[at + s] - d[at + 6 * s];
  const s2 = d[at + 2 * s] + d[at + 5 * s];
  const d2 = d[at + 2 * s] - d[at + 5 * s];
  const s3 = d[at + 3 * s] + d[at + 4 * s];
  const d3 = d[at + 3 * s] - d[at + 4 * s];
  const [outer, inner] = [s0 + s3, s1 + s2];
  d[at] = outer + inner;
  d[at + 4 * s] = outer - inner;
  const even = (s1 - s2 + s0 - s3) * 0.707106781;
  d[at + 2 * s] = s0 - s3 + even;
  d[at + 6 * s] = s0 - s3 - even;
  const [a, b, c] = [d3 + d2, (d2 + d1) * 0.707106781, d1 + d0];
  const turned = (a - c) * 0.382683433;
  const [low, high] = [0.5411961 * a + turned, 1.306562965 * c + turned];
  d[at + 5 * s] = d0 - b + low;
  d[at + 3 * s] = d0 - b - low;
  d[at + s] = d0 + b + high;
  d[at + 7 * s] = d0 + b - high;
}
