// One trial after another: the picture is fetched and decoded, shown, answered; the vote is kept until it is acknowledged.
import { button, clicked, make, say, show } from "./dom.js";
import { Refused } from "./server.js";
import { Presentation } from "./stage.js";

const GAP = 300; // ms of empty grey before a picture
const STALE = ["replayed", "out-of-order"]; // answered elsewhere, in another tab for instance
const CHOICES = {
  realfake: [["real", "R", ["r", "R"]], ["fake", "F", ["f", "F"]]],
  "2afc": [["left", "←", ["ArrowLeft"]], ["right", "→", ["ArrowRight"]]],
};

export const keyNames = (protocol) => CHOICES[protocol].map(([, name]) => name);

const pause = (length) => new Promise((resolve) => setTimeout(resolve, length));

// Which picture of how many this is, the practice counted by itself.
export const place = ({ practice }, { position, total, kind }) =>
  kind === "practice" ? [position + 1, practice] : [position - practice + 1, total - practice];

export class Trials {
  constructor(server, memory, info, words) {
    Object.assign(this, { server, memory, info, words });
    this.choices = CHOICES[info.protocol];
    this.ready = new Map(); // position -> promise of blob addresses
    this.#build();
  }

  // Judge from here to the end of the practice, or to the end of all.
  async run(progress) {
    const kind = progress.kind;
    this.#open();
    let now = progress;
    while (!now.finished && now.kind === kind) now = await this.#trial(now);
    removeEventListener("keydown", this.#onKey);
    return now;
  }

  #build() {
    const { words, info } = this;
    const pair = info.protocol === "2afc";
    this.count = make("p", { className: "count" });
    this.bar = make("progress", { max: 1, value: 0 });
    this.heading = make("h1", {}, pair ? words.pairQuestion : words.question);
    const alts = pair ? [words.altLeft, words.altRight] : [words.alt];
    this.images = alts.map((alt) => make("img", { alt, draggable: false }));
    const slots = this.images.map((image) => make("div", { className: "slot" }, image, make("canvas", { "aria-hidden": "true" })));
    this.figure = make("figure", { className: pair ? "pair" : "single", data: { state: "empty" } }, ...slots);
    this.seen = make("input", { type: "checkbox" });
    this.label = make("label", { className: "seen" }, this.seen, make("span", {}, words.seen), make("kbd", { "aria-hidden": "true" }, "S"));
    this.buttons = this.choices.map(([answer, key]) => button(words[answer], "answer", key));
    this.buttons.forEach((one, number) => one.addEventListener("click", (event) => this.#answer(number, event)));
    this.answers = make("div", { className: "answers", role: "group", "aria-label": this.heading.textContent }, ...this.buttons);
    this.verdict = make("p", { className: "verdict" });
    this.next = button(words.next, "answer", "⏎");
    this.feedback = make("div", { className: "feedback", hidden: true }, this.verdict, this.next);
    this.section = make("section", { className: "trial" });
    const top = make("div", { className: "progress" }, this.count, this.bar);
    this.section.append(top, this.heading, this.figure, this.label, make("div", { className: "dock" }, this.answers, this.feedback));
  }

  #open() {
    show(true, this.section);
    addEventListener("keydown", this.#onKey);
  }

  async #trial(progress) {
    const { position } = progress;
    this.#reset(progress);
    const slow = setTimeout(() => (say(this.words.loading), (this.figure.dataset.slow = "")), 1500);
    const [addresses] = await Promise.all([this.#pictures(position, progress.pictures), pause(GAP)]);
    await Promise.all(this.images.map((image, at) => ((image.src = addresses[at]), image.decode())));
    clearTimeout(slow);
    delete this.figure.dataset.slow;
    const before = this.memory.get("shown") === position; // the page was left while it was shown
    this.memory.set("shown", position);
    this.shown = new Presentation(this.figure, this.info.exposure_ms, () => say(this.words.hidden));
    const answered = new Promise((resolve) => (this.resolve = resolve));
    await this.shown.begin();
    this.#enable(true);
    say(this.words.nowShown(...place(this.info, progress)));
    if (position + 1 < progress.total) this.#fetch(position + 1, progress.pictures);
    const { answer, moment } = await answered;
    const measured = await this.shown.end(moment);
    measured.focus_lost ||= before;
    const after = await this.#vote({ position, answer, seen_before: this.seen.checked, ...measured });
    if (typeof after.feedback === "boolean") await this.#tell(answer, after.feedback);
    this.#forget(position);
    return after.progress;
  }

  #reset(progress) {
    const { words } = this;
    const practice = progress.kind === "practice";
    const [number, total] = place(this.info, progress);
    this.count.textContent = practice ? words.practiceOf(number, total) : words.of(number, total);
    this.bar.value = (number - 1) / total;
    this.bar.setAttribute("aria-label", words.of(number - 1, total));
    this.figure.dataset.state = "empty";
    this.seen.checked = false;
    this.feedback.hidden = true;
    this.answers.hidden = false;
    delete this.section.dataset.told;
    this.#enable(false);
  }

  // Not the attribute `disabled`: a focused button would lose the focus between two pictures.
  #enable(open) {
    this.open = open;
    this.section.dataset.open = open;
    this.buttons.forEach((one) => one.setAttribute("aria-disabled", !open));
  }

  #answer(number, event) {
    if (!this.open) return;
    this.#enable(false);
    this.resolve({ answer: this.choices[number][0], moment: event.timeStamp });
  }

  #onKey = (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const number = this.choices.findIndex(([, , keys]) => keys.includes(event.key));
    if (number >= 0) {
      event.preventDefault();
      this.#answer(number, event);
    } else if (this.open && event.key.toLowerCase() === "s") this.seen.click();
  };

  // Kept before it is sent, dropped when it is acknowledged; the server counts a second one as the first.
  async #vote(vote) {
    this.memory.set("vote", vote);
    const after = await delivered(this.server, vote);
    this.memory.drop("vote");
    return after;
  }

  async #tell(answer, right) {
    const text = this.words.feedback[answer][Number(right)];
    this.verdict.textContent = text;
    this.verdict.dataset.right = right;
    this.figure.dataset.state = "shown";
    this.answers.hidden = true;
    this.section.dataset.told = "";
    this.feedback.hidden = false;
    say(text);
    this.next.focus({ preventScroll: true });
    await clicked(this.next);
    this.heading.focus({ preventScroll: true });
  }

  #fetch(position, count) {
    if (this.ready.has(position)) return;
    const parts = Array.from({ length: count }, (_, number) => this.server.attempt(`pictures/${position}/${number}`));
    const all = Promise.all(parts).then((blobs) => blobs.map((blob) => URL.createObjectURL(blob)));
    all.catch(() => this.ready.delete(position)); // it is fetched again when it is needed
    this.ready.set(position, all);
  }

  async #pictures(position, count) {
    try {
      const early = await this.ready.get(position);
      if (early) return early;
    } catch {
      // fetched too early, or the connection was lost
    }
    const blobs = [];
    for (let number = 0; number < count; number += 1) blobs.push(await this.server.get(`pictures/${position}/${number}`));
    const addresses = blobs.map((blob) => URL.createObjectURL(blob));
    this.ready.set(position, Promise.resolve(addresses));
    return addresses;
  }

  async #forget(position) {
    this.images.forEach((image) => image.removeAttribute("src"));
    (await this.ready.get(position))?.forEach((address) => URL.revokeObjectURL(address));
    this.ready.delete(position);
  }
}

// Send a vote until it is acknowledged. Where the server has gone on meanwhile, go on from there.
export const delivered = async (server, vote) => {
  try {
    return await server.send("votes", vote, "offline");
  } catch (error) {
    if (error instanceof Refused && STALE.includes(error.code)) return { progress: await server.get("progress") };
    throw error;
  }
};
