// What one study's page keeps on this device: the token, a vote that is not acknowledged, where a picture was shown.
// Where storage is blocked (a private window, some frames) it lasts as long as the page.
export class Memory {
  constructor(study, person) {
    this.key = `colorhub-study/${study}${person ? `/${person}` : ""}`;
    this.values = {};
    try {
      this.values = JSON.parse(localStorage.getItem(this.key)) ?? {};
    } catch {
      // blocked or unreadable: begin with nothing
    }
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
    this.#write();
  }

  drop(...names) {
    names.forEach((name) => delete this.values[name]);
    this.#write();
  }

  clear() {
    this.values = {};
    this.#write();
  }

  #write() {
    try {
      if (Object.keys(this.values).length) localStorage.setItem(this.key, JSON.stringify(this.values));
      else localStorage.removeItem(this.key);
    } catch {
      // this.values holds it
    }
  }
}
