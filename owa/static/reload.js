// Reloads the page after so many seconds as it says, while it is seen.
"use strict";

const seconds = Number(document.currentScript.dataset.seconds);

function reload() {
  if (document.hidden) {
    document.addEventListener("visibilitychange", reload, { once: true });
  } else {
    location.reload();
  }
}

setTimeout(reload, seconds * 1000);
