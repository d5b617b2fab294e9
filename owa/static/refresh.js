// Keeps a part of a page fresh: fetches it every few seconds and changes what has changed, nothing else. So scroll,
// focus, open details and selected text stay. Rests in a hidden tab, backs off when there is no answer, and ends with
// the login. The part: an element with data-refresh (where from), data-seconds, data-state (id of where it is told).
"use strict";

(() => {
  const LONGEST = 60;
  const root = document.querySelector("[data-refresh]");
  if (!root) return;
  const state = document.getElementById(root.dataset.state);
  const every = Number(root.dataset.seconds);
  let failures = 0;
  let ended = false;
  let busy = false;
  let timer = 0;
  let last = new Date();

  const isSelected = (node) => {
    const selection = getSelection();
    return !selection.isCollapsed && selection.containsNode(node, true);
  };

  const isSame = (old, fresh) =>
    old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && (old.id || "") === (fresh.id || "");

  // An alarm is read aloud anew when it changes: not because a number in it has grown.
  const isSameAlarm = (old, fresh) => {
    const words = (node) => node.textContent.replace(/[\d.,]+/g, "#");
    return old.getAttribute("role") === "alert" && words(old) === words(fresh);
  };

  const updateAttributes = (old, fresh) => {
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      const isTheReaders = name === "open" && old.nodeName === "DETAILS";
      if (!isTheReaders && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
  };

  const updateChildren = (old, fresh) => {
    let here = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      let found = here;
      if (!found || !isSame(found, wanted)) {
        found = wanted.id ? [...old.children].find((child) => isSame(child, wanted)) : null;
      }
      if (found) {
        if (found === here) here = here.nextSibling;
        else old.insertBefore(found, here);
        update(found, wanted);
      } else {
        old.insertBefore(document.importNode(wanted, true), here);
      }
    }
    while (here) {
      const next = here.nextSibling;
      here.remove();
      here = next;
    }
  };

  const update = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data && !isSelected(old)) old.data = fresh.data;
    } else if (!isSameAlarm(old, fresh)) {
      updateAttributes(old, fresh);
      updateChildren(old, fresh);
    }
  };

  const tell = (text) => {
    if (state.textContent !== text) state.textContent = text;
    state.hidden = !text;
  };

  const end = () => {
    ended = true;
    tell("You are logged out: this page is not refreshed any more. Reload it to log in.");
  };

  const take = async () => {
    const answer = await fetch(root.dataset.refresh, { redirect: "manual", signal: AbortSignal.timeout(20000) });
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) return end();
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    updateChildren(root, page.body);
    failures = 0;
    last = new Date();
    return tell("");
  };

  const fail = (error) => {
    failures += 1;
    const reason = error.message.startsWith("the server") ? error.message : "there is no answer";
    tell(`Not refreshed since ${last.toISOString().slice(11, 19)} UTC: ${reason}. It is tried again.`);
  };

  const refresh = async () => {
    clearTimeout(timer);
    if (busy || ended || document.visibilityState === "hidden") return;
    busy = true;
    try {
      await take();
    } catch (error) {
      fail(error);
    }
    busy = false;
    if (!ended) timer = setTimeout(refresh, Math.min(LONGEST, every * 2 ** failures) * 1000);
  };

  document.addEventListener("visibilitychange", refresh);
  timer = setTimeout(refresh, every * 1000);
})();
