// A rater's session from consent to debrief. Where a rater is, the server knows: a reload asks it and goes on from there.
import { make, say, show } from "./dom.js";
import { Memory } from "./memory.js";
import { ending, goOn, instructions, plates, practised, stopped, welcome } from "./screens.js";
import { Refused, Server } from "./server.js";
import { Trials, delivered } from "./trials.js";
import { wordsIn } from "./words.js";

const query = new URLSearchParams(location.search);
const USELESS = ["finished", "closed", "invalid", "too-large"]; // refusals after which a kept vote is not sent again

const trouble = (kind, retry) => {
  const box = document.querySelector("#trouble");
  box.hidden = !kind;
  if (!kind) return;
  const words = wordsIn(document.documentElement.lang);
  const [text, button] = box.children;
  text.textContent = words[{ load: "loadTrouble" }[kind] ?? kind];
  button.textContent = words.retry;
  button.onclick = retry;
};

const server = new Server(trouble);

const chosenStudy = async () => {
  const studies = await server.get("studies");
  const wanted = query.get("study");
  if (wanted) return studies.find(({ name }) => name === wanted)?.name ?? null;
  const open = studies.filter(({ state }) => state === "open");
  return (open.find(({ demonstration }) => !demonstration) ?? open[0])?.name ?? null;
};

const preferred = (languages, remembered) => {
  const wishes = [remembered, query.get("language"), ...navigator.languages].filter(Boolean);
  return wishes.map((wish) => wish.split("-")[0]).find((wish) => languages.includes(wish)) ?? (languages.includes("en") ? "en" : languages[0]);
};

const speak = (context, language) => {
  const words = wordsIn(language);
  document.documentElement.lang = language;
  Object.assign(context, { language, words, texts: context.info.texts[language] });
  document.title = context.texts.title;
  const mark = document.querySelector("#mark");
  mark.hidden = !context.info.demonstration;
  mark.textContent = words.demonstration;
};

// The session that this device remembers, or null. A vote that was kept goes first.
const resumed = async ({ memory }) => {
  server.token = memory.get("token") ?? null;
  if (!server.token) return null;
  try {
    const vote = memory.get("vote");
    if (vote) {
      await delivered(server, vote).catch((error) => {
        if (!USELESS.includes(error.code)) throw error;
      });
      memory.drop("vote");
    }
    return await server.get("progress");
  } catch (error) {
    if (!(error instanceof Refused && error.code === "foreign")) throw error;
    memory.clear(); // withdrawn, or of another database
    server.token = null;
    return null;
  }
};

const begun = async (context) => {
  const { memory, panelId, language } = context;
  const values = panelId ? { language, panel_id: panelId } : { language };
  const { token, progress } = await server.send(`studies/${context.info.name}/begin`, values);
  server.token = token;
  memory.set("token", token);
  memory.set("language", language);
  return progress;
};

const judged = async (context, begin) => {
  let progress = begin;
  const early = progress.position === 0;
  if (early && context.info.plates > 0 && progress.plates_read === null) await plates(server, context);
  await (early ? instructions(context, progress) : goOn(context, progress));
  const trials = new Trials(server, context.memory, context.info, context.words);
  while (!progress.finished) {
    const { kind } = progress;
    progress = await trials.run(progress);
    if (kind === "practice" && !progress.finished) await practised(context, progress);
  }
};

const session = async (context) => {
  let progress = await resumed(context);
  if (progress) speak(context, context.info.languages.includes(progress.language) ? progress.language : context.language);
  else {
    const agreed = await welcome(server, context, (language) => speak(context, language));
    if (!agreed) return;
    progress = await begun(context);
  }
  if (!progress.finished) {
    if (context.info.state !== "open") throw new Refused(context.words.kept, "closed", 410);
    await judged(context, progress);
  }
  await ending(server, context, await server.get("result"));
};

const start = async () => {
  const theme = query.get("theme");
  if (["dark", "light"].includes(theme)) document.documentElement.dataset.theme = theme;
  const name = await chosenStudy();
  const fallback = wordsIn(preferred(["en", "de"]));
  if (!name) return show(false, make("h1", {}, fallback.nothing), make("p", {}, fallback.nothingText));
  const info = await server.get(`studies/${encodeURIComponent(name)}`);
  const panelId = info.panel?.parameter ? query.get(info.panel.parameter) : null;
  const memory = new Memory(name, panelId);
  const context = { info, memory, panelId };
  speak(context, preferred(info.languages, memory.get("language")));
  try {
    await session(context);
  } catch (error) {
    say("");
    if (!(error instanceof Refused)) throw error;
    stopped(context, error);
  }
};

start().catch((error) => {
  console.warn(error);
  const words = wordsIn(document.documentElement.lang);
  const again = make("button", { type: "button", className: "primary", onclick: () => location.reload() }, words.retry);
  show(false, make("h1", {}, words.stop), make("p", {}, String(error.message ?? error)), again);
});
