// Showing pictures for a measured time. Onset and offset fall on animation frames; what is sent is what was measured.
const REFRESHES = 90; // frame lengths kept for the estimate of the refresh rate
const LONGEST_MS = 3_600_000; // the most that the study accepts

const frame = () => new Promise(requestAnimationFrame);
const lengths = [];

const median = (values) => [...values].sort((one, other) => one - other)[values.length >> 1];

const keep = (length) => {
  if (length > 0 && length < 250) lengths.push(length); // longer ones are of a page in the background
  if (lengths.length > REFRESHES) lengths.shift();
};

const refreshRate = () => (lengths.length < 5 ? null : Math.min(1000, Math.max(1, Math.round(10_000 / median(lengths)) / 10)));

const viewport = () => (innerWidth < 600 ? "small" : innerWidth < 1200 ? "medium" : "large");

// Grey blocks that leave no after-image of the colours. Drawn anew each time, the same for every picture.
const drawMask = (canvas) => {
  const side = 48;
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const blocks = context.createImageData(side, side);
  for (let at = 0; at < blocks.data.length; at += 4) {
    blocks.data.fill(48 + Math.floor(Math.random() * 160), at, at + 3);
    blocks.data[at + 3] = 255;
  }
  context.putImageData(blocks, 0, 0);
};

export class Presentation {
  // figure: its data-state is "empty", "shown" or "masked", which the style sheet obeys. exposure: ms or null.
  constructor(figure, exposure, whenMasked) {
    this.figure = figure;
    this.exposure = exposure;
    this.whenMasked = whenMasked;
    this.frames = 0;
    this.lost = false;
    this.over = null;
  }

  async begin() {
    this.figure.querySelectorAll("canvas").forEach(drawMask);
    this.watch = new AbortController();
    const lose = () => (this.lost = true);
    addEventListener("blur", lose, { signal: this.watch.signal });
    document.addEventListener("visibilitychange", lose, { signal: this.watch.signal });
    await frame();
    this.figure.dataset.state = "shown";
    this.onset = this.last = await frame(); // the frame that shows it has begun
    this.step = 1000 / (refreshRate() ?? 60);
    requestAnimationFrame(this.#tick);
  }

  #tick = (now) => {
    const length = now - this.last;
    keep(length);
    this.last = now;
    this.frames += 1;
    if (this.over) return;
    if (this.exposure && now + this.step - this.onset >= this.exposure - this.step / 2) {
      this.#hide("masked", now);
      this.whenMasked?.();
    } else requestAnimationFrame(this.#tick);
  };

  // Set to be hidden within the frame that began at `now`; the next one shows it.
  #hide(state) {
    this.figure.dataset.state = state;
    this.over = frame().then((gone) => {
      keep(gone - this.last);
      this.exposed = gone - this.onset;
    });
  }

  // The rater answered at `moment` (as event.timeStamp): hide the picture and report.
  async end(moment) {
    if (!this.over) {
      const now = await frame();
      if (!this.over) this.#hide("empty", now);
    }
    await this.over;
    this.figure.dataset.state = "empty";
    this.watch.abort();
    const within = (value, most) => Math.min(most, Math.max(0, value));
    return {
      rt_ms: Math.round(within(moment - this.onset, LONGEST_MS) * 10) / 10,
      exposure_ms: Math.round(within(this.exposed, LONGEST_MS) * 10) / 10,
      frames: within(this.frames, 1_000_000),
      focus_lost: this.lost,
      refresh_hz: refreshRate(),
      pixel_ratio: Math.round(within(devicePixelRatio, 20) * 100) / 100 || 0.1,
      viewport: viewport(),
    };
  }
}
