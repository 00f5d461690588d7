// The tab Retouch: the hints, their history, and what mouse, finger and keyboard do to them. Drawing the answer is the
// server's part: it is sent all hints and says where the picture is.
(() => {
  const STEP = 0.02; // of a side: one press of an arrow key; with shift a tenth of it
  const FINISH = 20000; // ms: an answer that takes longer is not waited for
  const $ = (selector) => document.querySelector(selector);
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const { nameOf, textOn } = window.colorWords;

  let photo = null; // {id, width, height, picture, plain, hints, network}
  let steps = [[]]; // what undo and redo go through; every entry is a list of {x, y, color}
  let at = 0;
  let live = null; // the hints while one of them is being dragged, or its colour looked for
  let point = null; // a place that was chosen and has no colour yet
  let chosen = -1; // the hint that colours and keys go to
  let cursor = [0.5, 0.5]; // of the keyboard, in shares of the picture
  let color = "#b4553f";
  let armed = false; // whether the next place gets the colour at once
  let picking = false; // whether the next place gives a colour
  let trigger = () => {};
  const sent = { number: 0, busy: 0, since: 0, next: null, timer: 0 };

  const hints = () => live ?? steps[at];
  const keeps = () => $("#retouch-keep")?.getAttribute("aria-pressed") === "true";
  const say = (words) => {
    const line = $("#retouch-status");
    if (line) line.textContent = words;
  };
  const place = (x, y) => `${x} across, ${y} down`;
  const inPixels = ([x, y]) => [Math.floor(clamp(x, 0, 0.999999) * photo.width), Math.floor(clamp(y, 0, 0.999999) * photo.height)];
  const inShares = ({ x, y }) => [(x + 0.5) / photo.width, (y + 0.5) / photo.height];

  // Asking the server

  const draw = (draft = false) => {
    sent.next = { draft };
    if (!sent.busy) flush();
  };

  const flush = () => {
    const { draft } = sent.next;
    const box = $("#retouch-picture").getBoundingClientRect();
    const longest = Math.max(box.width, box.height) * (draft ? 1 : devicePixelRatio);
    sent.next = null;
    sent.number += 1;
    sent.busy = sent.number;
    sent.since = performance.now();
    sent.hints = hints();
    clearTimeout(sent.timer);
    sent.timer = setTimeout(failed, FINISH);
    $("#retouch-picture").classList.add("busy");
    trigger(photo.network ? "run" : "draw", { photo: photo.id, number: sent.number, hints: sent.hints, longest: Math.ceil(longest) });
  };

  const done = () => {
    sent.busy = 0;
    clearTimeout(sent.timer);
    $("#retouch-picture")?.classList.remove("busy");
  };

  const show = (url, then = () => {}) => {
    const next = new Image();
    next.onload = () => {
      const picture = $("#retouch-picture img");
      if (picture && !compared()) picture.src = url;
      photo.picture = url;
      then();
    };
    next.src = url;
  };

  const drawn = ({ photo: id, number, picture, plain }) => {
    if (!photo || id !== photo.id || number !== sent.busy) return;
    const took = sent.since;
    photo.good = sent.hints;
    if (photo.plain !== plain && compared()) $("#retouch-picture img").src = plain;
    photo.plain = plain;
    show(picture, () => {
      $("#retouch-stage").dataset.drawn = number;
      $("#retouch-stage").dataset.took = Math.round(performance.now() - took);
    });
    done();
    if (sent.next) flush();
  };

  // What the server refuses is taken back.
  const failed = () => {
    if (!sent.busy) return;
    done();
    sent.next = null;
    live = null;
    const last = steps.lastIndexOf(photo.good);
    steps = last < 0 ? [...steps.slice(0, at), photo.good] : steps.slice(0, last + 1);
    at = steps.length - 1;
    chosen = -1;
    paint();
  };

  const suggest = ([x, y]) => trigger("point", { photo: photo.id, x, y });

  const suggested = ({ photo: id, title, colors }) => {
    if (!photo || id !== photo.id || !$("#retouch-likely")) return;
    $("#retouch-likely-title").textContent = title;
    $("#retouch-likely").replaceChildren(...colors.map((hex, number) => dab(hex, number)));
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
    live = null;
    steps = [...steps.slice(0, at + 1), next];
    at = steps.length - 1;
    paint();
    draw();
    say(words);
  };

  const choose = (number) => {
    const other = chosen !== number;
    chosen = number;
    point = null;
    paint();
    const hint = hints()[number];
    if (hint && other) suggest([hint.x, hint.y]);
    if (hint) useColor(hint.color);
  };

  const useColor = (hex) => {
    color = hex;
    if ($("#retouch-color")) $("#retouch-color").value = hex;
    if ($("#retouch-hex") && document.activeElement !== $("#retouch-hex")) $("#retouch-hex").value = hex;
    $("#retouch-tools")?.style.setProperty("--dab", hex);
  };

  const put = ([x, y], hex) => {
    const next = [...steps[at].filter((hint) => hint.x !== x || hint.y !== y), { x, y, color: hex }];
    chosen = next.length - 1;
    point = null;
    armed = false;
    commit(next, `Hint ${next.length}: ${nameOf(hex)} at ${place(x, y)}.`);
  };

  const recolored = (hex) => steps[at].map((hint, number) => (number === chosen ? { ...hint, color: hex } : hint));
  const moved = (number, [x, y]) => hints().map((hint, other) => (other === number ? { ...hint, x, y } : hint));

  // A colour was picked: for the place that waits, for the chosen hint, or for the place that comes next.
  const pick = (hex) => {
    useColor(hex);
    if (point) put(point, hex);
    else if (steps[at][chosen]) {
      if (steps[at][chosen].color !== hex || live) commit(recolored(hex), `Hint ${chosen + 1} is ${nameOf(hex)} now.`);
    } else {
      armed = true;
      say(`${nameOf(hex)}: choose where it belongs.`);
    }
    paint();
  };

  const remove = () => {
    if (point) return forget("No place is chosen.");
    if (!steps[at][chosen]) return say("Choose a hint first: a click on it, or Tab.");
    const gone = chosen;
    chosen = -1;
    commit(steps[at].filter((_, number) => number !== gone), `Hint ${gone + 1} is removed.`);
    $("#retouch-picture").focus({ preventScroll: true });
  };

  const forget = (words) => {
    point = null;
    chosen = -1;
    armed = picking = false;
    paint();
    say(words);
  };

  const count = () => `${steps[at].length} ${steps[at].length === 1 ? "hint" : "hints"}`;

  const walk = (by) => {
    const next = at + by;
    if (!steps[next]) return say(by < 0 ? "There is nothing to undo." : "There is nothing to redo.");
    at = next;
    live = point = null;
    chosen = -1;
    paint();
    draw();
    say(`${by < 0 ? "Undone" : "Redone"}: ${count()}.`);
  };

  // At a place of the picture: take its colour, set a hint, or open it for a colour.
  const act = (share) => {
    const pixel = inPixels(share);
    cursor = share;
    if (picking) {
      picking = false;
      return pick(colorAt(share));
    }
    if (armed || keeps()) put(pixel, color);
    else if (point && point[0] === pixel[0] && point[1] === pixel[1]) return put(pixel, color);
    else {
      point = pixel;
      chosen = -1;
      say(`${place(...pixel)}: pick a colour for it.`);
    }
    paint();
    suggest(pixel);
  };

  const colorAt = ([x, y]) => {
    const picture = $("#retouch-picture img");
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const context = canvas.getContext("2d");
    context.drawImage(picture, -Math.floor(x * picture.naturalWidth), -Math.floor(y * picture.naturalHeight));
    return `#${[...context.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((code) => code.toString(16).padStart(2, "0")).join("")}`;
  };

  // Showing them

  const marker = () => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "mark" });
    button.addEventListener("pointerdown", grab);
    return button;
  };

  const paint = () => {
    const marks = $("#retouch-marks");
    if (!marks || !photo) return;
    const now = hints();
    while (marks.children.length > now.length) marks.lastChild.remove();
    while (marks.children.length < now.length) marks.append(marker());
    now.forEach((hint, number) => {
      const mark = marks.children[number];
      putAt(mark, inShares(hint));
      mark.style.setProperty("--dab", hint.color);
      mark.classList.toggle("on-dark", textOn(hint.color) === "white");
      mark.dataset.number = number;
      mark.setAttribute("aria-current", number === chosen);
      mark.setAttribute("aria-label", `Hint ${number + 1}: ${nameOf(hint.color)}, ${place(hint.x, hint.y)}`);
    });
    const open = $("#retouch-open");
    open.hidden = !point;
    if (point) putAt(open, inShares({ x: point[0], y: point[1] }));
    putAt($("#retouch-cursor"), cursor);
    $("#retouch-picture").classList.toggle("picking", picking);
    $("#retouch-stage").dataset.hints = now.length;
    $("#retouch-count").textContent = now.length ? count() : "";
    $("#retouch-dropper").setAttribute("aria-pressed", picking);
    const can = { undo: at > 0, redo: at < steps.length - 1, remove: Boolean(point || now[chosen]), clear: now.length > 0 };
    for (const [name, possible] of Object.entries(can)) $(`#retouch-${name}`).setAttribute("aria-disabled", !possible);
    if (point || now[chosen]) return;
    $("#retouch-likely-title").textContent = "For this place";
    $("#retouch-likely").replaceChildren(Object.assign(document.createElement("p"), { className: "hint", textContent: "Choose a place in the picture." }));
  };

  const putAt = (element, [x, y]) => {
    element.style.left = `${100 * x}%`;
    element.style.top = `${100 * y}%`;
  };

  const shareOf = (event) => {
    const box = $("#retouch-picture img").getBoundingClientRect();
    return [clamp((event.clientX - box.left) / box.width, 0, 1), clamp((event.clientY - box.top) / box.height, 0, 1)];
  };

  const compared = () => $("#retouch-compare")?.getAttribute("aria-pressed") === "true";
  const pressed = (button, on) => button.setAttribute("aria-pressed", on);

  // Dragging a marker

  function grab(event) {
    if (event.button > 0) return;
    const number = +this.dataset.number;
    if (picking) {
      event.preventDefault();
      picking = false;
      return pick(hints()[number].color);
    }
    const from = [event.clientX, event.clientY];
    let far = false;
    this.setPointerCapture(event.pointerId);
    choose(number);
    const move = (now) => {
      far ||= Math.hypot(now.clientX - from[0], now.clientY - from[1]) > 4;
      if (!far) return;
      live = moved(number, inPixels(shareOf(now)));
      paint();
      draw(true);
    };
    const end = () => {
      this.removeEventListener("pointermove", move);
      if (!live) return;
      const { x, y } = live[number];
      commit(live, `Hint ${number + 1} is at ${place(x, y)} now.`);
      suggest([x, y]);
    };
    this.addEventListener("pointermove", move);
    this.addEventListener("pointerup", end, { once: true });
    this.addEventListener("pointercancel", end, { once: true });
  }

  // Keys

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  const stepped = ([x, y], event) => {
    const [right, down] = ARROWS[event.key];
    const fine = event.shiftKey ? 0.1 : 1;
    const least = (side) => Math.max(STEP * fine, 1 / side);
    return [clamp(x + right * least(photo.width), 0, 1), clamp(y + down * least(photo.height), 0, 1)];
  };

  let settle = 0; // keys that repeat are one step of the history, and one announcement
  const later = (work) => {
    clearTimeout(settle);
    settle = setTimeout(work, 250);
  };

  const onMark = (event, number) => {
    if (event.key === "Delete" || event.key === "Backspace") remove();
    else if (ARROWS[event.key]) {
      choose(number);
      live = moved(number, inPixels(stepped(inShares(hints()[number]), event)));
      paint();
      draw(true);
      later(() => {
        const { x, y } = (live ?? steps[at])[number];
        if (live) commit(live, `Hint ${number + 1} is at ${place(x, y)} now.`);
      });
    } else return false;
    return true;
  };

  const onPicture = (event) => {
    if (ARROWS[event.key]) {
      cursor = stepped(cursor, event);
      paint();
      later(() => say(`${place(...inPixels(cursor))}: ${nameOf(colorAt(cursor))}.`));
    } else if (event.key === "Enter" || event.key === " ") act(cursor);
    else if (event.key === "Delete" || event.key === "Backspace") remove();
    else return false;
    return true;
  };

  const onStage = (event) => {
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key === "z") walk(event.shiftKey ? 1 : -1);
      else if (key === "y") walk(1);
      else return false;
    } else if (event.key === "Escape") forget("No place is chosen.");
    else if (/^[1-9]$/.test(event.key)) $("#retouch-likely").children[event.key - 1]?.dataset.color && pick($("#retouch-likely").children[event.key - 1].dataset.color);
    else return false;
    return true;
  };

  document.addEventListener("keydown", (event) => {
    const here = event.target.closest?.("#retouch-stage, #retouch-below, #retouch-tools");
    if (!photo || !here || event.altKey || event.target.matches("input")) return;
    const plain = !event.ctrlKey && !event.metaKey;
    const mark = event.target.closest(".mark");
    const taken = (mark && plain && onMark(event, +mark.dataset.number)) || (event.target.id === "retouch-picture" && plain && onPicture(event)) || onStage(event);
    if (taken) event.preventDefault();
  });

  document.addEventListener("focusin", (event) => {
    const mark = photo && event.target.closest?.("#retouch-marks .mark");
    if (mark && +mark.dataset.number !== chosen && mark.matches(":focus-visible")) choose(+mark.dataset.number);
  });

  // Clicks and inputs

  const TOOLS = {
    undo: () => walk(-1),
    redo: () => walk(1),
    remove,
    clear: () => {
      if (!steps[at].length) return say("There is no hint yet.");
      point = null;
      chosen = -1;
      commit([], "All hints are cleared.");
    },
    dropper: () => {
      picking = !picking;
      paint();
      say(picking ? "Choose the place in the picture whose colour to take." : "");
    },
    keep: (button) => {
      pressed(button, !keeps());
      say(keeps() ? "Every place you choose gets this colour." : "");
    },
    marks: (button) => {
      const hide = button.getAttribute("aria-pressed") !== "true";
      pressed(button, hide);
      $("#retouch-picture").classList.toggle("bare", hide);
    },
    compare: (button) => {
      pressed(button, !compared());
      $("#retouch-picture img").src = compared() ? photo.plain : photo.picture;
      say(compared() ? "The picture as it is without hints." : "The picture with its hints.");
    },
  };

  document.addEventListener("click", (event) => {
    if (!photo || !event.target.closest) return;
    const tool = event.target.closest("[data-retouch]");
    const colored = event.target.closest("#retouch-tools [data-color]");
    if (tool) TOOLS[tool.dataset.retouch](tool);
    else if (colored) pick(colored.dataset.color);
    else if (event.target.closest("#retouch-marks .mark")) event.target.closest(".mark").focus({ preventScroll: true });
    else if (event.target.closest("#retouch-picture")) act(shareOf(event));
  });

  document.addEventListener("input", (event) => {
    if (!photo || event.target.id !== "retouch-color") return;
    useColor(event.target.value);
    if (!steps[at][chosen] || point) return;
    live = recolored(color);
    paint();
    draw(true);
  });

  document.addEventListener("change", (event) => {
    if (!photo) return;
    if (event.target.id === "retouch-color") pick(event.target.value);
    if (event.target.id !== "retouch-hex") return;
    const typed = event.target.value.trim().toLowerCase().replace(/^#?/, "#").replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");
    if (/^#[0-9a-f]{6}$/.test(typed)) pick(typed);
    else say(`${event.target.value} is not a colour: six signs of 0-9 and a-f, as in #a33c2e.`);
  });

  // A photo comes, or goes

  const open = (answer) => {
    if (answer.kind === "closed") return (photo = null);
    const same = photo?.id === answer.photo;
    if (answer.kind === "loaded") {
      if (same) commit(answer.hints, `${answer.hints.length} hints are loaded.`);
      return;
    }
    done();
    sent.next = null;
    photo = { ...answer, id: answer.photo, good: answer.hints };
    if (!same) [steps, at, live, point, chosen, cursor, armed, picking] = [[answer.hints], 0, null, null, -1, [0.5, 0.5], false, false];
    mount();
  };

  const mount = () => {
    const picture = $("#retouch-picture");
    if (!photo || !picture || !$("#retouch-below") || !$("#retouch-tools")) return;
    picture.style.setProperty("--ratio", photo.width / photo.height);
    picture.querySelector("img").src = photo.picture;
    pressed($("#retouch-compare"), false);
    useColor(color);
    paint();
    if (photo.good !== steps[at] && JSON.stringify(photo.good) !== JSON.stringify(steps[at])) draw();
  };

  window.retouch = {
    start: (send) => {
      trigger = send;
      mount();
    },
    mount,
    answer: (kind, text) => text && { opened: open, drawn, suggested }[kind](JSON.parse(text)),
    failed,
    focus: () => {
      $("#retouch-picture")?.focus({ preventScroll: true });
      $("#retouch-below")?.scrollIntoView({ block: "nearest" });
    },
    redraw: (draft) => photo && draw(draft),
    hints: () => JSON.stringify({ photo: photo?.id ?? "", hints: steps[at] }),
  };
})();
