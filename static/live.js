// Keeps a page fresh: listens to what changes, fetches the page again when data did, and swaps its <main>. Only adds:
// without it the page is whole, and a reload shows the same.
"use strict";
(() => {
  const QUIET = 1500; // Milliseconds between two fetches at least, so that a busy run does not flood anybody.
  let shown = document.body.dataset.serial;
  let wanted = shown;
  let fetching = false;

  const placeOf = (element) => {
    if (!element || element === document.body) return null;
    if (element.id) return "#" + CSS.escape(element.id);
    const href = element.getAttribute("href");
    return href ? `main a[href="${CSS.escape(href)}"]` : null;
  };

  // What a reader opened, scrolled or focused stays so.
  const swap = (fresh) => {
    const main = document.querySelector("main");
    const focus = main.contains(document.activeElement) ? placeOf(document.activeElement) : null;
    const opened = [...main.querySelectorAll("details")].map((details) => details.open);
    const scrolled = [...main.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
    main.replaceChildren(...fresh.querySelector("main").childNodes);
    const details = [...main.querySelectorAll("details")];
    if (details.length === opened.length) details.forEach((element, index) => { element.open = opened[index]; });
    [...main.querySelectorAll(".scroll")].forEach((box, index) => { box.scrollLeft = scrolled[index] || 0; });
    if (focus) document.querySelector(focus)?.focus({ preventScroll: true });
    document.title = fresh.title;
  };

  const refresh = async () => {
    if (fetching || wanted === shown || document.hidden) return;
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        swap(fresh);
        shown = fresh.body.dataset.serial;
      } else {
        shown = wanted;
      }
    } catch { /* The stream will say when the server is back. */ }
    setTimeout(() => { fetching = false; refresh(); }, QUIET);
  };

  const showProgress = (now) => {
    const section = document.getElementById("progress");
    if (!now || !section) return Boolean(now) !== Boolean(section) && document.body.querySelector(".revisions, .empty, .follows");
    if (String(now.run) !== section.dataset.run) return true;
    const say = (name, text) => {
      const place = section.querySelector(`[data-progress="${name}"]`);
      if (place) place.textContent = text;
    };
    for (const name of ["scenario", "label", "trial", "trials", "done", "planned", "stage"]) say(name, now[name]);
    const bar = section.querySelector('[data-progress="bar"]');
    if (bar) { bar.max = now.planned; bar.value = now.done; }
    return false;
  };

  const listen = () => {
    const stream = new EventSource("/live");
    stream.addEventListener("serial", (event) => { wanted = event.data; refresh(); });
    stream.addEventListener("progress", (event) => {
      // A bar that is missing, or that should be gone, needs the whole page.
      if (showProgress(JSON.parse(event.data))) { shown = null; refresh(); }
    });
    // Browsers reconnect by themselves, except after a refusal.
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
    });
  };

  document.addEventListener("visibilitychange", refresh);
  if (shown) listen();
})();
