/** Strips of a photo, composed by several workers: of any size with little memory, and delivered from the top. */

import { stripRows } from "./jpeg.js";
import { Failure } from "./sessions.js";

const AHEAD = 2; // strips that each worker is given at a time, so that none waits

export class Strips {
  #workers;

  constructor(count, tables) {
    this.#workers = Array.from({ length: count }, () => started(tables));
  }

  /**
   * @param {Picture} picture grey. `alpha`: a byte a pixel, or `null`.
   * @param {{lines: Float32Array, width, height}} layer of colours.
   * @param {"rgba"|"jpeg"} kind what becomes of a strip: see `jpeg.js` for its bytes as JPEG.
   * @param {(y, rows, made: Uint8Array|Uint8ClampedArray) => Promise|void} onStrip called from the top.
   * @param {(part: number) => Promise<void>} pause where the work may be cancelled.
   */
  async compose(picture, alpha, layer, kind, onStrip, pause) {
    const { codes, width, height } = picture;
    const rows = stripRows(width);
    for (const { worker } of this.#workers) worker.postMessage({ layer, width, height });
    const going = [];
    const deliver = async () => {
      const { y, count, made } = going.shift();
      await onStrip(y, count, await made);
      await pause(Math.min((y + count) / height, 1));
    };
    try {
      for (let y = 0, number = 0; y < height; y += rows, number++) {
        if (going.length === AHEAD * this.#workers.length) await deliver();
        const count = Math.min(rows, height - y);
        const [from, to] = [y * width, (y + count) * width];
        const given = { codes: codes.slice(from, to), alpha: alpha && alpha.slice(from, to), first: y, count, kind };
        going.push({ y, count, made: asked(this.#workers[number % this.#workers.length], given) });
      }
      while (going.length) await deliver();
    } finally {
      await Promise.allSettled(going.map(({ made }) => made)); // a worker answers in order: nothing is left for the next
    }
  }
}

/** A worker, and a promise that rejects when it cannot go on. */
function started(tables) {
  const worker = new Worker(new URL("./strip_worker.js", import.meta.url), { type: "module" });
  const broken = new Promise((_, reject) => {
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Failure("A part of the page could not be started: reload the page.", "download"));
    };
  });
  broken.catch(() => {}); // said by whoever asks for a strip
  worker.postMessage({ tables });
  return { worker, broken };
}

/** What a worker answers. It is given strips in turn and answers in that order. */
function asked({ worker, broken }, given) {
  const answer = new Promise((resolve, reject) => {
    const heard = (event) => {
      worker.removeEventListener("message", heard);
      event.stopImmediatePropagation(); // whoever asked next waits for the next answer
      if (event.data.message === undefined) resolve(event.data);
      else reject(new Error(event.data.message));
    };
    worker.addEventListener("message", heard);
  });
  worker.postMessage(given, [given.codes.buffer, ...(given.alpha ? [given.alpha.buffer] : [])]);
  return Promise.race([answer, broken]);
}
