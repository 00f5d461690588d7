/** A zip of files as they are: pictures do not get smaller. */

import { crc32 } from "./bytes.js";

const LARGEST = 0xffff0000; // bytes: more needs another format of zip

/** @param {{name: string, blob: Blob}[]} files with names of their own. Throws `RangeError` for more than 4 GB. */
export async function zipped(files) {
  const [parts, directory] = [[], []];
  let at = 0;
  for (const { name, blob } of files) {
    const title = new TextEncoder().encode(name);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    if (at + blob.size > LARGEST) throw new RangeError("too large");
    const facts = [[0x0800, 2], [0, 2], [...stamp()], [crc, 4], [blob.size, 4], [blob.size, 4], [title.length, 2], [0, 2]];
    parts.push(numbers([[0x04034b50, 4], [20, 2], ...facts.flatMap(flat)]), title, blob);
    const central = [[0x02014b50, 4], [20, 2], [20, 2], ...facts.flatMap(flat), [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]];
    directory.push(numbers(central), title);
    at += 30 + title.length + blob.size;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = files.length;
  const end = [[0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [at, 4], [0, 2]];
  return new Blob([...parts, ...directory, numbers(end)], { type: "application/zip" });
}

const flat = (one) => (Array.isArray(one[0]) ? one : [one]);

/** Time and date as DOS wrote them. */
function stamp(now = new Date()) {
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  return [[time, 2], [date, 2]];
}

function numbers(fields) {
  return Uint8Array.from(fields.flatMap(([value, size]) => Array.from({ length: size }, (_, i) => (value >>> (8 * i)) & 255)));
}
