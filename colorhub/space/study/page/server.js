// Requests to the study's API. Whatever can be tried again is tried again until it works.
const WAITS = [1, 2, 4, 8, 15]; // seconds; the last one for ever
const LONGEST = 30_000; // ms; then a request counts as lost

// The server understood and said no. `code`: a short word, see colorhub/study/errors.py.
export class Refused extends Error {
  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

class Unreachable extends Error {
  constructor(answered, seconds) {
    super("unreachable");
    this.answered = answered; // by the server, which cannot do it just now
    this.seconds = seconds; // it asked to wait for so long
  }
}

export class Server {
  // trouble(kind, retry): show that something waits; kind: "load", or "offline" and "busy" for a vote; null: it went through.
  constructor(trouble) {
    this.trouble = trouble;
    this.token = null;
  }

  get(path, kind = "load") {
    return this.#insist(path, { method: "GET" }, kind);
  }

  send(path, values, kind = "load") {
    const headers = { "Content-Type": "application/json" };
    return this.#insist(path, { method: "POST", headers, body: JSON.stringify(values) }, kind);
  }

  // Once only, for what is wanted early.
  attempt(path) {
    return this.#once(path, { method: "GET" });
  }

  async #insist(path, request, kind) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await this.#once(path, request);
        if (attempt) this.trouble(null);
        return answer;
      } catch (error) {
        if (!(error instanceof Unreachable)) {
          if (attempt) this.trouble(null);
          throw error;
        }
        const seconds = error.seconds || WAITS[Math.min(attempt, WAITS.length - 1)];
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, seconds * 1000);
          const now = () => (clearTimeout(timer), resolve());
          addEventListener("online", now, { once: true });
          this.trouble(kind === "offline" && error.answered ? "busy" : kind, now);
        });
      }
    }
  }

  async #once(path, { method, headers = {}, body }) {
    const asked = { method, body, headers: { ...headers }, cache: "no-store", credentials: "same-origin" };
    if (this.token) asked.headers["X-Study-Token"] = this.token;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), LONGEST);
    try {
      const answer = await fetch(`api/${path}`, { ...asked, signal: limit.signal });
      if (answer.ok) return answer.headers.get("Content-Type")?.startsWith("image/") ? await answer.blob() : await answer.json();
      if (answer.status === 429 || answer.status >= 500) throw new Unreachable(true, Number(answer.headers.get("Retry-After")));
      const told = await answer.json().catch(() => ({}));
      throw new Refused(told.error ?? `${answer.status}`, told.code ?? "refused", answer.status);
    } catch (error) {
      throw error instanceof Refused || error instanceof Unreachable ? error : new Unreachable(false);
    } finally {
      clearTimeout(timer);
    }
  }
}
