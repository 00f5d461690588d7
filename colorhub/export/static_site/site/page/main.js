/** The page: takes photos by drop, paste, file chooser and camera, and hands them to their cards. */

import { createEngine } from "../engine/engine.js";
import { Card, offer } from "./card.js";
import { changeLanguage, say, sayPage } from "./strings.js";
import { keepFiles } from "./update.js";
import { zipped } from "./zip.js";

const MOST_KEPT = 60e6; // pixels of all photos that stay in memory
const part = (id) => document.getElementById(id);
const told = new Map();

/** Say a sentence in a part of the page, and again when the page's language changes. */
function tell(name, key, given = {}) {
  told.set(name, [key, given]);
  part(name).textContent = say(key, given);
}

class Desk {
  cards = [];
  models = [];
  facts = null;
  #kept = [];
  #waiting = 0;
  #last = Promise.resolve();

  constructor(base) {
    this.base = base;
    this.engine = createEngine({ base });
  }

  async start() {
    tell("engine", "starting");
    const [{ models }, profile] = await Promise.all([this.engine.ready(), load(new URL("page/srgb.icc", this.base))]);
    this.models = models;
    this.facts = { facts: this.engine.constants.packet, profile };
    tell("engine", "ready", { size: Math.round((models[0].size ?? 0) / 1e6) });
  }

  /** One after the other: a photo takes all the memory and threads there are. */
  turn(work) {
    this.#last = this.#last.then(work);
    return this.#last;
  }

  /** The photos that were used last stay in memory, as many as fit. */
  keep(card) {
    this.#kept = [...this.#kept.filter((one) => one !== card && one.id !== undefined), card];
    const pixels = () => this.#kept.reduce((sum, one) => sum + one.width * one.height, 0);
    while (this.#kept.length > 1 && pixels() > MOST_KEPT) this.#kept.shift().release();
  }

  async add(files) {
    if (!files.length) return;
    this.#waiting += files.length;
    if (!this.facts) tell("engine", "startingWith", { count: this.#waiting });
    await this.started;
    if (!this.facts) return; // what failed at the start is said already
    for (const file of files) {
      const card = new Card(file, this);
      this.cards.push(card);
      part("photos").append(card.element);
      card.color();
    }
    this.changed();
  }

  remove(card) {
    card.remove();
    this.cards = this.cards.filter((one) => one !== card);
    this.changed();
    part("choose").focus();
  }

  removeAll() {
    for (const card of [...this.cards]) this.remove(card);
  }

  /** Whether something is lost when the page is left. */
  hasUnsaved() {
    return this.cards.some((card) => card.state === "busy" || (card.state === "done" && !card.isSaved));
  }

  changed() {
    document.body.classList.toggle("small", this.cards.length > 0);
    part("album").hidden = this.cards.length < 2;
    part("engine").hidden = this.cards.length > 0;
    part("all").disabled = this.zipping || !this.cards.some((card) => card.state === "done");
  }

  say() {
    for (const [name, sentence] of told) tell(name, ...sentence);
    for (const card of this.cards) card.say();
  }

  /** All that are coloured, in a zip. */
  zip() {
    const cards = this.cards.filter((card) => card.state === "done");
    const status = (key, given = {}) => tell("album-status", key, { count: cards.length, ...given });
    this.zipping = true;
    this.changed();
    return this.turn(async () => {
      try {
        const files = [];
        for (const card of cards) {
          status("zipping", { percent: Math.round((100 * files.length) / cards.length) });
          const { name, blob } = await card.saved();
          files.push({ name: free(name, card.name, files), from: card.name, blob });
        }
        offer("photos.color.zip", await zipped(files));
        for (const card of cards) card.isSaved = true;
        const left = this.cards.length - cards.length;
        status(left ? "zippedSome" : "zipped", { left });
      } catch (error) {
        if (error instanceof RangeError) status("zipLarge");
        else status("zipFailed");
      }
      this.zipping = false;
      this.changed();
    });
  }
}

async function load(url) {
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
}

/** The name; where another file has it, with the ending of what it was made from, or numbered. */
function free(name, from, files) {
  const taken = new Set(files.map((file) => file.name.toLowerCase()));
  const other = files.find((file) => file.name.toLowerCase() === name.toLowerCase());
  const isTold = other && endingOf(other.from) !== endingOf(from);
  if (isTold) name = from + name.slice(name.lastIndexOf(".color."));
  let made = name;
  for (let number = 2; taken.has(made.toLowerCase()); number++) made = name.replace(/(\.color\.\w+)$/, `-${number}$1`);
  return made;
}

const endingOf = (name) => name.toLowerCase().match(/\.[^.]*$/)?.[0] ?? "";

function isNewEnough() {
  return [globalThis.OffscreenCanvas, globalThis.CompressionStream, globalThis.WebAssembly, Array.prototype.at].every(Boolean);
}

function listen(desk) {
  const choosers = { choose: "files", photograph: "camera" };
  for (const [button, input] of Object.entries(choosers)) {
    part(button).addEventListener("click", () => part(input).click());
    part(input).addEventListener("change", () => {
      desk.add([...part(input).files]);
      part(input).value = "";
    });
  }
  const over = (event, whether) => {
    event.preventDefault();
    part("drop").classList.toggle("over", whether);
  };
  addEventListener("dragover", (event) => over(event, true));
  addEventListener("dragleave", (event) => over(event, false));
  addEventListener("drop", (event) => {
    over(event, false);
    desk.add([...event.dataTransfer.files]);
  });
  addEventListener("beforeunload", (event) => desk.hasUnsaved() && event.preventDefault());
  addEventListener("paste", (event) => desk.add([...(event.clipboardData?.files ?? [])]));
  part("all").addEventListener("click", () => desk.zip());
  part("clear").addEventListener("click", () => desk.removeAll());
}

function begin() {
  sayPage();
  if (!isNewEnough()) {
    part("needs").textContent = say("old");
    return;
  }
  part("needs").hidden = true;
  part("start").hidden = false;
  const desk = new Desk(new URL("./", document.baseURI));
  part("language").addEventListener("click", () => {
    changeLanguage();
    sayLanguage();
    desk.say();
  });
  sayLanguage();
  desk.started = desk.start().catch((error) => {
    tell("engine", error.code === "unsupported" ? "unsupported" : "downloadFailed");
    part("engine").classList.add("error");
  });
  listen(desk);
  desk.started.then(() => keepFiles(part("update"), () => desk.cards.length === 0, () => desk.removeAll()));
}

function sayLanguage() {
  part("language").textContent = say("language");
  part("language").lang = document.documentElement.lang === "en" ? "de" : "en";
}

begin();
