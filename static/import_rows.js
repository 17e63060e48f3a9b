// The rows of a file to import: leaving the page asks first if it has changes that are not
// saved, and Enter in a row comes back to the row. Without this script, neither happens.
"use strict";

{
  const form = document.querySelector("form[data-rows]");
  let changed = false;

  form.addEventListener("input", () => {
    changed = true;
  });
  form.addEventListener("submit", () => {
    changed = false;
    const row = document.activeElement.closest("tr");
    form.action = row ? `#${row.id}` : ""; // a redirect keeps it
  });
  addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
}
