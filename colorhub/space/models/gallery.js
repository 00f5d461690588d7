// The tab Models: tables that sort by their headings, and links #model=NAME, from anywhere, that open a model's card.
(() => {
  let wanted = "";

  const sort = (button) => {
    const heading = button.closest("th");
    const table = heading.closest("table");
    const up = heading.getAttribute("aria-sort") === "descending" || (!heading.hasAttribute("aria-sort") && !heading.dataset.best);
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[heading.cellIndex].dataset.key ?? "";
    const rows = [...table.tBodies[0].rows].sort((one, two) => {
      const [a, b] = [key(one), key(two)];
      if (a === "" || b === "") return (a === "") - (b === ""); // what was not measured stands last either way
      const order = heading.dataset.kind === "number" ? a - b : a.localeCompare(b);
      return up ? order : -order;
    });
    table.tBodies[0].append(...rows);
  };

  const open = () => {
    const board = document.querySelector("#scores .board");
    if (!wanted || !board) return;
    const model = wanted;
    wanted = "";
    board.dispatchEvent(new CustomEvent("card", { detail: model, bubbles: true }));
  };

  const ask = (hash) => {
    const model = decodeURIComponent(hash.match(/^#model=(.+)$/)?.[1] ?? "");
    if (!model) return;
    wanted = model;
    const folded = () => [...document.querySelectorAll("#tabs .overflow-dropdown button")].find((tab) => tab.textContent.trim() === "Models");
    (document.querySelector("#models-tab-button") ?? folded())?.click(); // on a narrow phone it is in the menu of further tabs
    open();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("#scores th button");
    if (button) sort(button);
    const link = event.target.closest?.('a[href^="#model="]');
    if (!link) return;
    event.preventDefault();
    history.replaceState(null, "", link.getAttribute("href"));
    ask(link.getAttribute("href"));
  });
  addEventListener("hashchange", () => ask(location.hash));

  let started = false;
  new MutationObserver(() => {
    if (!started && document.querySelector("#models-tab-button")) {
      started = true;
      ask(location.hash);
    }
    open();
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
