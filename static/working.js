// A form that takes a while says so, and is sent once.
for (const form of document.querySelectorAll("form[data-working]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
    form.querySelector(".working").textContent = form.dataset.working;
  });
}
// Coming back to the page, it can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-working]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
    form.querySelector(".working").textContent = "";
  }
});
