/** The service worker: without network from the second visit on, and a new version only when the visitor takes it. */

import { say } from "./strings.js";

/**
 * @param {HTMLElement} notice where a new version is offered.
 * @param {() => boolean} isIdle whether nothing would be lost if the page were loaded again.
 * @param {() => void} giveUp what is called before it is loaded again because the visitor wants the new version.
 */
export async function keepFiles(notice, isIdle, giveUp) {
  if (!("serviceWorker" in navigator)) return;
  const first = !navigator.serviceWorker.controller;
  navigator.serviceWorker.addEventListener("controllerchange", () => first && isolate(isIdle));
  try {
    const registration = await navigator.serviceWorker.register("service_worker.js", { updateViaCache: "none" });
    if (registration.waiting) offer(registration, notice, giveUp);
    registration.addEventListener("updatefound", () => {
      const coming = registration.installing;
      coming.addEventListener("statechange", () => {
        if (coming.state === "installed" && navigator.serviceWorker.controller) offer(registration, notice, giveUp);
      });
    });
  } catch {
    // A private window, or no room on the disk: the page works, with network.
  }
}

/** Threads need headers that not every host sends: the worker does, from the next load on. */
function isolate(isIdle) {
  if (globalThis.crossOriginIsolated || !isIdle()) return;
  location.reload();
}

function offer(registration, notice, giveUp) {
  const text = document.createElement("p");
  const button = document.createElement("button");
  text.dataset.say = "updateReady";
  button.dataset.say = "updateUse";
  button.type = "button";
  button.className = "primary";
  button.addEventListener("click", () => use(registration, text, giveUp));
  for (const element of [text, button]) element.textContent = say(element.dataset.say);
  notice.replaceChildren(text, button);
  notice.hidden = false;
}

function use(registration, text, giveUp) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => {
    if (!data.others) return;
    text.dataset.say = "updateOthers";
    text.textContent = say("updateOthers");
  };
  const reload = () => {
    giveUp();
    location.reload();
  };
  navigator.serviceWorker.addEventListener("controllerchange", reload, { once: true });
  registration.waiting?.postMessage("use", [port2]);
}
