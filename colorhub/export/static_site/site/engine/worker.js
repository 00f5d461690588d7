/** The worker's side of `engine.js`: photos by number, one command after the other. */

import { compose, tables } from "./compose.js";
import { labOf } from "./opencv_lab.js";
import { asWide, read } from "./pixels.js";
import { Picture, framed, networkInput } from "./preprocess.js";
import { Failure, Files, Graph, start } from "./sessions.js";
import { readSafetensors, seenInColor, smallCopy, stepOf } from "./tint.js";
import { seen } from "./windows.js";

const SURROUNDING = ["lightness", "grey", "srgb", "lines", "band"];
const BAND = 2 ** 21; // pixels that are sent to the page at a time
const BREATH = 50; // ms after which commands that came meanwhile are heard

const photos = new Map();
const cancelled = new Set();
let engine = null;
let nextId = 1;
let queue = Promise.resolve();

onmessage = ({ data: { number, command, given } }) => {
  if (command === "cancel") cancelled.add(given.number);
  else if (command === "release") queue = queue.then(() => photos.delete(given.id));
  else queue = queue.then(() => answer(number, COMMANDS[command], given));
};

async function answer(number, command, given) {
  const call = new Call(number);
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
  }

  progress(part) {
    postMessage({ number: this.number, kind: "progress", value: part });
  }

  band(y, rows, rgba) {
    postMessage({ number: this.number, kind: "band", value: { y, rows, rgba } }, [rgba.buffer]);
  }

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
    const contents = SURROUNDING.map((name) => files.bytes(`engine/graphs/${name}.onnx`));
    engine.weights = readSafetensors((await weights).buffer);
    engine.grid = new Uint16Array((await grid).buffer);
    engine.graphs = {};
    for (const [i, name] of SURROUNDING.entries()) engine.graphs[name] = await Graph.of(await contents[i]);
    engine.tables = await tables(engine.graphs);
    const listed = offered.map(({ name, label, size }) => ({ name, label, size }));
    return [{ backend: count > 1 ? "wasm-threads" : "wasm", threads: count, models: listed, constants }];
  },

  async analyze({ picture }, call) {
    const { width, height } = picture;
    if (!width || !height) throw new Failure("The photo holds no pixel: choose another one.", "photo");
    const { constants, graphs, grid, models, weights } = engine;
    const facts = constants.tint_measures;
    const kept = picture.grey
      ? { codes: picture.grey, alpha: null, some: null }
      : await read(picture, stepOf(width, height, facts), greyOf, () => call.pause());
    picture.close?.();
    const photo = { picture: new Picture(kept.codes, width, height), alpha: kept.alpha, inputs: new Map() };
    const inColor = kept.some ? isInColor(kept.some) : "no";
    const [model] = models.values();
    const { restored } = await inputOf(photo, model);
    const id = nextId++;
    photos.set(id, photo);
    return [{ id, width, height, inColor, restored }];

    function greyOf(rgb, wide, high) {
      return graphs.grey.run({ rgb: [rgb, 3, high, wide] });
    }

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
    const input = await inputOf(photo, model);
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

  async compose({ id, vividness, width, inBands }, call) {
    const photo = photoOf(id);
    if (!photo.layer) throw new Failure("The photo has no colours yet: run predict first.", "unknown");
    const [picture, alpha] = sized(photo, width);
    const whole = inBands ? null : new Uint8ClampedArray(4 * picture.width * picture.height);
    const bands = gathered(picture.width, (y, rows, rgba) => call.band(y, rows, rgba));
    const onBand = (y, rows, rgba) => (whole ? whole.set(rgba, 4 * y * picture.width) : bands.add(y, rows, rgba));
    await compose(engine, picture, alpha, photo.layer, vividness, onBand, async (part) => {
      call.progress(part);
      await call.pause();
    });
    bands.end();
    const size = { width: picture.width, height: picture.height };
    return whole ? [{ ...size, pixels: whole }, [whole.buffer]] : [size];
  },
};

function photoOf(id) {
  const photo = photos.get(id);
  if (!photo) throw new Failure("The photo is no longer open: choose it again.", "photo");
  return photo;
}

/** A photo as a network sees it, kept for the next time. */
async function inputOf(photo, model) {
  const key = `${model.working_size} ${model.multiple}`;
  if (!photo.inputs.has(key)) photo.inputs.set(key, await networkInput(photo.picture, model, engine.constants, lightness));
  return photo.inputs.get(key);
}

function lightness({ codes, width, height }) {
  return engine.graphs.lightness.run({ codes: [asWide(codes), height, width] });
}

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

/** Bands joined until they are worth a message. */
function gathered(width, send) {
  let [parts, from, count] = [[], 0, 0];
  const end = () => {
    if (!count) return;
    const rgba = new Uint8ClampedArray(4 * count * width);
    let place = 0;
    for (const part of parts) {
      rgba.set(part, place);
      place += part.length;
    }
    send(from, count, rgba);
    [parts, from, count] = [[], from + count, 0];
  };
  const add = (y, rows, rgba) => {
    parts.push(rgba);
    count += rows;
    if (count * width >= BAND) end();
  };
  return { add, end };
}

function sentence(error) {
  if (error instanceof Failure) return { message: error.message, code: error.code };
  const text = String(error?.message ?? error);
  if (error instanceof RangeError || /memory|alloc|out of bounds|OOM/i.test(text)) {
    return { message: "This device has not enough free memory for the photo: close other pages, or use a smaller copy.", code: "memory" };
  }
  return { message: `The photo could not be coloured (${text}): reload the page and try again.`, code: "unknown" };
}
