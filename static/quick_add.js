// Completes a category with the first name that begins with what was typed, ignoring
// case and accents: shown selected while typing, and taken by Tab or Enter. After a
// deletion it is not completed, so that a shorter new name can be typed, which is shown
// to be new or not in use lately. Without this script, the browser's own list of names remains.
"use strict";

{
  const normalize = (text) =>
    text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  const input = document.querySelector(".quick-add [list]");
  // Those of the last 12 months arrive with the chart.
  const names = () =>
    [...input.list.options, ...document.querySelectorAll("#categories-of-year option")].map(
      ({ value }) => value,
    );
  const hint = document.createElement("p");
  hint.className = "help";
  hint.ariaLive = "polite";
  input.after(hint);
  let isDeleted = false;

  function findName(typed) {
    const start = normalize(typed);
    const matches = names().filter((name) => normalize(name).startsWith(start));
    return matches.find((name) => normalize(name) === start) ?? matches[0];
  }

  function showNew() {
    const typed = input.value.trim();
    const isNew = typed && !names().some((name) => normalize(name) === normalize(typed));
    hint.textContent = isNew ? input.form.dataset.newCategory : "";
  }

  input.addEventListener("change", showNew);
  input.addEventListener("input", ({ inputType, isComposing }) => {
    hint.textContent = "";
    isDeleted = Boolean(inputType?.startsWith("delete"));
    const typed = input.value;
    const isAtEnd = input.selectionStart === typed.length;
    if (inputType !== "insertText" || isComposing || !isAtEnd || !typed.trim()) return;
    const name = findName(typed);
    if (!name) return;
    input.value = typed + [...name].slice([...typed].length).join("");
    input.setSelectionRange(typed.length, input.value.length);
  });

  input.addEventListener("keydown", ({ key, isComposing }) => {
    if (!["Tab", "Enter"].includes(key) || isComposing || isDeleted) return;
    const typed = input.value.trim();
    input.value = (typed && findName(typed)) || input.value;
    showNew(); // a value that a script has set causes no change event
  });
}
