/** onnxruntime, and the graphs that Python exported. */

import * as ort from "./ort/ort.wasm.min.mjs";

/** A failure that has a sentence for people. */
export class Failure extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/** Files of the site. */
export class Files {
  constructor(base) {
    this.base = base;
  }

  async bytes(path, size = 0, onProgress = () => {}) {
    const response = await this.response(path);
    const reader = response.body.getReader();
    const parts = [];
    let received = 0;
    for (;;) {
      const { done, value } = await reader.read().catch(() => Promise.reject(lost(path)));
      if (done) break;
      parts.push(value);
      received += value.length;
      if (size) onProgress(Math.min(received / size, 1));
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  }

  async json(path) {
    return (await this.response(path)).json();
  }

  async response(path) {
    const response = await fetch(new URL(path, this.base)).catch(() => Promise.reject(lost(path)));
    if (!response.ok) throw lost(`${path}, status ${response.status}`);
    return response;
  }
}

const lost = (what) =>
  new Failure(`A part of the page could not be loaded (${what}): check the connection and reload the page.`, "download");

/** How many threads or workers there are to be. */
export const wanted = (threads) => threads ?? Math.min(4, navigator.hardwareConcurrency || 1);

/** Start the runtime. Returns how many threads it has. */
export function start(base, threads) {
  if (typeof WebAssembly !== "object") {
    throw new Failure("This browser has no WebAssembly, which colours the photos: use a newer one.", "unsupported");
  }
  ort.env.wasm.wasmPaths = new URL("engine/ort/", base).href;
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? wanted(threads) : 1;
  ort.env.logLevel = "error";
  return ort.env.wasm.numThreads;
}

/** A graph, ready to run. */
export class Graph {
  static async of(content) {
    const settings = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };
    return new Graph(await ort.InferenceSession.create(content, settings));
  }

  constructor(session) {
    this.session = session;
    this.output = session.outputNames[0];
  }

  /** Values of the only output. Given are typed arrays with their shapes. */
  async run(given) {
    const feeds = Object.fromEntries(Object.entries(given).map(([name, [values, ...shape]]) => [name, tensor(values, shape)]));
    const answer = (await this.session.run(feeds))[this.output];
    const values = answer.data;
    answer.dispose();
    return values;
  }
}

const tensor = (values, shape) => new ort.Tensor("float32", values, shape);
