/** Colours onto rows of a photo, in one pass over its pixels: what `colorhub/inference/compose` does. All that depends on
 * a code alone stands in tables that Python made (`compose_tables.py`). */

import { between } from "./resize.js";

const LINES = 6; // slope of a and b, their offsets, darkest and lightest
const OPAQUE = 255 << 24;
const LARGEST = 65535; // code, and step of linear light
const TINY = 1e-12;

export class Painter {
  /**
   * @param {object} tables of `tables.js`.
   * @param {{lines: Float32Array, width, height}} layer of colours.
   */
  constructor(tables, layer, width, height) {
    Object.assign(this, { tables, layer, width, height });
    const across = between(layer.width, width);
    this.part = Float64Array.from(across.part);
    this.ends = new Int32Array(layer.width); // of the columns that lie right of each column of the layer
    for (let x = 0; x < width; x++) this.ends[across.near[x]] = x + 1;
    for (let cell = 1; cell < layer.width; cell++) this.ends[cell] = Math.max(this.ends[cell], this.ends[cell - 1]);
    this.row = new Float64Array(LINES * (layer.width + 1));
  }

  /** Rows `first` to `first + count` of the photo as RGBA. `codes`: theirs, of 8 or 16 bits. */
  paint(codes, first, count) {
    const down = between(this.layer.height, this.height, first, first + count);
    const made = new Int32Array(count * this.width);
    for (let i = 0; i < count; i++) {
      this.#mix(down.near[i], down.far[i], down.part[i]);
      this.#paintRow(codes, made, i * this.width);
    }
    return new Uint8ClampedArray(made.buffer);
  }

  /** The lines of one row, those of a column together; beyond the last column it goes on. */
  #mix(near, far, part) {
    const { row, layer } = this;
    const { lines, width, height } = layer;
    for (let c = 0; c < LINES; c++) {
      const [above, below] = [(c * height + near) * width, (c * height + far) * width];
      for (let x = 0, k = c; x < width; x++, k += LINES) row[k] = lines[above + x] + part * (lines[below + x] - lines[above + x]);
    }
    row.copyWithin(LINES * width, LINES * (width - 1), LINES * width);
  }

  #paintRow(codes, made, k) {
    const { row, part, ends, tables } = this;
    const { srgb, limits, columns } = tables;
    const { lightness, luminance, row: rows, least } = codes instanceof Uint8Array ? tables.eight : tables;
    const [unit, join, slope] = [...tables.unit, ...tables.curve];
    const [r0, r1, r2, r3, g0, g1, g2, g3, b0, b1, b2, b3] = tables.matrix;
    const [half, quarter] = [columns / 2, columns / 4];
    const [join3, line] = [3 * join, 1 / slope];
    for (let cell = 0, x = 0, at = 0; cell < ends.length; cell++, at += LINES) {
      const end = ends[cell];
      const [sa, ta] = [row[at], row[at + 6] - row[at]];
      const [sb, tb] = [row[at + 1], row[at + 7] - row[at + 1]];
      const [oa, pa] = [row[at + 2], row[at + 8] - row[at + 2]];
      const [ob, pb] = [row[at + 3], row[at + 9] - row[at + 3]];
      const [dark, darker] = [row[at + 4], row[at + 10] - row[at + 4]];
      const [light, lighter] = [row[at + 5], row[at + 11] - row[at + 5]];
      for (; x < end; x++, k++) {
        const p = part[x];
        const code = codes[k];
        const L = lightness[code];
        const low = dark + p * darker;
        const high = light + p * lighter;
        const over = L > low ? L : low;
        const bounded = over < high ? over : high;
        let a = (sa + p * ta) * bounded + oa + p * pa;
        let b = (sb + p * tb) * bounded + ob + p * pb;
        const square = a * a + b * b;
        if (square > least[code]) {
          const size = Math.abs(b) + TINY; // the direction is measured along a square, from -2 to 2
          const across = 1 - a / (Math.abs(a) + size);
          const column = Math.min((b < 0 ? half - across * quarter : half + across * quarter) | 0, columns - 1);
          const limit = limits[rows[code] + column] * unit;
          if (square > limit * limit) {
            const keep = limit / Math.sqrt(square);
            a *= keep;
            b *= keep;
          }
        }
        const f = (L + 16) * (1 / 116);
        const fx = f + a * (1 / 500);
        const fz = f - b * (1 / 200);
        const aboveX = fx > join ? fx - join : 0;
        const aboveZ = fz > join ? fz - join : 0;
        const X = aboveX * aboveX * (aboveX + join3) + fx * line;
        const Y = luminance[code];
        const Z = aboveZ * aboveZ * (aboveZ + join3) + fz * line;
        const red = r0 * X + r1 * Y + r2 * Z + r3;
        const green = g0 * X + g1 * Y + g2 * Z + g3;
        const blue = b0 * X + b1 * Y + b2 * Z + b3;
        made[k] =
          srgb[red < 0 ? 0 : red > LARGEST ? LARGEST : red | 0] |
          (srgb[green < 0 ? 0 : green > LARGEST ? LARGEST : green | 0] << 8) |
          (srgb[blue < 0 ? 0 : blue > LARGEST ? LARGEST : blue | 0] << 16) |
          OPAQUE;
      }
    }
  }
}
