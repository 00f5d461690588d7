// The tab Retouch: the hints and their history, the server that draws them (it is sent all hints and says where the picture
// is), how they are shown, and what mouse, finger and keyboard do to them.
(() => {
  const FINISH = 20000; // ms: an answer of the server that takes longer is not waited for
  const STEP = 0.02; // of a side: one press of an arrow key; with shift a tenth of it
  const PAUSE = 250; // ms: keys that repeat faster are one step of the history, and one announcement
  const FAR = 4; // pixels: less is no drag
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  // Colours in words, for those who do not see them.
  const HUES = [[12, "red"], [42, "orange"], [68, "yellow"], [165, "green"], [196, "turquoise"], [252, "blue"], [290, "violet"], [345, "pink"], [361, "red"]];

  // As in "dark brown".
  const nameOf = (hex) => {
    const [r, g, b] = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16) / 255);
    const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
    const [light, chroma] = [(most + least) / 2, most - least];
    if (light > 0.96) return "white";
    if (light < 0.05) return "black";
    const tone = light < 0.22 ? "very dark " : light < 0.4 ? "dark " : light > 0.85 ? "very light " : light > 0.66 ? "light " : "";
    if (chroma < 0.06) return `${tone}grey`;
    const turn = most === r ? (g - b) / chroma : most === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    const hue = (60 * turn + 360) % 360;
    const name = HUES.find(([end]) => hue < end)[1];
    const dull = chroma / (1 - Math.abs(2 * light - 1)) < 0.3 ? "dull " : "";
    const brown = name === "orange" && (light < 0.45 || (dull && light < 0.75));
    return `${tone}${brown ? "" : dull}${brown ? "brown" : name}`;
  };

  const $ = (name) => document.querySelector(`#retouch-${name}`);
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  const state = {
    photo: null, // {id, width, height, picture, plain, network, good}; good: the hints that were drawn last
    steps: [[]], // what undo and redo go through; every entry is a list of {x, y, color}
    at: 0,
    live: null, // the hints while one of them is being dragged, or its colour looked for
    point: null, // a place that was chosen and has no colour yet
    chosen: -1, // the hint that colours and keys go to
    cursor: [0.5, 0.5], // of the keyboard, in shares of the picture
    color: "#b4553f",
    armed: false, // whether the next place gets the colour at once
    picking: false, // whether the next place gives a colour
  };

  const hints = () => state.live ?? state.steps[state.at];
  const pressed = (name) => $(name)?.getAttribute("aria-pressed") === "true";
  const place = (x, y) => `${x} across, ${y} down`;
  const count = () => `${hints().length} ${hints().length === 1 ? "hint" : "hints"}`;
  const inPixels = ([x, y]) => [x * state.photo.width, y * state.photo.height].map((value, axis) => clamp(Math.floor(value + 1e-6), 0, [state.photo.width, state.photo.height][axis] - 1));
  const inShares = (x, y) => [(x + 0.5) / state.photo.width, (y + 0.5) / state.photo.height];
  const say = (words) => {
    if ($("status")) $("status").textContent = words;
  };

  // The server: one drawing at a time; what is asked for meanwhile waits, and only the last of it.

  const sent = { number: 0, busy: 0, since: 0, hints: null, timer: 0 };
  let trigger = () => {};
  let waiting = null; // {draft}: the drawing that is sent when an answer is here

  const draw = (draft = false) => {
    waiting = { draft };
    if (!sent.busy) flush();
  };

  const flush = () => {
    const box = $("picture").getBoundingClientRect();
    const longest = Math.ceil(Math.max(box.width, box.height) * (waiting.draft ? 1 : devicePixelRatio));
    waiting = null;
    sent.number += 1;
    Object.assign(sent, { busy: sent.number, since: performance.now(), hints: hints() });
    clearTimeout(sent.timer);
    sent.timer = setTimeout(failed, FINISH);
    $("picture").classList.add("busy");
    trigger(state.photo.network ? "run" : "draw", { number: sent.number, photo: state.photo.id, hints: sent.hints, longest });
  };

  const stop = () => {
    sent.busy = 0;
    clearTimeout(sent.timer);
    $("picture")?.classList.remove("busy");
  };

  // No answer, or none in time: what the server refuses is taken back. Its error message is gradio's part.
  const failed = () => {
    if (!sent.busy) return;
    waiting = null;
    stop();
    const { steps, at, photo } = state;
    const last = steps.lastIndexOf(photo.good);
    state.steps = last < 0 ? [...steps.slice(0, at), photo.good] : steps.slice(0, last + 1);
    Object.assign(state, { at: state.steps.length - 1, live: null, chosen: -1 });
    paint();
  };

  const drawn = ({ photo: id, number, picture, plain, problem }) => {
    const { photo } = state;
    if (!photo || id !== photo.id) return;
    if (problem) {
      failed();
      return say(problem);
    }
    if (number !== sent.busy) return;
    const { since, hints: good } = sent;
    stop();
    if (waiting) flush();
    Object.assign(photo, { good, picture, plain });
    const next = new Image(); // loaded before it is shown: no blink
    next.onload = () => {
      if (photo.picture !== picture) return;
      showPicture();
      $("stage").dataset.took = Math.round(performance.now() - since);
      $("stage").dataset.drawn = number;
    };
    next.src = picture;
  };

  const showPicture = () => {
    const picture = $("picture")?.querySelector("img");
    if (picture) picture.src = pressed("compare") ? state.photo.plain : state.photo.picture;
  };

  const suggest = ([x, y]) => trigger("point", { photo: state.photo.id, x, y });

  const suggested = ({ photo: id, title, colors, problem }) => {
    if (problem) return say(problem);
    if (!state.photo || id !== state.photo.id || !$("likely")) return;
    $("likely-title").textContent = title;
    $("likely").replaceChildren(...colors.map(dab));
  };

  const dab = (hex, number) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "dab", title: `${nameOf(hex)}: key ${number + 1}` });
    button.dataset.color = hex;
    button.style.setProperty("--dab", hex);
    button.setAttribute("aria-label", `${nameOf(hex)}, ${hex}`);
    return button;
  };

  // Changing hints

  const commit = (next, words) => {
    state.steps = [...state.steps.slice(0, state.at + 1), next];
    Object.assign(state, { at: state.steps.length - 1, live: null });
    paint();
    draw();
    say(words);
  };

  // While a hint is dragged: shown, but no step of the history yet.
  const preview = (next) => {
    state.live = next;
    paint();
    draw(true);
  };

  const settle = (words) => state.live && commit(state.live, words);

  const choose = (number) => {
    const other = state.chosen !== number;
    Object.assign(state, { chosen: number, point: null });
    const hint = hints()[number];
    if (hint) useColor(hint.color);
    if (hint && other) suggest([hint.x, hint.y]);
    paint();
  };

  const useColor = (hex) => {
    state.color = hex;
    $("color").value = hex;
    if (document.activeElement !== $("hex")) $("hex").value = hex;
  };

  const put = ([x, y], hex) => {
    const next = [...hints().filter((hint) => hint.x !== x || hint.y !== y), { x, y, color: hex }];
    Object.assign(state, { chosen: next.length - 1, point: null, armed: false });
    commit(next, `Hint ${next.length}: ${nameOf(hex)} at ${place(x, y)}.`);
  };

  const recolored = (hex) => hints().map((hint, number) => (number === state.chosen ? { ...hint, color: hex } : hint));
  const moved = (number, [x, y]) => hints().map((hint, other) => (other === number ? { ...hint, x, y } : hint));

  // A colour was picked: for the place that waits, for the chosen hint, or for the place that comes next.
  const pick = (hex) => {
    useColor(hex);
    if (state.point) put(state.point, hex);
    else if (hints()[state.chosen]) {
      if (state.live || hints()[state.chosen].color !== hex) commit(recolored(hex), `Hint ${state.chosen + 1} is ${nameOf(hex)} now.`);
    } else {
      state.armed = true;
      say(`${nameOf(hex)}: choose where it belongs.`);
    }
    paint();
  };

  const remove = () => {
    const gone = state.chosen;
    if (state.point) return letGo();
    if (!hints()[gone]) return say("Choose a hint first: a click on it, or Tab.");
    state.chosen = -1;
    commit(hints().filter((_, number) => number !== gone), `Hint ${gone + 1} is removed.`);
    $("picture").focus({ preventScroll: true });
  };

  const clear = () => {
    if (!hints().length) return say("There is no hint yet.");
    Object.assign(state, { point: null, chosen: -1 });
    commit([], "All hints are cleared.");
  };

  const letGo = () => {
    Object.assign(state, { point: null, chosen: -1, armed: false, picking: false });
    paint();
    say("No place is chosen.");
  };

  const walk = (by) => {
    if (!state.steps[state.at + by]) return say(by < 0 ? "There is nothing to undo." : "There is nothing to redo.");
    Object.assign(state, { at: state.at + by, live: null, point: null, chosen: -1 });
    paint();
    draw();
    say(`${by < 0 ? "Undone" : "Redone"}: ${count()}.`);
  };

  // At a place of the picture: take its colour, set a hint, or open it for a colour.
  const act = (share) => {
    const pixel = inPixels(share);
    state.cursor = share;
    if (state.picking) {
      state.picking = false;
      return pick(colorAt(share));
    }
    const again = state.point && state.point.join() === pixel.join();
    if (state.armed || again || pressed("keep")) put(pixel, state.color);
    else {
      Object.assign(state, { point: pixel, chosen: -1 });
      say(`${place(...pixel)}: pick a colour for it.`);
    }
    paint();
    if (!again) suggest(pixel);
  };

  const colorAt = ([x, y]) => {
    const picture = $("picture").querySelector("img");
    const { naturalWidth: width, naturalHeight: height } = picture;
    const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    context.drawImage(picture, -clamp(Math.floor(x * width), 0, width - 1), -clamp(Math.floor(y * height), 0, height - 1));
    const codes = [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    return `#${codes.map((code) => code.toString(16).padStart(2, "0")).join("")}`;
  };

  // Showing them

  const putAt = (element, [x, y]) => Object.assign(element.style, { left: `${100 * x}%`, top: `${100 * y}%` });

  const paint = () => {
    const marks = $("marks");
    if (!marks || !state.photo) return;
    const now = hints();
    while (marks.children.length > now.length) marks.lastChild.remove();
    while (marks.children.length < now.length) marks.append(Object.assign(document.createElement("button"), { type: "button", className: "mark" }));
    now.forEach((hint, number) => {
      const mark = marks.children[number];
      putAt(mark, inShares(hint.x, hint.y));
      mark.style.setProperty("--dab", hint.color);
      mark.dataset.number = number;
      mark.setAttribute("aria-current", number === state.chosen);
      mark.setAttribute("aria-label", `Hint ${number + 1}: ${nameOf(hint.color)}, ${place(hint.x, hint.y)}`);
    });
    $("open").hidden = !state.point;
    if (state.point) putAt($("open"), inShares(...state.point));
    putAt($("cursor"), state.cursor);
    $("picture").classList.toggle("picking", state.picking);
    $("dropper").setAttribute("aria-pressed", state.picking);
    $("stage").dataset.hints = now.length;
    $("count").textContent = now.length ? count() : "";
    const waits = Boolean(state.point || now[state.chosen]);
    const can = { undo: state.at > 0, redo: state.at < state.steps.length - 1, remove: waits, clear: now.length > 0 };
    for (const [name, possible] of Object.entries(can)) $(name).setAttribute("aria-disabled", !possible);
    if (!waits) chooseFirst();
  };

  const chooseFirst = () => {
    $("likely-title").textContent = "For this place";
    $("likely").replaceChildren(Object.assign(document.createElement("p"), { className: "hint", textContent: "Choose a place in the picture." }));
  };

  // A photo comes, or goes

  const opened = (answer) => {
    const same = state.photo?.id === answer.photo;
    if (answer.kind === "loaded") {
      Object.assign(state, { point: null, chosen: -1 });
      return same && commit(answer.hints, `Loaded: ${answer.hints.length} ${answer.hints.length === 1 ? "hint" : "hints"}.`);
    }
    waiting = null;
    stop();
    if (answer.kind === "closed") return (state.photo = null);
    state.photo = { ...answer, id: answer.photo, good: answer.hints };
    if (!same) Object.assign(state, { steps: [answer.hints], at: 0, live: null, point: null, chosen: -1, cursor: [0.5, 0.5], armed: false, picking: false });
    mount();
  };

  // Parts of the tab come to the page in any order; the last one finds the photo.
  const mount = () => {
    const picture = $("picture");
    if (!state.photo || !picture || !$("below") || !$("tools")) return;
    picture.style.setProperty("--ratio", state.photo.width / state.photo.height);
    $("compare").setAttribute("aria-pressed", false);
    showPicture();
    useColor(state.color);
    paint();
    if (JSON.stringify(state.photo.good) !== JSON.stringify(hints())) draw();
  };

  // The picture may come a moment after its answer: another tab was open.
  const focus = (tries = 50) => {
    if (!$("picture")?.offsetParent || !$("below")) return tries && setTimeout(focus, 100, tries - 1);
    $("picture").focus({ preventScroll: true });
    // On a phone the bar has no box of its own: what is above the picture leaves, and the colours are in sight.
    if ($("below").getClientRects().length) $("below").scrollIntoView({ block: "nearest" });
    else $("stage").scrollIntoView({ block: "start" });
  };

  const shareOf = (event) => {
    const box = $("picture").getBoundingClientRect();
    return [clamp((event.clientX - box.left) / box.width, 0, 1), clamp((event.clientY - box.top) / box.height, 0, 1)];
  };

  const wordsOf = (number) => `Hint ${number + 1} is at ${place(hints()[number].x, hints()[number].y)} now.`;

  // Dragging a marker

  document.addEventListener("pointerdown", (event) => {
    const mark = state.photo && event.button === 0 && event.target.closest?.("#retouch-marks .mark");
    if (!mark) return;
    const number = +mark.dataset.number;
    if (state.picking) {
      event.preventDefault();
      state.picking = false;
      return pick(hints()[number].color);
    }
    const from = [event.clientX, event.clientY];
    let far = false;
    mark.setPointerCapture(event.pointerId);
    choose(number);
    const move = (now) => {
      far ||= Math.hypot(now.clientX - from[0], now.clientY - from[1]) > FAR;
      if (far) preview(moved(number, inPixels(shareOf(now))));
    };
    const end = () => {
      const over = { pointermove: move, pointerup: end, pointercancel: end };
      for (const [name, listener] of Object.entries(over)) mark.removeEventListener(name, listener);
      if (!state.live) return;
      settle(wordsOf(number));
      suggest([hints()[number].x, hints()[number].y]);
    };
    mark.addEventListener("pointermove", move);
    mark.addEventListener("pointerup", end);
    mark.addEventListener("pointercancel", end);
  });

  // Keys

  const stepped = ([x, y], event) => {
    const [right, down] = ARROWS[event.key];
    const least = (side) => Math.max(STEP * (event.shiftKey ? 0.1 : 1), 1 / side);
    return [clamp(x + right * least(state.photo.width), 0, 1), clamp(y + down * least(state.photo.height), 0, 1)];
  };

  const timers = {};
  const later = (name, work) => {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(work, PAUSE);
  };

  const removes = (event) => event.key === "Delete" || event.key === "Backspace";

  const onMark = (event, number) => {
    if (removes(event)) remove();
    else if (event.key === "Enter" || event.key === " ") choose(number);
    else if (ARROWS[event.key]) {
      choose(number);
      const { x, y } = hints()[number];
      preview(moved(number, inPixels(stepped(inShares(x, y), event))));
      later("settle", () => state.live && settle(wordsOf(number)));
    } else return false;
    return true;
  };

  const onPicture = (event) => {
    if (removes(event)) remove();
    else if (event.key === "Enter" || event.key === " ") act(state.cursor);
    else if (ARROWS[event.key]) {
      state.cursor = stepped(state.cursor, event);
      paint();
      later("say", () => say(`${place(...inPixels(state.cursor))}: ${nameOf(colorAt(state.cursor))}.`));
    } else return false;
    return true;
  };

  const onDesk = (event) => {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const likely = $("likely").children[event.key - 1]?.dataset.color;
    if (command && (key === "y" || (key === "z" && event.shiftKey))) walk(1);
    else if (command && key === "z") walk(-1);
    else if (!command && key === "escape") letGo();
    else if (!command && likely) pick(likely);
    else return false;
    return true;
  };

  document.addEventListener("keydown", (event) => {
    const here = event.target.closest?.("#retouch-stage, #retouch-below, #retouch-tools");
    if (!state.photo || !here || event.altKey || event.target.matches("input")) return;
    clearTimeout(timers.say); // what is said next is about this key
    const mark = event.target.closest(".mark");
    const alone = !event.ctrlKey && !event.metaKey;
    const taken = alone && (mark ? onMark(event, +mark.dataset.number) : event.target.id === "retouch-picture" && onPicture(event));
    if (taken || onDesk(event)) event.preventDefault();
  });

  document.addEventListener("focusin", (event) => {
    const mark = state.photo && event.target.closest?.("#retouch-marks .mark");
    if (mark && +mark.dataset.number !== state.chosen && mark.matches(":focus-visible")) choose(+mark.dataset.number);
  });

  // Clicks and inputs

  const toggle = (name) => {
    const on = !pressed(name);
    $(name).setAttribute("aria-pressed", on);
    return on;
  };

  const TOOLS = {
    undo: () => walk(-1),
    redo: () => walk(1),
    remove: remove,
    clear: clear,
    dropper: () => {
      state.picking = !state.picking;
      paint();
      say(state.picking ? "Choose the place in the picture whose colour to take." : "");
    },
    keep: () => say(toggle("keep") ? "Every place you choose gets this colour." : ""),
    hide: () => $("picture").classList.toggle("bare", toggle("hide")),
    compare: () => {
      say(toggle("compare") ? "The picture as it is without hints." : "The picture with its hints.");
      showPicture();
    },
  };

  document.addEventListener("click", (event) => {
    if (!state.photo || !event.target.closest) return;
    const tool = event.target.closest("[data-retouch]");
    const colored = event.target.closest("#retouch-tools [data-color]");
    const mark = event.target.closest("#retouch-marks .mark");
    if (tool) TOOLS[tool.dataset.retouch]();
    else if (colored) pick(colored.dataset.color);
    else if (mark) mark.focus({ preventScroll: true });
    else if (event.target.closest("#retouch-picture")) act(shareOf(event));
  });

  document.addEventListener("input", (event) => {
    if (!state.photo || event.target.id !== "retouch-color") return;
    useColor(event.target.value);
    if (!state.point && hints()[state.chosen]) preview(recolored(state.color));
  });

  document.addEventListener("change", (event) => {
    if (!state.photo) return;
    if (event.target.id === "retouch-color") pick(event.target.value);
    if (event.target.id !== "retouch-hex") return;
    const typed = event.target.value.trim().toLowerCase().replace(/^#?/, "#").replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");
    if (/^#[0-9a-f]{6}$/.test(typed)) pick(typed);
    else say(`${event.target.value} is no colour here: six signs of 0-9 and a-f, as in #a33c2e.`);
  });

  window.retouch = {
    start: (send) => {
      trigger = send;
      mount();
    },
    mount,
    answer: (kind, text) => text && { opened, drawn, suggested }[kind](JSON.parse(text)),
    failed,
    focus,
    redraw: (draft) => state.photo && draw(draft),
    hints: () => JSON.stringify({ photo: state.photo?.id ?? "", hints: hints() }),
    state,
  };
})();
