// Building the page. Texts only ever become text nodes: nothing that a study says is taken for HTML.
export const make = (tag, properties = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("aria-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
};

const main = document.querySelector("#main");

// Show a screen and move the reader to its heading. judging: the whole page turns neutral grey.
export const show = (judging, ...children) => {
  document.body.classList.toggle("judging", judging);
  main.replaceChildren(...children.filter(Boolean));
  const heading = main.querySelector("h1");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  scrollTo(0, 0);
};

// Empty lines separate paragraphs.
export const paragraphs = (text) => text.split(/\n\s*\n/).map((part) => make("p", {}, part.trim()));

export const say = (text) => {
  document.querySelector("#live").textContent = text;
};

export const button = (text, look = "primary", key = "") => {
  const hint = key && make("kbd", { "aria-hidden": "true" }, key);
  return make("button", { type: "button", className: look }, text, hint);
};

export const link = (text, address) => make("a", { href: address, className: "primary", target: "_top", rel: "noreferrer" }, text);

// The first click on any of several elements: its index.
export const clicked = (...elements) =>
  new Promise((resolve) => {
    elements.forEach((element, number) => element?.addEventListener("click", () => resolve(number)));
  });
