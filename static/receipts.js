// Receipts on the expense form: drop a file, and see how far it is sent.
// Without this script the form works as any other.
// A refused form comes back into the same window, so nothing here is global.
"use strict";

{
  const LARGEST = 10 * 1024 * 1024;

  function chosenFiles(form) {
    const inputs = [...form.querySelectorAll("[data-receipt]")];
    return inputs.flatMap((input) => [...input.files]);
  }

  // name: of the sentence among those that the place brings; without one, none.
  function showProblem(form, name) {
    const place = form.querySelector("[data-problem]");
    place.textContent = place.dataset[name] ?? "";
    place.hidden = !name;
  }

  function showPage(request) {
    history.replaceState(null, "", request.responseURL);
    document.open();
    document.write(request.responseText);
    document.close();
  }

  function send(form) {
    const progress = form.querySelector("[data-progress]");
    const bar = progress.querySelector("progress");
    const buttons = form.querySelectorAll("button");
    const request = new XMLHttpRequest();
    const end = (problem) => {
      progress.hidden = true;
      buttons.forEach((button) => (button.disabled = false));
      showProblem(form, problem);
    };
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total;
    });
    request.addEventListener("load", () => showPage(request));
    request.addEventListener("error", () => end("lost"));
    showProblem(form);
    progress.hidden = false;
    buttons.forEach((button) => (button.disabled = true));
    request.open("POST", location.href);
    request.send(new FormData(form));
  }

  for (const form of document.querySelectorAll("[data-upload]")) {
    form.addEventListener("submit", (event) => {
      const files = chosenFiles(form);
      if (!files.length) return;
      event.preventDefault();
      if (files.length > 1) {
        showProblem(form, "onlyOne");
        return;
      }
      if (files[0].size > LARGEST) {
        showProblem(form, "tooLarge");
        return;
      }
      send(form);
    });

    const input = form.querySelector("[data-receipt]");
    const target = input.closest(".form-row");
    for (const name of ["dragenter", "dragover"]) {
      target.addEventListener(name, (event) => {
        event.preventDefault();
        target.classList.add("dropping");
      });
    }
    for (const name of ["dragleave", "drop"]) {
      target.addEventListener(name, () => target.classList.remove("dropping"));
    }
    target.addEventListener("drop", (event) => {
      event.preventDefault();
      const dropped = event.dataTransfer.files;
      if (dropped.length > 1) showProblem(form, "onlyOne");
      if (dropped.length !== 1) return;
      showProblem(form);
      input.files = dropped;
    });
  }
}
