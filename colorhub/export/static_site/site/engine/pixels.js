/** Pictures in and out, tile by tile: never a canvas of a whole photo, which phones refuse. */

const TILE = 2048; // columns of a tile
const PIXELS = 2 ** 19; // of a tile

/** Tiles that cover a picture, row by row. */
function* tiles(width, height) {
  const wide = Math.min(width, TILE);
  const high = Math.max(1, Math.floor(PIXELS / wide));
  for (let top = 0; top < height; top += high) {
    for (let left = 0; left < width; left += wide) {
      yield { left, top, width: Math.min(wide, width - left), height: Math.min(high, height - top) };
    }
  }
}

/** How the pixels of a picture are read: `(tile) => rgba`, and what is to be done at the end. */
function reader(picture) {
  if (!(picture instanceof ImageBitmap)) return [(tile) => cut(picture, tile), () => {}];
  return framed(picture) ?? [drawn(picture), () => {}];
}

function cut(picture, { left, top, width, height }) {
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 4 * ((top + y) * picture.width + left);
    rgba.set(picture.rgba.subarray(from, from + 4 * width), 4 * y * width);
  }
  return rgba;
}

/** A bitmap without transparency as a frame of a film, whose bytes are copied as they are: ten times as fast as from a
 * canvas. `null` where that cannot be or is not sure. */
function framed(bitmap) {
  if (!globalThis.VideoFrame) return null;
  const frame = new VideoFrame(bitmap, { timestamp: 0 });
  const isBlueFirst = frame.format === "BGRX";
  const isUpright = frame.rotation === 0 && frame.flip === false; // its bytes are those before it is turned
  if (!isUpright || (!isBlueFirst && frame.format !== "RGBX")) {
    frame.close();
    return null;
  }
  const read = async ({ left, top, width, height }) => {
    const rgba = new Uint8ClampedArray(4 * width * height);
    await frame.copyTo(rgba, { rect: { x: left, y: top, width, height } });
    if (isBlueFirst) exchangeEnds(new Uint32Array(rgba.buffer));
    return rgba;
  };
  return [read, () => frame.close()];
}

function exchangeEnds(packed) {
  for (let i = 0; i < packed.length; i++) {
    const value = packed[i];
    packed[i] = (value & 0xff00ff00) | ((value >>> 16) & 0xff) | ((value & 0xff) << 16);
  }
}

function drawn(bitmap) {
  const canvas = new OffscreenCanvas(1, 1);
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  return ({ left, top, width, height }) => {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.globalCompositeOperation = "copy";
    context.drawImage(bitmap, -left, -top);
    return context.getImageData(0, 0, width, height).data;
  };
}

/**
 * What is kept of a picture.
 *
 * @param {(rgba: Uint8ClampedArray) => Uint16Array} greyOf codes of 16 bits of a coloured tile.
 * @param {number} step every so manieth pixel is kept in colour as well.
 * @returns {Promise<{codes: Uint8Array|Uint16Array, alpha: Uint8Array|null, some: {rgb, width, height}|null}>} `codes`:
 *   grey, of 8 bits where that holds it exactly; `some`: `null` for a picture without colour.
 */
export async function read(picture, step, greyOf, pause) {
  const { width, height } = picture;
  const [pixels, end] = reader(picture);
  const some = sampler(width, height, step);
  let codes = new Uint8Array(width * height);
  let alpha = null;
  for (const tile of tiles(width, height)) {
    const rgba = await pixels(tile);
    const packed = new Uint32Array(rgba.buffer);
    some.take(rgba, tile);
    const { isNeutral, isOpaque } = facts(packed);
    if (codes instanceof Uint8Array && !isNeutral) codes = Uint16Array.from(codes, (code) => code * 257);
    if (codes instanceof Uint8Array) putBytes(codes, width, packed, tile, 0);
    else put(codes, width, greyOf(rgba), tile);
    if (!alpha && !isOpaque) alpha = new Uint8Array(width * height).fill(255);
    if (alpha) putBytes(alpha, width, packed, tile, 24);
    await pause();
  }
  end();
  return { codes, alpha, some: codes instanceof Uint8Array ? null : some.made };
}

/** Every `step`th pixel of every `step`th row, gathered from tiles. */
function sampler(width, height, step) {
  const [wide, high] = [Math.ceil(width / step), Math.ceil(height / step)];
  const made = { rgb: new Uint8Array(3 * wide * high), width: wide, height: high };
  const take = (rgba, { left, top, width: columns, height: rows }) => {
    for (let y = Math.ceil(top / step) * step; y < top + rows; y += step) {
      let to = 3 * ((y / step) * wide + Math.ceil(left / step));
      for (let x = Math.ceil(left / step) * step; x < left + columns; x += step, to += 3) {
        const from = 4 * ((y - top) * columns + x - left);
        made.rgb[to] = rgba[from];
        made.rgb[to + 1] = rgba[from + 1];
        made.rgb[to + 2] = rgba[from + 2];
      }
    }
  };
  return { made, take };
}

function facts(packed) {
  let [differences, clear] = [0, 0xff];
  for (let i = 0; i < packed.length; i++) {
    const value = packed[i];
    differences |= (value ^ (value >>> 8)) & 0xffff;
    clear &= value >>> 24;
  }
  return { isNeutral: differences === 0, isOpaque: clear === 0xff };
}

function put(whole, width, part, tile) {
  for (let y = 0; y < tile.height; y++) {
    whole.set(part.subarray(y * tile.width, (y + 1) * tile.width), (tile.top + y) * width + tile.left);
  }
}

/** One byte of each pixel of a tile. */
function putBytes(whole, width, packed, tile, shift) {
  for (let y = 0, k = 0; y < tile.height; y++) {
    const from = (tile.top + y) * width + tile.left;
    for (let x = 0; x < tile.width; x++, k++) whole[from + x] = packed[k] >>> shift;
  }
}
