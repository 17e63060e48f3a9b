// Receipts on the expense form: drop a file, see what was chosen, and how far it is
// sent. Without this script the form works as any other.
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

  // Like Django's filesizeformat, which formats the size of a stored receipt.
  function sizeInWords(bytes) {
    const isLarge = bytes >= 1024 ** 2;
    const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
    const number = bytes / (isLarge ? 1024 ** 2 : 1024);
    const text = number.toLocaleString(document.documentElement.lang, digits);
    return `${text} ${isLarge ? "MB" : "KB"}`;
  }

  // On a canvas, because the content policy has no blob: images.
  function draw(canvas, picture) {
    const scale = canvas.width / Math.min(picture.width, picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    const [left, top] = [(canvas.width - width) / 2, (canvas.height - height) / 2];
    canvas.width = canvas.height; // clears it
    canvas.getContext("2d").drawImage(picture, left, top, width, height);
  }

  async function showChosen(form) {
    const [file] = chosenFiles(form);
    const isTooLarge = file?.size > LARGEST;
    const place = form.querySelector("[data-chosen]");
    const [canvas, icon] = place.querySelectorAll(".preview");
    showProblem(form, isTooLarge ? "tooLarge" : undefined);
    place.hidden = !file;
    canvas.hidden = true;
    icon.hidden = false;
    if (!file) return;
    place.querySelector("strong").textContent = file.name;
    place.querySelector(".quiet").textContent = sizeInWords(file.size);
    if (isTooLarge) return;
    const picture = await createImageBitmap(file);
    const isStillChosen = chosenFiles(form)[0] === file;
    if (isStillChosen) {
      draw(canvas, picture);
      canvas.hidden = false;
      icon.hidden = true;
    }
    picture.close();
  }

  // inputs: those to empty. The last file chosen is the receipt.
  function clear(inputs) {
    for (const input of inputs) input.value = "";
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
      if (files[0].size > LARGEST) showProblem(form, "tooLarge");
      else send(form);
    });

    const inputs = [...form.querySelectorAll("[data-receipt]")];
    const show = () => showChosen(form).catch(() => {}); // a PDF has no picture
    for (const input of inputs) {
      input.addEventListener("change", () => {
        clear(inputs.filter((other) => other !== input));
        show();
      });
    }
    form.querySelector("[data-chosen] button").addEventListener("click", () => {
      clear(inputs);
      show();
      inputs[0].focus();
    });

    const [input] = inputs;
    const target = input.closest(".receipt-fields");
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
      clear(inputs);
      input.files = dropped;
      show();
    });
  }
}
