// Shows how far an act on all failed events has come. Without it, the page tells that when it is reloaded.
"use strict";

(() => {
  const EVERY = 2000; // milliseconds

  async function look() {
    const shown = document.getElementById("progress");
    if (!shown || !("running" in shown.dataset)) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { credentials: "same-origin" });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const news = page.getElementById("progress");
        if (answer.ok && news) shown.replaceWith(document.adoptNode(news));
      } catch {
        // the next look may reach it
      }
    }
    setTimeout(look, EVERY);
  }

  setTimeout(look, EVERY);
})();
