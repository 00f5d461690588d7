// The screens around the trials: consent, colour vision, instructions, going on, the end. Each resolves when it is left.
import { button, clicked, link, make, paragraphs, say, show } from "./dom.js";
import { Refused } from "./server.js";
import { keyNames, place } from "./trials.js";
import { nameOf } from "./words.js";

// Consent; whether the rater agreed. `speak`: change the language.
export const welcome = async (server, context, speak) => {
  const choice = document.querySelector("#languages");
  const select = choice.querySelector("select");
  select.replaceChildren(...context.info.languages.map((code) => make("option", { value: code, lang: code }, nameOf(code))));
  select.value = context.language;
  choice.hidden = context.info.languages.length < 2;
  const agreed = await new Promise((resolve) => {
    const draw = () => drawWelcome(server, context).then(resolve);
    select.onchange = () => (speak(select.value), draw(), select.focus());
    draw();
  });
  choice.hidden = true;
  if (!agreed) {
    const { words, info } = context;
    const out = info.links?.screen_out;
    show(false, make("h1", {}, words.thanks), make("p", {}, words.declined), out ? link(words.leave, out) : null);
  }
  return agreed;
};

const drawWelcome = async (server, { words, texts, info }) => {
  document.querySelector("#languages span").textContent = words.language;
  if (info.state !== "open") {
    show(false, make("h1", {}, texts.title), make("p", { className: "lead" }, `${words.closed}.`), withdrawal(server, words));
    return new Promise(() => {});
  }
  const [agree, decline] = [button(words.agree), button(words.decline, "secondary")];
  const text = make("div", { className: "prose" }, make("h2", {}, words.consent), ...paragraphs(texts.consent));
  const actions = make("div", { className: "actions" }, agree, decline);
  show(false, make("h1", {}, texts.title), text, actions, withdrawal(server, words));
  return (await clicked(agree, decline)) === 0;
};

// Delete answers by a code, for those who come back with one.
const withdrawal = (server, words) => {
  const code = make("input", { type: "text", autocomplete: "off", spellcheck: false, maxLength: 40 });
  const field = make("label", {}, make("span", {}, words.code), code);
  const go = make("button", { type: "submit", className: "secondary" }, words.withdraw);
  const told = make("p", { role: "status" });
  const form = make("form", {}, field, go, told);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    told.textContent = await withdrawn(server, words, code.value);
    go.disabled = false;
  });
  return make("details", { className: "withdrawal" }, make("summary", {}, words.withdrawWith), form);
};

const withdrawn = async (server, words, code) => {
  try {
    const { votes, closed } = await server.send("withdraw", { code });
    return `${words.withdrawn(votes)}${closed ? ` ${words.withdrawnLate}` : ""}`;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
};

// The plates one by one; what was read is sent together.
export const plates = async (server, { info, words }) => {
  const readings = [];
  for (let number = 0; number < info.plates; number += 1) {
    const address = URL.createObjectURL(await server.get(`plates/${number}`));
    const image = make("img", { src: address, alt: words.plateAlt, className: "plate" });
    await image.decode();
    readings.push(await reading(image, number, info.plates, words));
    URL.revokeObjectURL(address);
  }
  try {
    await server.send("plates", { readings });
  } catch (error) {
    if (error.code !== "out-of-order") throw error; // sent before, from another tab
  }
};

const reading = async (image, number, total, words) => {
  const digits = [..."123456789"].map((digit) => button(digit, "digit"));
  const none = button(words.none, "secondary");
  const count = make("p", { className: "count" }, words.plateOf(number + 1, total));
  const pad = make("div", { className: "pad", role: "group", "aria-label": words.plate }, ...digits, none);
  const hint = number === 0 ? make("p", {}, words.plateText) : null;
  show(true, make("section", { className: "plates" }, count, make("h1", {}, words.plate), hint ?? "", image, pad));
  const typed = new AbortController();
  addEventListener("keydown", ({ key, repeat }) => !repeat && digits[Number(key) - 1]?.click(), { signal: typed.signal });
  const chosen = await clicked(...digits, none);
  typed.abort();
  return chosen < digits.length ? digits[chosen].textContent : "";
};

export const instructions = async ({ info, texts, words }, progress) => {
  const start = button(progress.kind === "practice" ? words.practise : words.begin);
  const exposure = info.exposure_ms ? make("p", {}, words.exposure(info.exposure_ms / 1000)) : "";
  const keys = make("p", { className: "keys" }, words.keys(...keyNames(info.protocol)));
  const text = make("div", { className: "prose" }, ...paragraphs(texts.instructions), exposure, keys);
  show(false, make("h1", {}, words.instructions), text, make("div", { className: "actions" }, start));
  await clicked(start);
};

export const practised = ({ words }, progress) =>
  between(words.practised, words.nowTrials(progress.total - progress.position), words.begin);

export const goOn = ({ info, words }, progress) =>
  between(words.back, words.backText(...place(info, progress)), words.goOn);

const between = async (title, text, action) => {
  const start = button(action);
  show(true, make("section", { className: "between" }, make("h1", {}, title), make("p", {}, text), start));
  start.focus({ preventScroll: true });
  await clicked(start);
};

// The rater's own result, what fooled them, the debrief, the way back.
export const ending = async (server, context, result) => {
  const { info, texts, words } = context;
  const [first, ...rest] = paragraphs(texts.debrief);
  const score = make("section", { className: "score" });
  const share = make("p", { className: "figure", "aria-hidden": "true" }, String(result.correct), make("span", {}, `/${result.trials}`));
  score.append(share, make("p", {}, `${words.score(result.correct, result.trials)} ${words.chance}`));
  const fooled = make("section", { className: "fooled" }, make("h2", {}, words.fooled(result.fooled_at.length)));
  const grid = make("ul", {});
  if (result.fooled_at.length) fooled.append(grid);
  const parts = [make("h1", {}, words.done), first, score, wayBack(result, words), codeCard(server, context, result), fooled];
  show(false, ...parts, make("div", { className: "prose" }, ...rest), info.demonstration && info.state === "open" ? again(context) : null);
  await fill(grid, server, result, words);
};

const fill = async (grid, server, { fooled_at: positions, fooled_by: numbers }, words) => {
  const items = positions.map(() => make("li", {}));
  grid.append(...items);
  for (const [at, position] of positions.entries()) {
    const address = URL.createObjectURL(await server.get(`pictures/${position}/${numbers[at]}`));
    items[at].append(make("img", { src: address, alt: words.fooledAlt(at + 1) }));
  }
};

// The server names one link: completion, or failed attention where the study has such a link.
const wayBack = ({ link: address }, words) => (address ? make("section", { className: "back" }, link(words.complete, address)) : null);

const codeCard = (server, { memory, words }, { withdrawal_code: code }) => {
  const copy = button(words.copy, "secondary");
  const shown = make("output", { className: "code" }, code);
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code);
      copy.textContent = words.copied;
    } catch {
      getSelection().selectAllChildren(shown); // no clipboard in this frame: it is marked, to be copied by hand
    }
  });
  const card = make("section", { className: "card" }, make("h2", {}, words.code), make("div", { className: "row" }, shown, copy), make("p", {}, words.codeText));
  const remove = button(words.withdraw, "quiet");
  remove.addEventListener("click", () => confirmed(card, remove, server, memory, words, code));
  card.append(remove);
  return card;
};

const confirmed = async (card, remove, server, memory, words, code) => {
  const [yes, no] = [button(words.yes, "secondary"), button(words.no, "secondary")];
  const asked = make("div", { className: "row", role: "group", "aria-label": words.sure }, make("p", {}, words.sure), no, yes);
  remove.replaceWith(asked);
  no.focus();
  if ((await clicked(yes, no)) === 1) {
    asked.replaceWith(remove);
    remove.focus();
    return;
  }
  const told = await withdrawn(server, words, code);
  memory.clear();
  card.replaceChildren(make("p", {}, told));
  say(told);
};

const again = ({ memory, words }) => {
  const more = button(words.again, "secondary");
  more.addEventListener("click", () => (memory.clear(), location.reload()));
  return make("div", { className: "actions" }, more);
};

// The server said no for good.
export const stopped = ({ words }, error) => {
  const title = error.code === "closed" ? words.closed : words.stop;
  show(false, make("h1", {}, title), make("p", { className: "lead" }, words.codes?.[error.code] ?? error.message));
};
