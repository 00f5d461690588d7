// The tab Retouch: what mouse, finger and keyboard do to the hints of retouch.js.
(() => {
  const STEP = 0.02; // of a side: one press of an arrow key; with shift a tenth of it
  const PAUSE = 250; // ms: keys that repeat faster are one step of the history, and one announcement
  const FAR = 4; // pixels: less is no drag
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const { desk, actions } = window.retouch;
  const { $, clamp, pressed, place, inPixels, inShares, say, hints, choose, pick } = actions;

  const shareOf = (event) => {
    const box = $("picture").getBoundingClientRect();
    return [clamp((event.clientX - box.left) / box.width, 0, 1), clamp((event.clientY - box.top) / box.height, 0, 1)];
  };

  const wordsOf = (number) => `Hint ${number + 1} is at ${place(hints()[number].x, hints()[number].y)} now.`;

  // Dragging a marker

  document.addEventListener("pointerdown", (event) => {
    const mark = desk.photo && event.button === 0 && event.target.closest?.("#retouch-marks .mark");
    if (!mark) return;
    const number = +mark.dataset.number;
    if (desk.picking) {
      event.preventDefault();
      desk.picking = false;
      return pick(hints()[number].color);
    }
    const from = [event.clientX, event.clientY];
    let far = false;
    mark.setPointerCapture(event.pointerId);
    choose(number);
    const move = (now) => {
      far ||= Math.hypot(now.clientX - from[0], now.clientY - from[1]) > FAR;
      if (far) actions.preview(actions.moved(number, inPixels(shareOf(now))));
    };
    const end = () => {
      const over = { pointermove: move, pointerup: end, pointercancel: end };
      for (const [name, listener] of Object.entries(over)) mark.removeEventListener(name, listener);
      if (!desk.live) return;
      actions.settle(wordsOf(number));
      actions.suggest([hints()[number].x, hints()[number].y]);
    };
    mark.addEventListener("pointermove", move);
    mark.addEventListener("pointerup", end);
    mark.addEventListener("pointercancel", end);
  });

  // Keys

  const stepped = ([x, y], event) => {
    const [right, down] = ARROWS[event.key];
    const least = (side) => Math.max(STEP * (event.shiftKey ? 0.1 : 1), 1 / side);
    return [clamp(x + right * least(desk.photo.width), 0, 1), clamp(y + down * least(desk.photo.height), 0, 1)];
  };

  const waiting = {};
  const later = (name, work) => {
    clearTimeout(waiting[name]);
    waiting[name] = setTimeout(work, PAUSE);
  };

  const removes = (event) => event.key === "Delete" || event.key === "Backspace";

  const onMark = (event, number) => {
    if (removes(event)) actions.remove();
    else if (event.key === "Enter" || event.key === " ") choose(number);
    else if (ARROWS[event.key]) {
      choose(number);
      const { x, y } = hints()[number];
      actions.preview(actions.moved(number, inPixels(stepped(inShares(x, y), event))));
      later("settle", () => desk.live && actions.settle(wordsOf(number)));
    } else return false;
    return true;
  };

  const onPicture = (event) => {
    if (removes(event)) actions.remove();
    else if (event.key === "Enter" || event.key === " ") actions.act(desk.cursor);
    else if (ARROWS[event.key]) {
      desk.cursor = stepped(desk.cursor, event);
      actions.paint();
      later("say", () => say(`${place(...inPixels(desk.cursor))}: ${window.colorWords.nameOf(actions.colorAt(desk.cursor))}.`));
    } else return false;
    return true;
  };

  const onDesk = (event) => {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const likely = $("likely").children[event.key - 1]?.dataset.color;
    if (command && (key === "y" || (key === "z" && event.shiftKey))) actions.walk(1);
    else if (command && key === "z") actions.walk(-1);
    else if (!command && key === "escape") actions.letGo();
    else if (!command && likely) pick(likely);
    else return false;
    return true;
  };

  document.addEventListener("keydown", (event) => {
    const here = event.target.closest?.("#retouch-stage, #retouch-below, #retouch-tools");
    if (!desk.photo || !here || event.altKey || event.target.matches("input")) return;
    clearTimeout(waiting.say); // what is said next is about this key
    const mark = event.target.closest(".mark");
    const alone = !event.ctrlKey && !event.metaKey;
    const taken = alone && (mark ? onMark(event, +mark.dataset.number) : event.target.id === "retouch-picture" && onPicture(event));
    if (taken || onDesk(event)) event.preventDefault();
  });

  document.addEventListener("focusin", (event) => {
    const mark = desk.photo && event.target.closest?.("#retouch-marks .mark");
    if (mark && +mark.dataset.number !== desk.chosen && mark.matches(":focus-visible")) choose(+mark.dataset.number);
  });

  // Clicks and inputs

  const toggle = (name) => {
    const on = !pressed(name);
    $(name).setAttribute("aria-pressed", on);
    return on;
  };

  const TOOLS = {
    undo: () => actions.walk(-1),
    redo: () => actions.walk(1),
    remove: actions.remove,
    clear: actions.clear,
    dropper: () => {
      desk.picking = !desk.picking;
      actions.paint();
      say(desk.picking ? "Choose the place in the picture whose colour to take." : "");
    },
    keep: () => say(toggle("keep") ? "Every place you choose gets this colour." : ""),
    hide: () => $("picture").classList.toggle("bare", toggle("hide")),
    compare: () => {
      say(toggle("compare") ? "The picture as it is without hints." : "The picture with its hints.");
      actions.showPicture();
    },
  };

  document.addEventListener("click", (event) => {
    if (!desk.photo || !event.target.closest) return;
    const tool = event.target.closest("[data-retouch]");
    const colored = event.target.closest("#retouch-tools [data-color]");
    const mark = event.target.closest("#retouch-marks .mark");
    if (tool) TOOLS[tool.dataset.retouch]();
    else if (colored) pick(colored.dataset.color);
    else if (mark) mark.focus({ preventScroll: true });
    else if (event.target.closest("#retouch-picture")) actions.act(shareOf(event));
  });

  document.addEventListener("input", (event) => {
    if (!desk.photo || event.target.id !== "retouch-color") return;
    actions.useColor(event.target.value);
    if (!desk.point && hints()[desk.chosen]) actions.preview(actions.recolored(desk.color));
  });

  document.addEventListener("change", (event) => {
    if (!desk.photo) return;
    if (event.target.id === "retouch-color") pick(event.target.value);
    if (event.target.id !== "retouch-hex") return;
    const typed = event.target.value.trim().toLowerCase().replace(/^#?/, "#").replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");
    if (/^#[0-9a-f]{6}$/.test(typed)) pick(typed);
    else say(`${event.target.value} is no colour here: six signs of 0-9 and a-f, as in #a33c2e.`);
  });
})();
