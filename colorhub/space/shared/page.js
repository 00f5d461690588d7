// What gradio's before/after slider lacks: a name, a role, the arrow keys, and texts for its two pictures.
(() => {
  const STEP = 0.04;

  // The slider listens to the mouse only (d3-drag): keys are handed on as a drag.
  const drag = (handle, picture, share) => {
    const box = picture.getBoundingClientRect();
    const grip = handle.getBoundingClientRect();
    const y = grip.top + grip.height / 2;
    const send = (target, type, x) =>
      target.dispatchEvent(new MouseEvent(type, { clientX: x, clientY: y, bubbles: true, cancelable: true, view: window }));
    send(handle, "mousedown", grip.left + grip.width / 2);
    send(window, "mousemove", box.left + box.width * share);
    send(window, "mouseup", box.left + box.width * share);
  };

  const shareOf = (handle, picture) => {
    const box = picture.getBoundingClientRect();
    const grip = handle.getBoundingClientRect();
    return (grip.left + grip.width / 2 - box.left) / box.width;
  };

  const texts = (slider) => {
    if (slider.id === "result")
      return ["Before: the photo as it was sent", "After: the photo in colour", "Before and after: how much of the original is shown"];
    const [left, right] = ["left", "right"].map((side) => document.querySelector(`#pair-${side} input`)?.value ?? "");
    return [left, right, "Left and right: how much of the left picture is shown"];
  };

  const prepare = (handle) => {
    const slider = handle.closest("#result, #pair");
    const pictures = slider.querySelectorAll("img");
    if (pictures.length < 2) return;
    const [before, after, label] = texts(slider);
    pictures[0].alt = before;
    pictures[1].alt = after;
    if (handle.tabIndex === 0) return;
    const say = () => handle.setAttribute("aria-valuenow", Math.round(100 * shareOf(handle, pictures[0])));
    const names = { role: "slider", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": label };
    Object.entries(names).forEach(([name, value]) => handle.setAttribute(name, value));
    handle.tabIndex = 0;
    say();
    handle.addEventListener("keydown", (event) => {
      const now = shareOf(handle, pictures[0]);
      const goal = { ArrowLeft: now - STEP, ArrowRight: now + STEP, Home: 0, End: 1 }[event.key];
      if (goal === undefined) return;
      event.preventDefault();
      drag(handle, pictures[0], Math.min(1, Math.max(0, goal)));
    });
    // Whoever moves it, and however late the page is drawn, what is said is where it stands.
    new MutationObserver(say).observe(handle, { attributes: true, attributeFilter: ["style"], subtree: true });
  };

  // The first model of each group in the picker's list carries the group's name, which shared.css shows.
  const group = () => {
    const groups = JSON.parse(document.querySelector("[data-groups]")?.dataset.groups ?? "{}");
    let last;
    document.querySelectorAll("#model [role=option]").forEach((option) => {
      const name = groups[(option.getAttribute("aria-label") ?? option.textContent).trim().split(" · ")[0]];
      if (name !== undefined && name !== last && option.dataset.group !== name) option.dataset.group = name;
      last = name ?? last;
    });
  };

  const look = () => {
    group();
    document.querySelectorAll(".select-all-checkbox:not([aria-label])").forEach((box) => box.setAttribute("aria-label", "All models"));
    document.querySelectorAll(':is(#result, #pair) [data-testid="slider"]').forEach(prepare);
    document.querySelectorAll("#status:not([role]), #report:not([role]), #compare-status:not([role])").forEach((text) => text.setAttribute("role", "status"));
  };
  new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
})();
