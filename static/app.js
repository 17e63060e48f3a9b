// What every page has: the theme, the number of unread notifications, keyboard shortcuts,
// and forms that take a while. Without this script, pages follow the system's theme, and
// have no number and no shortcuts.
// A rejected form comes back into the same window, so nothing here is global.
"use strict";

{
  // The chosen theme is a cookie, so that the server renders it and no page flickers.
  const root = document.documentElement;
  const THEMES = ["auto", "light", "dark"];
  const YEAR_SECONDS = 365 * 24 * 3600;

  root.dataset.theme ??= "auto";
  document.addEventListener("click", ({ target }) => {
    if (!target.closest(".theme-toggle")) return;
    const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
    root.dataset.theme = next;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${next}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
  });
}

{
  // The number of unread notifications is kept in a cookie, so that all tabs share it. The
  // server deletes it when the number changes. It is asked for again on a page without a
  // recent one, and when the user comes back to it: never while the page is not in use.
  const RECENT_MILLISECONDS = 10 * 60 * 1000;
  const RETRY_MILLISECONDS = 60 * 1000; // after an error
  const place = document.querySelector("[data-unread]");
  let asking = false;
  let failed = -Infinity;

  const isRecent = (time, milliseconds) => Math.abs(Date.now() - time) < milliseconds;

  function show(number) {
    const words = document.createElement("span");
    words.className = "visually-hidden";
    words.textContent = ` ${place.dataset.words}`;
    place.replaceChildren(number, words);
    place.hidden = number === "0";
  }

  async function ask() {
    const response = await fetch(place.dataset.unread);
    if (!response.ok) throw new Error(response.status);
    const { unread, more } = await response.json();
    const number = more ? `${unread}+` : `${unread}`;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `unread=${number}.${Date.now()}; path=/; samesite=lax${secure}`;
    show(number);
  }

  async function update() {
    const [, number, time] = document.cookie.match(/(?:^|; )unread=(\d+\+?)\.(\d+)/) ?? [];
    if (number) show(number);
    if (number && isRecent(Number(time), RECENT_MILLISECONDS)) return;
    if (asking || document.hidden || isRecent(failed, RETRY_MILLISECONDS)) return;
    asking = true;
    try {
      await ask();
    } catch {
      failed = Date.now(); // the bell works without a number
    } finally {
      asking = false;
    }
  }

  if (place) {
    update();
    addEventListener("pageshow", update);
    addEventListener("focus", update);
    document.addEventListener("visibilitychange", update);
    document.addEventListener("keydown", update);
    document.addEventListener("pointerdown", update);
    document.documentElement.addEventListener("pointerenter", update);
  }
}

{
  // A form that takes a while shows that it was sent, and is sent once.
  const forms = [...document.querySelectorAll("form[data-working]")];

  for (const form of forms) {
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
  // Back on the page, it can be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of forms) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
      form.querySelector(".working").textContent = "";
    }
  });
}

{
  // The time zone of a new account: the browser's, unless another one was chosen.
  const zones = document.querySelector("[data-browser-zone]");
  const ours = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zones?.value === "UTC" && [...zones.options].some((zone) => zone.value === ours))
    zones.value = ours;
}

{
  // Keyboard shortcuts. `?` lists them and can turn them off (WCAG 2.1.4). Those of lists
  // are in list.js, which gets them as "shortcut" events.
  const help = document.querySelector("#shortcuts");
  const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

  function searchExpenses() {
    const search = document.querySelector("[type=search]");
    if (search) search.select();
    else location.href = help.dataset.search;
  }

  const shortcuts = {
    n: () => document.querySelector(".main-menu .add a").click(),
    "/": searchExpenses,
    "?": () => help.showModal(),
  };

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.defaultPrevented || help.open || event.target.closest?.(TYPING)) return;
    if (localStorage.shortcuts === "off") return;
    if (shortcuts[event.key]) {
      event.preventDefault(); // or `/` would be typed into the field
      shortcuts[event.key]();
    } else {
      document.dispatchEvent(new CustomEvent("shortcut", { detail: event.key }));
    }
  }

  if (help) {
    const enabled = help.querySelector("[type=checkbox]");
    enabled.checked = localStorage.shortcuts !== "off";
    enabled.addEventListener("change", () => {
      localStorage.shortcuts = enabled.checked ? "on" : "off";
    });
    for (const button of document.querySelectorAll("[data-shortcuts]"))
      button.addEventListener("click", () => help.showModal());
    document.addEventListener("keydown", press);
  }
}
