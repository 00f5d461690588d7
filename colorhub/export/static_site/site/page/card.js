/** One photo on the page: read, coloured, shown beside what it was, and written. */

import { Compare } from "./compare.js";
import { FileError, readPhoto } from "./reading.js";
import { coloredName, savedPhoto } from "./saving.js";
import { say } from "./strings.js";

const PREVIEW = 1400; // columns of what is shown
const LOSSLESS = new Set(["PNG", "TIFF", "GIF", "BMP"]);
const FAILURES = { download: "downloadFailed", memory: "memory", unsupported: "unsupported" };

export class Card {
  /** @param {object} desk `{engine, facts, turn(work), keep(card), changed()}`, which all cards share. */
  constructor(file, desk) {
    this.file = file;
    this.desk = desk;
    this.name = file.name || "photo";
    this.state = "waiting";
    this.vividness = desk.engine.constants?.vividness.default ?? 1;
    this.model = desk.models[0]?.name;
    this.#build();
    this.#show("waiting");
  }

  /** Colour it when its turn comes. `force`: although it is in colour already. */
  color(force = false) {
    this.canceling = new AbortController();
    this.#show("waiting");
    return this.#work(async (signal) => {
      await this.#analyzed(signal);
      if (this.inColor === "yes" && !force) return this.#show("inColor");
      await this.#predicted(signal);
      this.#show("composing");
      await this.#preview(signal);
      this.#done();
    });
  }

  /** @returns {Promise<{name: string, blob: Blob}>} */
  async saved(onProgress, signal) {
    await this.#resident(signal);
    const format = this.format.value;
    const { blob, notes } = await savedPhoto(this.desk.engine, this, format, this.desk.facts, { onProgress, signal });
    this.notes = notes;
    return { name: coloredName(this.name, format), blob };
  }

  /** Give the photo's pixels back; they are read again when they are needed. */
  release() {
    if (this.id !== undefined) this.desk.engine.release(this.id);
    this.id = undefined;
    this.predicted = undefined;
  }

  remove() {
    this.canceling?.abort();
    this.release();
    this.element.remove();
  }

  /** In the page's language. */
  say() {
    for (const [element, key] of this.words) element.textContent = say(key);
    this.compare.say(say("compare"));
    this.removing.setAttribute("aria-label", say("removeNamed", { name: this.name }));
    this.status.textContent = this.said?.map((sentence) => say(...sentence)).join(" ") ?? "";
  }

  #work(work) {
    const signal = this.canceling.signal;
    return this.desk.turn(async () => {
      if (signal.aborted) return this.#show("cancelled");
      try {
        await work(signal);
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  async #analyzed(signal) {
    this.#show("reading");
    const { picture, ...facts } = await readPhoto(this.file);
    Object.assign(this, facts);
    this.remarks = remarksOn(facts.metadata);
    if (!this.shown) await this.#showBefore(picture);
    const found = await this.desk.engine.analyze(picture, { signal });
    Object.assign(this, { id: found.id, inColor: found.inColor, restored: found.restored });
    this.desk.keep(this);
  }

  async #predicted(signal) {
    const onProgress = (part) => this.#progress("coloring", part);
    this.#progress("coloring", 0);
    await this.desk.engine.predict(this.id, { model: this.model, onProgress, signal });
    this.predicted = this.model;
  }

  async #resident(signal) {
    if (this.id === undefined) await this.#analyzed(signal);
    if (this.predicted !== this.model) await this.#predicted(signal);
  }

  async #preview(signal) {
    const width = Math.min(PREVIEW, this.width);
    const made = await this.desk.engine.compose(this.id, { vividness: this.vividness, width, signal });
    this.hasAlpha = this.kind !== "JPEG" && made.pixels.some((value, i) => i % 4 === 3 && value < 255);
    this.compare.showAfter(new ImageData(made.pixels, made.width, made.height));
  }

  async #showBefore(picture) {
    const width = Math.min(PREVIEW, picture.width);
    const small = picture instanceof ImageBitmap ? picture : reduced(picture, width);
    const options = { resizeWidth: width, resizeQuality: "high" };
    const bitmap = await createImageBitmap(small, options);
    this.compare.showBefore(bitmap);
    bitmap.close();
    this.format.value = LOSSLESS.has(this.kind) ? "PNG" : "JPEG";
    this.shown = true;
  }

  #done() {
    this.isSaved = false;
    this.#show(this.restored ? "doneRestored" : "done", { width: this.width, height: this.height }, this.remarks);
  }

  /** Put on again with another vividness: the newest wish counts, without the network. */
  #vividnessChanged() {
    this.vividness = Number(this.vivid.value);
    this.vividSaid.textContent = this.vividness.toFixed(2);
    if (this.pending) return;
    this.pending = true;
    this.canceling = new AbortController();
    this.#work(async (signal) => {
      this.pending = false;
      await this.#resident(signal);
      await this.#preview(signal);
      this.#done();
    });
  }

  #modelChanged() {
    this.model = this.models.value;
    this.canceling = new AbortController();
    this.#work(async (signal) => {
      await this.#resident(signal);
      await this.#preview(signal);
      this.#done();
    });
  }

  #download() {
    this.canceling = new AbortController();
    return this.#work(async (signal) => {
      const { name, blob } = await this.saved((part) => this.#progress("saving", part), signal);
      offer(name, blob);
      this.isSaved = true;
      this.#show("saved", { name }, this.notes.map((key) => [key]));
    });
  }

  #failed(error) {
    this.release();
    if (error.name === "AbortError") return this.#show("cancelled");
    if (error instanceof FileError) this.#show(error.key, { ...error.given, name: this.name });
    else this.#show(FAILURES[error.code] ?? (isMemory(error) ? "memory" : "unknown"), { name: this.name });
  }

  #progress(key, part) {
    this.#show(key, { percent: Math.round(100 * part) });
    this.bar.value = part;
  }

  /** What the card says decides which of its controls are there. */
  #show(key, given = {}, more = []) {
    this.said = [[key, given], ...more];
    this.state = stateOf(key);
    const { state } = this;
    this.status.textContent = this.said.map((sentence) => say(...sentence)).join(" ");
    this.status.classList.toggle("error", state === "failed");
    this.element.dataset.state = state;
    this.element.classList.toggle("failed", !this.shown);
    this.bar.hidden = key !== "coloring" && key !== "saving";
    this.settings.hidden = state !== "done";
    this.canceler.hidden = state !== "busy";
    this.recoloring.hidden = state !== "inColor";
    this.retrying.hidden = state !== "cancelled" && !RETRIED.has(key);
    this.desk.changed();
  }

  #build() {
    this.words = new Map();
    const button = (key, kind, act) => {
      const made = make("button", kind);
      made.type = "button";
      made.addEventListener("click", act);
      this.words.set(made, key);
      return made;
    };
    this.element = make("article", "photo");
    this.compare = new Compare(say("compare"));
    const mat = make("div", "mat");
    mat.append(this.compare.element);
    const title = make("h2");
    title.textContent = this.name;
    this.status = make("p", "status");
    this.status.setAttribute("role", "status");
    this.bar = document.createElement("progress");
    this.bar.setAttribute("aria-label", this.name);
    this.#buildSettings(button);
    this.canceler = button("cancel", "secondary", () => this.canceling.abort());
    this.recoloring = button("recolor", "primary", () => this.color(true));
    this.retrying = button("again", "primary", () => this.color());
    this.removing = button("remove", "secondary", () => this.desk.remove(this));
    const buttons = make("div", "buttons");
    buttons.append(this.canceler, this.recoloring, this.retrying, this.removing);
    const side = make("div", "side");
    side.append(title, this.status, this.bar, this.settings, buttons);
    this.element.append(mat, side);
    this.say();
  }

  #buildSettings(button) {
    const labelled = (key, control, more = []) => {
      const [label, text] = [make("label"), make("span")];
      this.words.set(text, key);
      label.append(text, ...more, control);
      return label;
    };
    const { low, high } = this.desk.engine.constants?.vividness ?? { low: 0, high: 2 };
    this.vivid = document.createElement("input");
    Object.assign(this.vivid, { type: "range", min: low, max: high, step: 0.05, value: this.vividness });
    this.vivid.addEventListener("input", () => this.#vividnessChanged());
    this.vividSaid = make("span", "value"); // an output would take the label away from the slider
    this.vividSaid.textContent = this.vividness.toFixed(2);
    this.format = choice(["JPEG", "PNG"].map((name) => [name, name]));
    this.models = choice(this.desk.models.map(({ name, label }) => [name, label ? `${name}: ${label}` : name]));
    this.models.addEventListener("change", () => this.#modelChanged());
    const row = make("div", "buttons");
    row.append(button("download", "primary", () => this.#download()));
    const chooser = labelled("model", this.models);
    chooser.hidden = this.desk.models.length < 2;
    this.settings = make("div", "settings");
    this.settings.append(labelled("vividness", this.vivid, [this.vividSaid]), chooser, labelled("format", this.format), row);
  }
}

/** What is lost of a file, as sentences. */
function remarksOn({ bits, pages }) {
  const remarks = [];
  if (pages > 1) remarks.push(["firstPage", { pages }]);
  if (bits > 8) remarks.push(["eightBits"]);
  return remarks;
}

const BUSY = new Set(["waiting", "reading", "coloring", "composing", "saving"]);
const DONE = new Set(["done", "doneRestored", "saved"]);
const RETRIED = new Set(["downloadFailed", "memory", "unknown"]);

function stateOf(key) {
  if (BUSY.has(key)) return "busy";
  if (DONE.has(key)) return "done";
  return key === "inColor" || key === "cancelled" ? key : "failed";
}

const isMemory = (error) => error instanceof RangeError || /memory|allocation/i.test(error.message);

function make(kind, name = "") {
  const element = document.createElement(kind);
  if (name) element.className = name;
  return element;
}

function choice(options) {
  const select = document.createElement("select");
  select.append(...options.map(([value, text]) => new Option(text, value)));
  return select;
}

/** A smaller picture of arrays, for the screen: every so manieth pixel. */
function reduced({ width, height, grey, rgba }, wanted) {
  const step = Math.max(1, Math.floor(width / wanted));
  const [wide, high] = [Math.floor(width / step), Math.floor(height / step)];
  const data = new ImageData(wide, high);
  for (let y = 0, to = 0; y < high; y++) {
    for (let x = 0; x < wide; x++, to += 4) {
      const from = y * step * width + x * step;
      for (let part = 0; part < 3; part++) data.data[to + part] = grey ? grey[from] / 257 : rgba[4 * from + part];
      data.data[to + 3] = 255;
    }
  }
  return data;
}

/** Give a file to the visitor. */
export function offer(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
