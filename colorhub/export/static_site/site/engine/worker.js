/** The worker's side of `engine.js`: photos by number, one command after the other. */

import { labOf } from "./opencv_lab.js";
import { read } from "./pixels.js";
import { Picture, framed, networkInput } from "./preprocess.js";
import { Failure, Files, Graph, start, wanted } from "./sessions.js";
import { Strips } from "./strips.js";
import { composing, greyOf, lightnessOf, readSafetensors } from "./tables.js";
import { seenInColor, smallCopy, stepOf } from "./tint.js";
import { seen } from "./windows.js";

const BREATH = 50; // ms after which commands that came meanwhile are heard
const AHEAD = 4; // bands that the page is sent before it has used them

const photos = new Map();
const cancelled = new Set();
let current = null; // the call that is answered
let engine = null;
let nextId = 1;
let queue = Promise.resolve();

onmessage = ({ data: { number, command, given } }) => {
  if (command === "cancel") cancel(given.number);
  else if (command === "took" && current?.number === given.number) current.took();
  else if (command === "release") queue = queue.then(() => photos.delete(given.id));
  else queue = queue.then(() => answer(number, COMMANDS[command], given));
};

function cancel(number) {
  cancelled.add(number);
  current?.wake();
}

async function answer(number, command, given) {
  const call = new Call(number);
  current = call;
  try {
    call.stopIfCancelled();
    const [value, transfer] = await command(given, call);
    postMessage({ number, kind: "answer", value }, transfer ?? []);
  } catch (error) {
    if (!(error instanceof Cancelled)) postMessage({ number, kind: "error", value: sentence(error) });
  } finally {
    cancelled.delete(number);
  }
}

class Cancelled extends Error {}

/** One command: what it says on its way, and whether it goes on. */
class Call {
  constructor(number) {
    this.number = number;
    this.since = performance.now();
    this.ahead = 0;
  }

  progress(part) {
    postMessage({ number: this.number, kind: "progress", value: part });
  }

  async band(y, rows, made) {
    postMessage({ number: this.number, kind: "band", value: { y, rows, made } }, [made.buffer]);
    this.ahead += 1;
    while (this.ahead > AHEAD) {
      await new Promise((go) => (this.wake = go));
      this.stopIfCancelled();
    }
  }

  took() {
    this.ahead -= 1;
    this.wake();
  }

  wake() {}

  stopIfCancelled() {
    if (cancelled.has(this.number)) throw new Cancelled();
  }

  /** Let messages in now and then. */
  async pause() {
    if (performance.now() - this.since < BREATH) return;
    await new Promise((go) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        go();
      };
      port2.postMessage(0);
    });
    this.since = performance.now();
    this.stopIfCancelled();
  }
}

const COMMANDS = {
  async start({ base, models, threads }) {
    const files = new Files(base);
    const count = start(base, threads);
    const constants = await files.json("engine/constants.json");
    const offered = constants.models.filter(({ name }) => !models || models.includes(name));
    engine = { files, constants, models: new Map(offered.map((one) => [one.name, one])), loaded: new Map() };
    const weights = files.bytes("engine/tint.safetensors");
    const grid = files.bytes("engine/opencv_lab.bin");
    const composed = files.bytes("engine/compose.safetensors");
    const lines = files.bytes("engine/lines.onnx");
    engine.weights = readSafetensors((await weights).buffer);
    engine.grid = new Uint16Array((await grid).buffer);
    engine.tables = composing(readSafetensors((await composed).buffer));
    engine.strips = new Strips(wanted(threads), engine.tables);
    engine.lines = await Graph.of(await lines);
    const listed = offered.map(({ name, label, size }) => ({ name, label, size }));
    return [{ backend: count > 1 ? "wasm-threads" : "wasm", threads: count, models: listed, constants }];
  },

  async analyze({ picture }, call) {
    const { width, height } = picture;
    if (!width || !height) throw new Failure("The photo holds no pixel: choose another one.", "photo");
    const { constants, tables, grid, models, weights } = engine;
    const facts = constants.tint_measures;
    const kept = picture.grey
      ? { codes: picture.grey, alpha: null, some: null }
      : await read(picture, stepOf(width, height, facts), (rgba) => greyOf(tables, rgba), () => call.pause());
    picture.close?.();
    const photo = { picture: new Picture(kept.codes, width, height), alpha: kept.alpha, inputs: new Map() };
    const inColor = kept.some ? isInColor(kept.some) : "no";
    const [model] = models.values();
    const { restored } = inputOf(photo, model);
    const id = nextId++;
    photos.set(id, photo);
    return [{ id, width, height, inColor, restored }];

    function isInColor(some) {
      const copy = smallCopy(some.rgb, some.width, some.height, facts);
      return seenInColor(labOf(copy.rgb, grid), copy.width, copy.height, constants, weights);
    }
  },

  async predict({ id, model: name }, call) {
    const photo = photoOf(id);
    const model = engine.models.get(name ?? engine.models.keys().next().value);
    if (!model) throw new Failure(`There is no model ${name} on this page.`, "unknown");
    const graph = await networkOf(model, (part) => call.progress(part / 2));
    await call.pause();
    const input = inputOf(photo, model);
    const answerTo = async (L, width, height) => {
      await call.pause();
      return graph.run({ L: [L, 1, 1, height, width] });
    };
    const onPart = (part) => call.progress((1 + part) / 2);
    const { seen: L, seenWidth, seenHeight } = input;
    const ab = await seen(L, seenWidth, seenHeight, model.multiple, engine.constants.windows, answerTo, onPart);
    photo.layer = { L: input.L, ab: framed(ab, input), width: input.width, height: input.height };
    call.progress(1);
    return [{}];
  },

  async compose({ id, vividness, width, kind }, call) {
    const photo = photoOf(id);
    if (!photo.layer) throw new Failure("The photo has no colours yet: run predict first.", "unknown");
    const [picture, alpha] = sized(photo, width);
    const size = { width: picture.width, height: picture.height };
    const whole = kind ? null : new Uint8ClampedArray(4 * size.width * size.height);
    const onStrip = (y, rows, made) => (whole ? whole.set(made, 4 * y * size.width) : call.band(y, rows, made));
    await engine.strips.compose(picture, alpha, await linesOf(photo.layer, vividness), kind ?? "rgba", onStrip, async (part) => {
      call.progress(part);
      await call.pause();
    });
    return whole ? [{ ...size, pixels: whole }, [whole.buffer]] : [size];
  },
};

/** A layer of colours as local lines over lightness. */
async function linesOf({ L, ab, width, height }, vividness) {
  const given = { L: [L, 1, 1, height, width], ab: [ab, 1, 2, height, width], vividness: [Float32Array.of(vividness)] };
  return { lines: await engine.lines.run(given), width, height };
}

function photoOf(id) {
  const photo = photos.get(id);
  if (!photo) throw new Failure("The photo is no longer open: choose it again.", "photo");
  return photo;
}

/** A photo as a network sees it, kept for the next time. */
function inputOf(photo, model) {
  const key = `${model.working_size} ${model.multiple}`;
  if (!photo.inputs.has(key)) photo.inputs.set(key, networkInput(photo.picture, model, engine.constants, lightness));
  return photo.inputs.get(key);
}

const lightness = ({ codes }) => lightnessOf(engine.tables, codes);

async function networkOf(model, onProgress) {
  if (!engine.loaded.has(model.name)) {
    engine.loaded.set(model.name, await Graph.of(await engine.files.bytes(model.file, model.size, onProgress)));
  }
  return engine.loaded.get(model.name);
}

/** The photo, or a smaller copy of that width, which is kept: a slider asks for it again and again. */
function sized(photo, width) {
  const { picture, alpha } = photo;
  if (!width || width >= picture.width) return [picture, alpha];
  if (photo.copy?.[0].width !== width) {
    const height = Math.max(1, Math.round((picture.height * width) / picture.width));
    const clear = alpha && new Picture(alpha, picture.width, picture.height).at(width, height).codes;
    photo.copy = [picture.at(width, height), clear];
  }
  return photo.copy;
}

function sentence(error) {
  if (error instanceof Failure) return { message: error.message, code: error.code };
  const text = String(error?.message ?? error);
  if (error instanceof RangeError || /memory|alloc|out of bounds|OOM/i.test(text)) {
    return { message: "This device has not enough free memory for the photo: close other pages, or use a smaller copy.", code: "memory" };
  }
  return { message: `The photo could not be coloured (${text}): reload the page and try again.`, code: "unknown" };
}
