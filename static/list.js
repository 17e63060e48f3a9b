// Lists: one checkbox for all rows, ranges with Shift, the number and total of the
// selection, and keys that move from row to row. Rejected thumbnails are requested again.
// Without this script, each row has its own checkbox, as before.
// A rejected form comes back into the same window, so nothing here is global.
"use strict";

{
  const all = document.querySelector("[data-select-all]");
  const counter = document.querySelector("[data-selected]");
  const allMatching = document.querySelector("[data-all]"); // also those of other pages
  const ticks = [...document.querySelectorAll(".action-select")];
  let last; // the checkbox that was clicked last

  // Add amounts in minor units exactly, and return the total in units: "12.50". Amounts
  // stored in a currency with more decimals keep them.
  function sum(amounts, decimals) {
    const fraction = (amount) => amount.split(".")[1] ?? "";
    const extra = Math.max(...amounts.map((amount) => fraction(amount).length));
    const scaled = amounts.map((amount) =>
      BigInt(amount.split(".")[0] + fraction(amount).padEnd(extra, "0")),
    );
    const total = scaled.reduce((a, b) => a + b);
    const places = decimals + extra;
    const sign = total < 0 ? "-" : ""; // more refunds than expenses
    const digits = `${total}`.replace("-", "").padStart(places + 1, "0");
    const rest = digits.slice(digits.length - places).replace(/0+$/, "");
    return `${sign}${digits.slice(0, digits.length - places)}.${rest.padEnd(decimals, "0")}`;
  }

  function inWords(rows) {
    const words = counter.dataset.selected.replace("{number}", rows.length);
    const amounts = rows.map((row) => row.dataset.minorUnits).filter(Boolean);
    if (!amounts.length) return words;
    const total = sum(amounts, Number(counter.dataset.decimals));
    const places = total.split(".")[1].length;
    const format = new Intl.NumberFormat(document.documentElement.lang, {
      style: "currency",
      currency: counter.dataset.currency,
      minimumFractionDigits: places,
      maximumFractionDigits: places,
    });
    return `${words} · ${format.format(total).replace("-", "\u2212")}`;
  }

  function update() {
    const rows = ticks.filter((tick) => tick.checked).map((tick) => tick.closest("tr, li"));
    all.checked = rows.length === ticks.length;
    all.indeterminate = rows.length > 0 && rows.length < ticks.length;
    if (allMatching && !all.checked) allMatching.checked = false;
    if (allMatching) allMatching.closest("label").hidden = !all.checked;
    if (allMatching?.checked) counter.textContent = document.querySelector(".count").textContent;
    else counter.textContent = rows.length ? inWords(rows) : "";
  }

  function click(tick, { shiftKey }) {
    if (shiftKey && last) {
      const ends = [ticks.indexOf(last), ticks.indexOf(tick)].sort((a, b) => a - b);
      for (const between of ticks.slice(ends[0], ends[1] + 1)) between.checked = tick.checked;
    }
    last = tick;
    update();
  }

  if (all) {
    all.closest("label").hidden = false;
    all.addEventListener("change", () => {
      for (const tick of ticks) tick.checked = all.checked;
      update();
    });
    allMatching?.addEventListener("change", update);
    for (const tick of ticks) {
      tick.addEventListener("click", (event) => click(tick, event));
      // A click with Shift would select text.
      tick.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
    }
    // Back on the page, the browser ticks what was ticked.
    window.addEventListener("pageshow", update);
  }

  // Keys: the current row is the one that has the focus.
  const links = [...document.querySelectorAll("#result_list :is(tbody tr, li)")]
    .map((row) => row.querySelector("a[href]"))
    .filter(Boolean);
  const current = () => document.activeElement.closest("#result_list :is(tbody tr, li)");

  function move(step) {
    const row = current();
    const here = links.findIndex((link) => row?.contains(link));
    const next = here < 0 ? 0 : Math.min(Math.max(here + step, 0), links.length - 1);
    links[next]?.focus();
  }

  document.addEventListener("shortcut", ({ detail }) => {
    if (detail === "j") move(1);
    if (detail === "k") move(-1);
    if (detail === "x") current()?.querySelector(".action-select")?.click();
  });

  // The filter closes like a menu.
  const filter = document.querySelector(".filters details");
  filter?.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !filter.open) return;
    filter.open = false;
    filter.querySelector("summary").focus();
  });

  const MOST_TRIES = 4;
  const tries = new WeakMap();

  function tryAgain(image) {
    const tried = tries.get(image) ?? 0;
    if (tried === MOST_TRIES) return;
    tries.set(image, tried + 1);
    const wait = 500 * 2 ** tried * (0.5 + Math.random()); // not all at once
    setTimeout(() => image.setAttribute("src", image.src), wait);
  }

  document.addEventListener(
    "error",
    ({ target }) => target.matches(".thumbnail") && tryAgain(target),
    true, // it doesn't bubble
  );
  for (const image of document.querySelectorAll(".thumbnail")) {
    if (image.complete && !image.naturalWidth) tryAgain(image); // before this script
  }
}
