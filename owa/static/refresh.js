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

  const kind = (node) => `${node.nodeName} ${node.id || node.getAttribute?.("aria-labelledby") || ""}`;

  // Which of the old nodes become which of the fresh ones: as many as can in their order (the longest common
  // subsequence of their kinds), so that what comes or goes in between leaves the others where they are.
  const pairs = (old, fresh) => {
    const [were, are] = [old.map(kind), fresh.map(kind)];
    if (were.join("|") === are.join("|")) return new Map(fresh.map((node, number) => [node, old[number]]));
    const common = Array.from({ length: were.length + 1 }, () => new Uint32Array(are.length + 1));
    for (let i = were.length - 1; i >= 0; i -= 1) {
      for (let j = are.length - 1; j >= 0; j -= 1) {
        common[i][j] =
          were[i] === are[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
      }
    }
    const found = new Map();
    for (let i = 0, j = 0; i < were.length && j < are.length; ) {
      if (were[i] === are[j]) found.set(fresh[j++], old[i++]);
      else if (common[i + 1][j] >= common[i][j + 1]) i += 1;
      else j += 1;
    }
    return found;
  };

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
    const [before, wanted] = [[...old.childNodes], [...fresh.childNodes]];
    const kept = pairs(before, wanted);
    const stay = new Set(kept.values());
    for (const node of before) if (!stay.has(node)) node.remove();
    let here = old.firstChild;
    for (const node of wanted) {
      const mine = kept.get(node);
      if (mine) {
        here = mine.nextSibling;
        update(mine, node);
      } else {
        old.insertBefore(document.importNode(node, true), here);
      }
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
    const part = document.createElement("template"); // in which no script runs, and no space is lost
    part.innerHTML = await answer.text();
    updateChildren(root, part.content);
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
