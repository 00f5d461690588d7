/**
 * Colours photos in a worker: the page's side of it.
 *
 *     const engine = createEngine({ base: new URL("./", document.baseURI) });
 *     await engine.ready();                                   // {backend, threads, models: [{name, label, size}]}
 *     const photo = await engine.analyze(bitmap);             // {id, width, height, inColor, restored}
 *     await engine.predict(photo.id, { model, onProgress });  // onProgress(part of the work done, 0..1)
 *     const { pixels } = await engine.compose(photo.id, { vividness: 1 });
 *     engine.release(photo.id);
 *
 * Whatever fails is an `EngineError`, whose message is a sentence for people; one that was cancelled by a signal is the
 * `AbortError` of that signal.
 */

/** What went wrong, for people: `code` is one of "unsupported", "download", "memory", "photo", "unknown". */
export class EngineError extends Error {
  constructor(message, code = "unknown") {
    super(message);
    this.name = "EngineError";
    this.code = code;
  }
}

/**
 * @param {object} options
 * @param {URL|string} options.base the folder of the site, with a slash at its end.
 * @param {string[]} [options.models] names of the models to offer; all that the site has when not given.
 * @param {number} [options.threads] so many; when not given as many as the processor has, up to four.
 */
export function createEngine({ base, models, threads } = {}) {
  return new Engine(new URL(base ?? "./", globalThis.location.href), models, threads);
}

class Engine {
  #worker;
  #calls = new Map();
  #number = 0;
  #ready;

  /** Constants that Python wrote, once `ready()` has answered: see `engine/constants.json`. */
  constants = null;

  constructor(base, models, threads) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#heard(data);
    this.#worker.onerror = (event) => this.#broken(event);
    this.#ready = this.#call("start", { base: base.href, models, threads }).then(({ constants, ...facts }) => {
      this.constants = constants;
      return facts;
    });
    this.#ready.catch(() => {}); // said by whoever asks for it
  }

  /** @returns {Promise<{backend: "wasm-threads"|"wasm", threads: number, models: {name, label, size}[]}>} */
  ready() {
    return this.#ready;
  }

  /**
   * Read a photo, which stays in the worker until `release`.
   *
   * @param {ImageBitmap|{width: number, height: number, rgba: Uint8ClampedArray}|{width, height, grey: Uint16Array}}
   *   picture upright, in sRGB. A bitmap and the arrays are moved to the worker, and gone here. `grey`: 16-bit,
   *   gamma-encoded as sRGB is.
   * @returns {Promise<{id, width, height, inColor: "yes"|"no"|"not sure", restored: boolean}>}
   */
  async analyze(picture, { signal } = {}) {
    await this.#ready;
    const moved = picture instanceof ImageBitmap ? picture : (picture.rgba ?? picture.grey).buffer;
    return this.#call("analyze", { picture }, { signal, transfer: [moved] });
  }

  /** Run a network on a photo. Its answer stays in the worker, for `compose`. */
  async predict(id, { model, onProgress, signal } = {}) {
    await this.#ready;
    return this.#call("predict", { id, model }, { signal, onProgress });
  }

  /**
   * Colour a photo at full size with the last answer of `predict`.
   *
   * @param {object} options
   * @param {number} options.vividness factor on chroma, 0 to 4.
   * @param {number} [options.width] of a smaller copy, for the screen; the photo's own when not given.
   * @param {"rgba"|"jpeg"} [options.kind] what `onBand` is given.
   * @param {(y: number, rows: number, made: Uint8ClampedArray|Uint8Array) => Promise|void} [options.onBand] given the
   *   picture band by band from the top, as RGBA or as bytes that stand between the parts of `jpeg.js`, the next ones
   *   when it is done; the answer then has no `pixels`.
   * @returns {Promise<{width, height, pixels?: Uint8ClampedArray}>}
   */
  async compose(id, { vividness = 1, width, kind = "rgba", onBand, onProgress, signal } = {}) {
    await this.#ready;
    return this.#call("compose", { id, vividness, width, kind: onBand && kind }, { signal, onBand, onProgress });
  }

  /** Forget a photo. */
  release(id) {
    this.#worker.postMessage({ command: "release", given: { id } });
  }

  /** End the worker. */
  close() {
    this.#worker.terminate();
    this.#fail(new EngineError("The engine was closed.", "unknown"));
  }

  #call(command, given, { signal, transfer = [], ...listeners } = {}) {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const number = ++this.#number;
    return new Promise((resolve, reject) => {
      const cancel = () => {
        this.#worker.postMessage({ command: "cancel", given: { number } });
        this.#calls.delete(number);
        reject(signal.reason);
      };
      signal?.addEventListener("abort", cancel, { once: true });
      const done = () => {
        this.#calls.delete(number);
        signal?.removeEventListener("abort", cancel);
      };
      this.#calls.set(number, { resolve, reject, done, ...listeners });
      this.#worker.postMessage({ number, command, given }, transfer);
    });
  }

  #heard({ number, kind, value }) {
    const call = this.#calls.get(number);
    if (!call) return; // cancelled meanwhile
    if (kind === "progress") return void call.onProgress?.(value);
    if (kind === "band") return void this.#take(number, call, value);
    call.done();
    if (kind === "answer") call.resolve(value);
    else call.reject(new EngineError(value.message, value.code));
  }

  /** The next bands come once this one is used: they would fill the memory. */
  async #take(number, call, { y, rows, made }) {
    try {
      await call.onBand(y, rows, made);
      this.#worker.postMessage({ command: "took", given: { number } });
    } catch (error) {
      this.#worker.postMessage({ command: "cancel", given: { number } });
      call.done();
      call.reject(error);
    }
  }

  #broken(event) {
    event.preventDefault?.();
    const message = event.message
      ? `The part that colours photos stopped (${event.message}): reload the page.`
      : "The part that colours photos could not be started: reload the page, or use a newer browser.";
    this.#fail(new EngineError(message, "unsupported"));
  }

  #fail(error) {
    for (const call of [...this.#calls.values()]) {
      call.done();
      call.reject(error);
    }
  }
}
