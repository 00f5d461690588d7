// The tab Retouch: the hints and their history, and how they are shown. retouch_input.js brings mouse, finger and keys,
// retouch_link.js the server, which draws: it is sent all hints and says where the picture is.
(() => {
  const $ = (name) => document.querySelector(`#retouch-${name}`);
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const { nameOf } = window.colorWords;

  const desk = {
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

  const hints = () => desk.live ?? desk.steps[desk.at];
  const pressed = (name) => $(name)?.getAttribute("aria-pressed") === "true";
  const place = (x, y) => `${x} across, ${y} down`;
  const count = () => `${hints().length} ${hints().length === 1 ? "hint" : "hints"}`;
  const inPixels = ([x, y]) => [x * desk.photo.width, y * desk.photo.height].map((value, axis) => clamp(Math.floor(value + 1e-6), 0, [desk.photo.width, desk.photo.height][axis] - 1));
  const inShares = (x, y) => [(x + 0.5) / desk.photo.width, (y + 0.5) / desk.photo.height];
  const say = (words) => {
    if ($("status")) $("status").textContent = words;
  };

  // The server

  // What the server refuses is taken back.
  const takeBack = () => {
    const { steps, at, photo } = desk;
    const last = steps.lastIndexOf(photo.good);
    desk.steps = last < 0 ? [...steps.slice(0, at), photo.good] : steps.slice(0, last + 1);
    Object.assign(desk, { at: desk.steps.length - 1, live: null, chosen: -1 });
    paint();
  };

  const link = window.retouchLink(takeBack);

  const draw = (draft = false) =>
    link.draw(() => {
      const box = $("picture").getBoundingClientRect();
      const longest = Math.ceil(Math.max(box.width, box.height) * (draft ? 1 : devicePixelRatio));
      return { event: desk.photo.network ? "run" : "draw", photo: desk.photo.id, hints: hints(), longest };
    });

  const drawn = ({ photo: id, number, picture, plain, problem }) => {
    const { photo } = desk;
    if (problem && photo && id === photo.id) {
      link.failed();
      return say(problem);
    }
    const asked = photo && id === photo.id && link.answered(number);
    if (!asked) return;
    Object.assign(photo, { good: asked.hints, picture, plain });
    const next = new Image(); // loaded before it is shown: no blink
    next.onload = () => {
      if (photo.picture !== picture) return;
      showPicture();
      $("stage").dataset.took = Math.round(performance.now() - asked.since);
      $("stage").dataset.drawn = number;
    };
    next.src = picture;
  };

  const showPicture = () => {
    const picture = $("picture")?.querySelector("img");
    if (picture) picture.src = pressed("compare") ? desk.photo.plain : desk.photo.picture;
  };

  const suggest = ([x, y]) => link.ask("point", { photo: desk.photo.id, x, y });

  const suggested = ({ photo: id, title, colors, problem }) => {
    if (problem) return say(problem);
    if (!desk.photo || id !== desk.photo.id || !$("likely")) return;
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
    desk.steps = [...desk.steps.slice(0, desk.at + 1), next];
    Object.assign(desk, { at: desk.steps.length - 1, live: null });
    paint();
    draw();
    say(words);
  };

  // While a hint is dragged: shown, but no step of the history yet.
  const preview = (next) => {
    desk.live = next;
    paint();
    draw(true);
  };

  const settle = (words) => desk.live && commit(desk.live, words);

  const choose = (number) => {
    const other = desk.chosen !== number;
    Object.assign(desk, { chosen: number, point: null });
    const hint = hints()[number];
    if (hint) useColor(hint.color);
    if (hint && other) suggest([hint.x, hint.y]);
    paint();
  };

  const useColor = (hex) => {
    desk.color = hex;
    $("color").value = hex;
    if (document.activeElement !== $("hex")) $("hex").value = hex;
  };

  const put = ([x, y], hex) => {
    const next = [...hints().filter((hint) => hint.x !== x || hint.y !== y), { x, y, color: hex }];
    Object.assign(desk, { chosen: next.length - 1, point: null, armed: false });
    commit(next, `Hint ${next.length}: ${nameOf(hex)} at ${place(x, y)}.`);
  };

  const recolored = (hex) => hints().map((hint, number) => (number === desk.chosen ? { ...hint, color: hex } : hint));
  const moved = (number, [x, y]) => hints().map((hint, other) => (other === number ? { ...hint, x, y } : hint));

  // A colour was picked: for the place that waits, for the chosen hint, or for the place that comes next.
  const pick = (hex) => {
    useColor(hex);
    if (desk.point) put(desk.point, hex);
    else if (hints()[desk.chosen]) {
      if (desk.live || hints()[desk.chosen].color !== hex) commit(recolored(hex), `Hint ${desk.chosen + 1} is ${nameOf(hex)} now.`);
    } else {
      desk.armed = true;
      say(`${nameOf(hex)}: choose where it belongs.`);
    }
    paint();
  };

  const remove = () => {
    const gone = desk.chosen;
    if (desk.point) return letGo();
    if (!hints()[gone]) return say("Choose a hint first: a click on it, or Tab.");
    desk.chosen = -1;
    commit(hints().filter((_, number) => number !== gone), `Hint ${gone + 1} is removed.`);
    $("picture").focus({ preventScroll: true });
  };

  const clear = () => {
    if (!hints().length) return say("There is no hint yet.");
    Object.assign(desk, { point: null, chosen: -1 });
    commit([], "All hints are cleared.");
  };

  const letGo = () => {
    Object.assign(desk, { point: null, chosen: -1, armed: false, picking: false });
    paint();
    say("No place is chosen.");
  };

  const walk = (by) => {
    if (!desk.steps[desk.at + by]) return say(by < 0 ? "There is nothing to undo." : "There is nothing to redo.");
    Object.assign(desk, { at: desk.at + by, live: null, point: null, chosen: -1 });
    paint();
    draw();
    say(`${by < 0 ? "Undone" : "Redone"}: ${count()}.`);
  };

  // At a place of the picture: take its colour, set a hint, or open it for a colour.
  const act = (share) => {
    const pixel = inPixels(share);
    desk.cursor = share;
    if (desk.picking) {
      desk.picking = false;
      return pick(colorAt(share));
    }
    const again = desk.point && desk.point.join() === pixel.join();
    if (desk.armed || again || pressed("keep")) put(pixel, desk.color);
    else {
      Object.assign(desk, { point: pixel, chosen: -1 });
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
    if (!marks || !desk.photo) return;
    const now = hints();
    while (marks.children.length > now.length) marks.lastChild.remove();
    while (marks.children.length < now.length) marks.append(Object.assign(document.createElement("button"), { type: "button", className: "mark" }));
    now.forEach((hint, number) => {
      const mark = marks.children[number];
      putAt(mark, inShares(hint.x, hint.y));
      mark.style.setProperty("--dab", hint.color);
      mark.dataset.number = number;
      mark.setAttribute("aria-current", number === desk.chosen);
      mark.setAttribute("aria-label", `Hint ${number + 1}: ${nameOf(hint.color)}, ${place(hint.x, hint.y)}`);
    });
    $("open").hidden = !desk.point;
    if (desk.point) putAt($("open"), inShares(...desk.point));
    putAt($("cursor"), desk.cursor);
    $("picture").classList.toggle("picking", desk.picking);
    $("dropper").setAttribute("aria-pressed", desk.picking);
    $("stage").dataset.hints = now.length;
    $("count").textContent = now.length ? count() : "";
    const waits = Boolean(desk.point || now[desk.chosen]);
    const can = { undo: desk.at > 0, redo: desk.at < desk.steps.length - 1, remove: waits, clear: now.length > 0 };
    for (const [name, possible] of Object.entries(can)) $(name).setAttribute("aria-disabled", !possible);
    if (!waits) chooseFirst();
  };

  const chooseFirst = () => {
    $("likely-title").textContent = "For this place";
    $("likely").replaceChildren(Object.assign(document.createElement("p"), { className: "hint", textContent: "Choose a place in the picture." }));
  };

  // A photo comes, or goes

  const opened = (answer) => {
    const same = desk.photo?.id === answer.photo;
    if (answer.kind === "closed") return (desk.photo = null);
    if (answer.kind === "loaded") {
      Object.assign(desk, { point: null, chosen: -1 });
      return same && commit(answer.hints, `Loaded: ${answer.hints.length} ${answer.hints.length === 1 ? "hint" : "hints"}.`);
    }
    link.forget();
    desk.photo = { ...answer, id: answer.photo, good: answer.hints };
    if (!same) Object.assign(desk, { steps: [answer.hints], at: 0, live: null, point: null, chosen: -1, cursor: [0.5, 0.5], armed: false, picking: false });
    mount();
  };

  // Parts of the tab come to the page in any order; the last one finds the photo.
  const mount = () => {
    const picture = $("picture");
    if (!desk.photo || !picture || !$("below") || !$("tools")) return;
    picture.style.setProperty("--ratio", desk.photo.width / desk.photo.height);
    $("compare").setAttribute("aria-pressed", false);
    showPicture();
    useColor(desk.color);
    paint();
    if (JSON.stringify(desk.photo.good) !== JSON.stringify(hints())) draw();
  };

  // The picture may come a moment after its answer: another tab was open.
  const focus = (tries = 50) => {
    if (!$("picture")?.offsetParent || !$("below")) return tries && setTimeout(focus, 100, tries - 1);
    $("picture").focus({ preventScroll: true });
    $("below").scrollIntoView({ block: "nearest" });
  };

  window.retouch = {
    start: (send) => {
      link.connect(send);
      mount();
    },
    mount,
    answer: (kind, text) => text && { opened, drawn, suggested }[kind](JSON.parse(text)),
    failed: link.failed,
    focus,
    redraw: (draft) => desk.photo && draw(draft),
    hints: () => JSON.stringify({ photo: desk.photo?.id ?? "", hints: hints() }),
    desk,
    actions: { $, clamp, pressed, place, inPixels, inShares, say, hints, preview, settle, choose, moved, recolored, useColor, pick, remove, clear, letGo, walk, act, colorAt, paint, suggest, showPicture },
  };
})();
