/** sRGB codes to CIELAB as OpenCV converts them: between the colours of a grid (`opencv_lab.py`). */

const SIDE = 33;

/**
 * @param {Uint8Array} rgb codes, pixel by pixel.
 * @param {Uint16Array} grid of OpenCV.
 * @returns {Float32Array[]} L, a and b.
 */
export function labOf(rgb, grid) {
  const count = rgb.length / 3;
  const lab = [0, 1, 2].map(() => new Float32Array(count));
  const places = Array.from({ length: 256 }, (_, code) => Math.round((code / 255) * 16384));
  for (let i = 0; i < count; i++) {
    const [red, green, blue] = [places[rgb[3 * i]], places[rgb[3 * i + 1]], places[rgb[3 * i + 2]]];
    const [L, a, b] = between(grid, red, green, blue);
    lab[0][i] = (L * 100) / 16384;
    lab[1][i] = a / 64 - 128;
    lab[2][i] = b / 64 - 128;
  }
  return lab;
}

/** Trilinear, in sixteenths of the way from one colour to the next. */
function between(grid, ...places) {
  const cells = places.map((place) => place >> 9);
  const parts = places.map((place) => (place >> 5) & 15);
  const found = [0, 0, 0];
  for (let corner = 0; corner < 8; corner++) {
    let weight = 1;
    let at = 0;
    for (let c = 0; c < 3; c++) {
      const step = (corner >> c) & 1;
      weight *= step ? parts[c] : 16 - parts[c];
      at = at * SIDE + Math.min(cells[c] + step, SIDE - 1);
    }
    if (weight) for (let c = 0; c < 3; c++) found[c] += weight * grid[3 * at + c];
  }
  return found.map((value) => Math.floor(value / 4096 + 0.5));
}
