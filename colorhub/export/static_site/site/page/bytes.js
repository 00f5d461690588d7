/** Reading and joining bytes. */

/** Bytes as text, one character a byte. */
export const latin = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

export const bytesOf = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);

export function joined(parts) {
  const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    made.set(part, at);
    at += part.length;
  }
  return made;
}

export const startsWith = (bytes, text, at = 0) => latin(bytes.subarray(at, at + text.length)) === text;

export const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Whole numbers as bytes, the largest first. */
export const big32 = (value) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
export const big16 = (value) => Uint8Array.of(value >>> 8, value);

async function through(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

/** zlib's format, both ways. Damaged data reject. */
export const deflated = (bytes) => through(bytes, new CompressionStream("deflate"));
export const inflated = (bytes) => through(bytes, new DecompressionStream("deflate"));

const TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 as PNG and zip have it; `before`: that of the bytes that stand in front. */
export function crc32(bytes, before = 0) {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}
