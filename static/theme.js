// The theme that somebody chose, before the page is drawn; else the system's.
// The admin's stylesheets follow data-theme; without this script, the system.
"use strict";

{
  const root = document.documentElement;
  const themes = ["auto", "light", "dark"];

  // Where a browser keeps nothing, a choice lasts as long as the page.
  function kept(theme) {
    try {
      if (theme) localStorage.setItem("theme", theme);
      return localStorage.getItem("theme");
    } catch {
      return theme;
    }
  }

  const chosen = kept();
  root.dataset.theme = themes.includes(chosen) ? chosen : "auto";

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".theme-toggle")) return;
    const next = (themes.indexOf(root.dataset.theme) + 1) % themes.length;
    root.dataset.theme = themes[next];
    kept(themes[next]);
  });
}
