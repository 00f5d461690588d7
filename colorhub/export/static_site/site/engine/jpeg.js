/** A baseline JPEG encoder (ITU T.81) without subsampling, strip by strip: a canvas of a whole photo is more than phones
 * allow, and several workers can write strips, each of which is a restart interval. Tables of quality are those of
 * libjpeg, so that files are as Python writes them. */

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
const QUALITY = 95;
const PIXELS = 2 ** 18; // of a strip, about: what is computed of it stays in the processor's cache
const MOST_BLOCKS = 65535; // of a restart interval
const SPARE = 8192; // bytes: more than eight rows of a block's three parts can take

/** Rows of a strip, all but the last: whole blocks. */
export const stripRows = (width) =>
  8 * Math.max(1, Math.min(Math.floor(PIXELS / (8 * width)), Math.floor(MOST_BLOCKS / Math.ceil(width / 8))));

/** What stands in front of the strips. `segments`: metadata. */
export function head(width, height, segments) {
  const parts = [Uint8Array.of(0xff, 0xd8), ...segments];
  const segment = (marker, body) => {
    const length = body.length + 2;
    parts.push(Uint8Array.of(0xff, marker, length >> 8, length & 255, ...body));
  };
  [LUMA, CHROMA].forEach((table, id) => segment(0xdb, [id, ...ZIGZAG.map((at) => scaled(table)[at])]));
  segment(0xc0, [8, height >> 8, height & 255, width >> 8, width & 255, 3, 1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1]);
  for (const id in CODES) segment(0xc4, [+id, ...CODES[id][0], ...CODES[id][1]]);
  const interval = Math.ceil(width / 8) * (stripRows(width) / 8);
  segment(0xdd, [interval >> 8, interval & 255]);
  segment(0xda, [3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
  return parts;
}

/** What stands behind the strip of that number. */
export const behind = (number, isLast) => Uint8Array.of(0xff, isLast ? 0xd9 : 0xd0 | (number & 7));

export class StripEncoder {
  constructor() {
    this.divisors = [LUMA, CHROMA].map(divisorsOf);
    this.codes = [0, 1].map((kind) => ({ dc: lengthsOf(CODES[kind]), ac: lengthsOf(CODES[0x10 | kind]) }));
    this.blocks = [new Float64Array(64), new Float64Array(64), new Float64Array(64)];
    this.steps = new Int32Array(64);
    this.words = new Int32Array(160);
    this.lengths = new Uint8Array(160);
    this.shown = new Int32Array(2);
    this.made = new Uint8Array(1 << 20);
  }

  /** The bytes of some rows of RGBA. Transparency is flattened on white by whoever calls. */
  encode(rgba, width) {
    Object.assign(this, { at: 0, bits: 0, held: 0, last: new Int32Array(3) });
    const pixels = new Int32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4);
    const rows = pixels.length / width;
    for (let top = 0; top < rows; top += 8) {
      for (let left = 0; left < width; left += 8) {
        if (this.made.length - this.at < SPARE) this.#grow();
        this.#fill(pixels, width, rows, left, top);
        for (let part = 0; part < 3; part++) this.#encode(part, part ? 1 : 0);
      }
    }
    this.count = 0;
    if (this.held) this.#word(0x7f, 7);
    this.#write();
    return this.made.slice(0, this.at);
  }

  #grow() {
    const larger = new Uint8Array(2 * this.made.length);
    larger.set(this.made);
    this.made = larger;
  }

  /** Rounded as libjpeg does. Beyond the rim the rim goes on. */
  #fill(pixels, width, rows, left, top) {
    const [luma, blue, red] = this.blocks;
    const inside = width - 1 - left;
    for (let y = 0, i = 0; y < 8; y++) {
      const row = Math.min(top + y, rows - 1) * width + left;
      for (let x = 0; x < 8; x++, i++) {
        const pixel = pixels[row + (x < inside ? x : inside)];
        const r = pixel & 255;
        const g = (pixel >> 8) & 255;
        const b = (pixel >> 16) & 255;
        luma[i] = ((19595 * r + 38470 * g + 7471 * b + 32768) >> 16) - 128;
        blue[i] = (-11059 * r - 21709 * g + 32768 * b + 32767) >> 16;
        red[i] = (32768 * r - 27439 * g - 5329 * b + 32767) >> 16;
      }
    }
  }

  #encode(part, kind) {
    const { dc, ac } = this.codes[kind];
    transform(this.blocks[part]);
    const steps = this.#quantize(this.blocks[part], this.divisors[kind]);
    this.count = 0;
    this.#say(dc, 0, steps[0] - this.last[part]);
    this.last[part] = steps[0];
    let last = 0;
    for (let half = 0; half < 2; half++) {
      for (let bits = this.shown[half]; bits; ) {
        const first = Math.clz32(bits);
        bits &= 0x7fffffff >>> first;
        const at = 32 * half + first;
        let zeros = at - last - 1;
        for (; zeros > 15; zeros -= 16) this.#say(ac, 15, 0);
        this.#say(ac, zeros, steps[at]);
        last = at;
      }
    }
    if (last < 63) this.#say(ac, 0, 0);
    this.#write();
  }

  /** In zigzag order; `shown`: a bit for each that is not zero, but for the first. */
  #quantize(values, divisors) {
    const { steps, shown } = this;
    for (let half = 0; half < 2; half++) {
      let bits = 0;
      for (let i = 32 * half, end = i + 32; i < end; i++) {
        // To the nearest whole number, of values that are not large.
        const step = ((values[ORDER[i]] * divisors[i] + 32768.5) | 0) - 32768;
        steps[i] = step;
        bits = (bits << 1) | ((step | -step) >>> 31);
      }
      shown[half] = bits;
    }
    shown[0] &= 0x7fffffff;
    return steps;
  }

  /** A number and the zeros in front of it, as words of at most 24 bits. */
  #say(codes, zeros, number) {
    const size = 32 - Math.clz32(number < 0 ? -number : number);
    const symbol = (zeros << 4) | size;
    const rest = number < 0 ? number + (1 << size) - 1 : number;
    if (codes.length[symbol] + size > 24) {
      this.#word(codes.code[symbol], codes.length[symbol]);
      this.#word(rest, size);
    } else {
      this.#word((codes.code[symbol] << size) | rest, codes.length[symbol] + size);
    }
  }

  #word(value, length) {
    this.words[this.count] = value;
    this.lengths[this.count++] = length;
  }

  #write() {
    const { made, words, lengths, count } = this;
    let { at, bits, held } = this;
    for (let i = 0; i < count; i++) {
      bits = (bits << lengths[i]) | words[i];
      held += lengths[i];
      while (held >= 8) {
        held -= 8;
        const byte = (bits >>> held) & 0xff;
        made[at++] = byte;
        if (byte === 0xff) made[at++] = 0;
      }
    }
    this.at = at;
    this.bits = bits;
    this.held = held;
  }
}

const ORDER = Uint8Array.from(ZIGZAG);

/** libjpeg's scale of quality, from 50 on. */
const scaled = (table) =>
  table.map((value) => Math.min(255, Math.max(1, Math.floor((value * (200 - 2 * QUALITY) + 50) / 100))));

/** In zigzag order. */
const divisorsOf = (table) => {
  const divisors = scaled(table).map((value, i) => 1 / (value * SCALES[i >> 3] * SCALES[i & 7] * 8));
  return Float64Array.from(ORDER, (at) => divisors[at]);
};

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

/** The cosine transform of a block, scaled (Arai, Agui and Nakajima, 1988). */
function transform(block) {
  for (let i = 0; i < 64; i += 8) along(block, i, 1);
  for (let i = 0; i < 8; i++) along(block, i, 8);
}

function along(d, at, s) {
  const s0 = d[at] + d[at + 7 * s];
  const d0 = d[at] - d[at + 7 * s];
  const s1 = d[at + s] + d[at + 6 * s];
  const d1 = d[at + s] - d[at + 6 * s];
  const s2 = d[at + 2 * s] + d[at + 5 * s];
  const d2 = d[at + 2 * s] - d[at + 5 * s];
  const s3 = d[at + 3 * s] + d[at + 4 * s];
  const d3 = d[at + 3 * s] - d[at + 4 * s];
  const outer = s0 + s3;
  const inner = s1 + s2;
  d[at] = outer + inner;
  d[at + 4 * s] = outer - inner;
  const even = (s1 - s2 + s0 - s3) * 0.707106781;
  d[at + 2 * s] = s0 - s3 + even;
  d[at + 6 * s] = s0 - s3 - even;
  const a = d3 + d2;
  const b = (d2 + d1) * 0.707106781;
  const c = d1 + d0;
  const turned = (a - c) * 0.382683433;
  const low = 0.5411961 * a + turned;
  const high = 1.306562965 * c + turned;
  d[at + 5 * s] = d0 - b + low;
  d[at + 3 * s] = d0 - b - low;
  d[at + s] = d0 + b + high;
  d[at + 7 * s] = d0 + b - high;
}
