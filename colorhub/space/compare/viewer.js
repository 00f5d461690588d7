// The pictures of a comparison zoom and move as one: three CSS variables, of which compare.css makes every picture's place.
(() => {
  const MOST = 16;
  const STEP = 1.4;
  const view = { zoom: 1, x: 0, y: 0 }; // x, y: where a picture's left top corner lies, in frames; 1 - zoom to 0
  const fingers = new Map();
  let photo = "";

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  const show = () => {
    view.zoom = clamp(view.zoom, 1, MOST);
    view.x = clamp(view.x, 1 - view.zoom, 0);
    view.y = clamp(view.y, 1 - view.zoom, 0);
    const root = document.documentElement;
    root.style.setProperty("--compare-zoom", view.zoom);
    root.style.setProperty("--compare-x", `${100 * view.x}%`);
    root.style.setProperty("--compare-y", `${100 * view.y}%`);
    root.classList.toggle("compare-zoomed", view.zoom > 1);
    const level = document.querySelector("#zoom-level");
    const words = `${Math.round(100 * view.zoom)} %`;
    if (level && level.textContent !== words) level.textContent = words;
  };

  // x, y: the point of the frame that stays where it is, 0 to 1.
  const zoomTo = (zoom, x = 0.5, y = 0.5) => {
    const next = clamp(zoom, 1, MOST);
    view.x = x - ((x - view.x) * next) / view.zoom;
    view.y = y - ((y - view.y) * next) / view.zoom;
    view.zoom = next;
    show();
  };

  const within = (frame, event) => {
    const box = frame.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };

  const frameOf = (event) => event.target.closest?.("#compare-grid .frame");

  document.addEventListener("wheel", (event) => {
    const frame = frameOf(event);
    if (!frame) return;
    if (event.deltaY > 0 && view.zoom === 1 && !event.ctrlKey) return; // the page scrolls on
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 33 : 1;
    zoomTo(view.zoom * Math.exp(-clamp(event.deltaY * lines, -240, 240) * (event.ctrlKey ? 0.01 : 0.002)), ...within(frame, event));
  }, { passive: false });

  document.addEventListener("pointerdown", (event) => {
    const frame = frameOf(event);
    if (!frame || event.button > 0) return;
    fingers.set(event.pointerId, event);
    if (view.zoom > 1 || fingers.size > 1) frame.setPointerCapture(event.pointerId);
  });

  document.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    const frame = frameOf(event);
    if (!last || !frame) return;
    const box = frame.getBoundingClientRect();
    if (fingers.size === 2) {
      const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
      const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY);
      const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
      zoomTo((view.zoom * apart(event)) / Math.max(1, apart(last)), ...within(frame, middle));
    }
    view.x += (event.clientX - last.clientX) / box.width / fingers.size;
    view.y += (event.clientY - last.clientY) / box.height / fingers.size;
    fingers.set(event.pointerId, event);
    show();
  });

  for (const name of ["pointerup", "pointercancel"])
    document.addEventListener(name, (event) => fingers.delete(event.pointerId));

  document.addEventListener("dblclick", (event) => {
    const frame = frameOf(event);
    if (frame) zoomTo(view.zoom > 1 ? 1 : 3, ...within(frame, event));
  });

  const move = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
  const zooms = { "+": () => zoomTo(view.zoom * STEP), "=": () => zoomTo(view.zoom * STEP), "-": () => zoomTo(view.zoom / STEP), 0: () => zoomTo(1) };

  document.addEventListener("keydown", (event) => {
    const here = event.target.closest?.("#compare-grid, .zoom-bar");
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = move[event.key];
    if (zooms[event.key]) zooms[event.key]();
    else if (by && view.zoom > 1) {
      view.x += by[0];
      view.y += by[1];
      show();
    } else return;
    event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const asked = event.target.closest?.(".zoom-bar [data-zoom]")?.dataset.zoom;
    if (asked) zooms[{ in: "+", out: "-", whole: 0 }[asked]]();
  });

  // Pictures that come in keep the place; another photo starts whole. A grid that is drawn anew takes the focus back.
  let focused = false;
  document.addEventListener("focusin", (event) => (focused = event.target.id === "compare-grid"));
  new MutationObserver(() => {
    const now = document.querySelector("#compare-grid");
    if (!now) return;
    if (now.dataset.photo !== photo) {
      photo = now.dataset.photo;
      zoomTo(1);
    }
    if (focused && document.activeElement === document.body) now.focus({ preventScroll: true });
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
