/** Keeps the site's files, so that it works without network, and one version of them whole: the files of a version are
 * fetched together, each compared with its hash, and used once all of them are there and nobody uses the old ones. */

const VERSION = "{{version}}"; // written in when the site is built
const PREFIX = `colorhub:${new URL("./", self.location).pathname}:`;
const CACHE = PREFIX + VERSION;
const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.href.startsWith(new URL("./", self.location).href)) event.respondWith(answer(event.request));
});
self.addEventListener("message", (event) => {
  if (event.data === "use") event.waitUntil(use(event.ports[0]));
});

async function install() {
  const listing = await (await fetch("files.json", { cache: "no-store" })).json();
  if (listing.version !== VERSION) throw new Error("The site is being changed: its files are fetched later.");
  const cache = await caches.open(CACHE);
  const older = await olderFiles();
  try {
    for (const [path, { sha256 }] of Object.entries(listing.files)) {
      await cache.put(new URL(path, self.location), older.get(sha256) ?? (await fetched(path, sha256)));
    }
    await cache.put(new URL("files.json", self.location), new Response(JSON.stringify(listing), JSON_TYPE));
  } catch (error) {
    await caches.delete(CACHE);
    throw error;
  }
}

const JSON_TYPE = { headers: { "Content-Type": "application/json" } };

/** Files of versions that are here already, by hash: what did not change is not fetched again. */
async function olderFiles() {
  const found = new Map();
  for (const name of await ownCaches()) {
    const cache = await caches.open(name);
    const listing = await (await cache.match(new URL("files.json", self.location)))?.json();
    for (const [path, { sha256 }] of Object.entries(listing?.files ?? {})) {
      const response = await cache.match(new URL(path, self.location));
      if (response) found.set(sha256, response);
    }
  }
  return found;
}

/** What the browser has already is enough if its hash is right. */
async function fetched(path, sha256) {
  for (const cache of ["default", "reload"]) {
    const response = await fetch(path, { cache });
    if (response.ok && (await hashOf(response.clone())) === sha256) return response;
  }
  throw new Error(`${path} is another file than the list says.`);
}

async function hashOf(response) {
  const hash = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const ownCaches = async () => (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);

async function activate() {
  for (const name of await ownCaches()) await caches.delete(name);
  await self.clients.claim();
}

/** Take over from the old version, unless other pages still work with it. */
async function use(port) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (pages.length > 1) return port.postMessage({ others: pages.length - 1 });
  port.postMessage({ others: 0 });
  await self.skipWaiting();
}

/** From this version's files alone, with the headers that threads need. */
async function answer(request) {
  const url = new URL(request.url);
  url.search = "";
  url.hash = "";
  if (url.pathname.endsWith("/")) url.pathname += "index.html";
  const cache = await caches.open(CACHE);
  const kept = await cache.match(url);
  if (!kept) return fetch(request);
  const headers = new Headers(kept.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  return new Response(kept.body, { status: 200, headers });
}
