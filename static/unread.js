// The number of unread notifications, beside the menu's entry. It comes after the page,
// which does not wait for it; without this script the menu has no number.
// A refused form comes back into the same window, so nothing here is global.
"use strict";

{
  async function showUnread(place) {
    const answer = await fetch(place.dataset.unread);
    if (!answer.ok) return;
    const { unread, more } = await answer.json();
    if (!unread) return;
    const words = document.createElement("span");
    words.className = "visually-hidden";
    words.textContent = ` ${place.dataset.words}`;
    place.replaceChildren(more ? `${unread}+` : `${unread}`, words);
    place.hidden = false;
  }

  const place = document.querySelector("[data-unread]");
  if (place) showUnread(place).catch(() => {}); // a menu without a number will do
}
