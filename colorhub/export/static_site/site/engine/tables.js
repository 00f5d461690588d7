/** Tables that Python made, and what follows from them: see `colorhub/export/static_site/compose_tables.py`. */

const TYPES = { F32: Float32Array, U16: Uint16Array, U8: Uint8Array };

/** The tensors of a safetensors file, by name. */
export function readSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensors = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return Object.fromEntries(
    tensors.map(([name, { dtype, data_offsets: [first, last] }]) => [
      name,
      new TYPES[dtype](buffer.slice(8 + length + first, 8 + length + last)),
    ]),
  );
}

/**
 * What composing looks up. Beside the tensors: `columns` of the gamut table; by code `row`, where that of its lightness
 * begins, and `least`, the square of a chroma that sRGB holds in every direction; `eight`: the tables by code of 8 bits,
 * which fit into the processor's nearest cache.
 */
export function composing(tensors) {
  const columns = Math.sqrt(tensors.limits.length); // as many as rows
  const row = Int32Array.from(tensors.lightness, (L) => Math.min(Math.floor((L * columns) / 100), columns - 1) * columns);
  const leastOf = Float32Array.from({ length: columns }, (_, i) => {
    const limits = tensors.limits.subarray(i * columns, (i + 1) * columns);
    return (limits.reduce((least, one) => Math.min(least, one)) * tensors.unit[0]) ** 2;
  });
  const least = Float32Array.from(row, (from) => leastOf[from / columns]);
  const byCode = { lightness: tensors.lightness, luminance: tensors.luminance, row, least };
  const eight = Object.entries(byCode).map(([name, table]) => [name, table.filter((_, code) => code % 257 === 0)]);
  return { ...tensors, ...byCode, columns, eight: Object.fromEntries(eight) };
}

/** L of each code of 8 or 16 bits. */
export function lightnessOf({ lightness }, codes) {
  const made = new Float32Array(codes.length);
  const scale = codes instanceof Uint8Array ? 257 : 1;
  for (let i = 0; i < made.length; i++) made[i] = lightness[codes[i] * scale];
  return made;
}

/** The code of 16 bits of the grey that has the lightness of each pixel of RGBA. */
export function greyOf({ light, grey }, rgba) {
  const made = new Uint16Array(rgba.length / 4);
  const last = grey.length - 1;
  for (let i = 0, k = 0; i < made.length; i++, k += 4) {
    const place = Math.min((light[rgba[k]] + light[256 + rgba[k + 1]] + light[512 + rgba[k + 2]]) * last, last);
    const below = Math.min(place | 0, last - 1);
    made[i] = grey[below] + (place - below) * (grey[below + 1] - grey[below]) + 0.5;
  }
  return made;
}
