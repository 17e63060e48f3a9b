// One tick for all rows of a list's page, and how many are ticked.
// Thumbnails that a busy server rejected are requested again.
// Without this script each row has its own tick, as before.
// A rejected form comes back into the same window, so nothing here is global.
"use strict";

{
  const all = document.querySelector("[data-select-all]");
  const counter = document.querySelector("[data-selected]");
  const ticks = [...document.querySelectorAll(".action-select")];

  function update() {
    const number = ticks.filter((tick) => tick.checked).length;
    all.checked = number === ticks.length;
    all.indeterminate = number > 0 && number < ticks.length;
    counter.textContent = counter.dataset.selected
      .replace("{number}", number)
      .replace("{total}", ticks.length);
  }

  if (all) {
    all.closest("label").hidden = false;
    counter.hidden = false;
    all.addEventListener("change", () => {
      for (const tick of ticks) tick.checked = all.checked;
      update();
    });
    for (const tick of ticks) tick.addEventListener("change", update);
    // Back on the page, the browser ticks what was ticked.
    window.addEventListener("pageshow", update);
  }
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
