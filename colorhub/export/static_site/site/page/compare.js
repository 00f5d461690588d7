/** Two pictures of one size, the second uncovered from the right of a line that moves by pointer or keys. */

export class Compare {
  constructor(label) {
    this.element = document.createElement("div");
    this.element.className = "compare";
    this.before = document.createElement("canvas");
    this.after = document.createElement("canvas");
    this.line = document.createElement("div");
    this.line.className = "line";
    this.range = document.createElement("input");
    Object.assign(this.range, { type: "range", min: 0, max: 100, step: 1, value: 50 });
    this.range.addEventListener("input", () => this.#move());
    this.element.addEventListener("pointerdown", (event) => this.#follow(event));
    this.element.addEventListener("pointermove", (event) => event.buttons && this.#follow(event));
    const resized = new ResizeObserver(() => this.#move());
    for (const part of [this.element, this.before]) resized.observe(part);
    this.element.append(this.before, this.after, this.line, this.range);
    this.say(label);
    this.#compares(false);
  }

  say(label) {
    this.range.setAttribute("aria-label", label);
  }

  /** @param {ImageBitmap} bitmap what stands on the left. */
  showBefore(bitmap) {
    Object.assign(this.before, { width: bitmap.width, height: bitmap.height });
    this.before.getContext("2d").drawImage(bitmap, 0, 0);
  }

  /** @param {ImageData} data what stands on the right. */
  showAfter(data) {
    Object.assign(this.after, { width: data.width, height: data.height });
    this.after.getContext("2d").putImageData(data, 0, 0);
    this.#compares(true);
  }

  #compares(whether) {
    for (const part of [this.after, this.line, this.range]) part.hidden = !whether;
    this.#move();
  }

  /** Where the pointer is, as the thumb of a range keeps away from the ends. */
  #follow(event) {
    if (this.range.hidden) return;
    const box = this.before.getBoundingClientRect();
    this.range.value = (100 * (event.clientX - box.left)) / box.width;
    this.#move();
  }

  #move() {
    const part = Number(this.range.value);
    this.after.style.clipPath = `inset(0 0 0 ${part}%)`;
    const { offsetLeft, offsetWidth } = this.before;
    this.line.style.left = `${offsetLeft + (offsetWidth * part) / 100}px`;
  }
}
