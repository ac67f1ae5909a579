// What pages do better with JavaScript. Every page works without it.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Theme: the system's until somebody chooses; set before the page is drawn.
  const THEMES = ["system", "light", "dark"];
  const stored = () => {
    try { return localStorage.getItem("theme") || "system"; } catch { return "system"; }
  };
  const wear = (theme) => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-button]")) {
      button.title = button.ariaLabel = `Theme: ${theme}`;
    }
  };
  wear(stored());

  const on = (type, act) => document.addEventListener(type, act);
  const typing = (node) => node.closest("input, select, textarea, [contenteditable]") !== null;

  on("click", (event) => {
    const target = event.target.closest("[data-theme-button], [data-confirm], [data-copy]");
    if (!target) return;
    const { themeButton, confirm: question, copy } = target.dataset;
    if (themeButton !== undefined) {
      const theme = THEMES[(THEMES.indexOf(stored()) + 1) % THEMES.length];
      try { localStorage.setItem("theme", theme); } catch { /* the choice lasts for this page */ }
      wear(theme);
    }
    if (question !== undefined && !window.confirm(question)) event.preventDefault();
    if (copy !== undefined) copied(target, copy);
  });
  // Browsers have a clipboard for pages that came encrypted; elsewhere what is selected can be copied.
  const copied = async (button, text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      button.parentElement.querySelector("input")?.select();
      if (!document.execCommand("copy")) return;
    }
    button.textContent = "Copied";
  };

  // A form that was sent says so and cannot be sent twice. Downloads stay on the page: data-stays.
  on("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.dataset.stays !== undefined) return;
    if (form.ariaBusy === "true") return event.preventDefault();
    form.ariaBusy = "true";
    leave(form);
    const button = event.submitter ?? form.querySelector("button:not([type=button])");
    if (button) button.ariaBusy = "true";
    setTimeout(free, BUSY_MS);
  });
  // Nobody tells a page that its form was stopped on the way.
  const BUSY_MS = 20e3;
  const free = () => {
    for (const busy of document.querySelectorAll("form[aria-busy], .btn[aria-busy]")) busy.ariaBusy = null;
  };
  on("keydown", (event) => { if (event.key === "Escape") free(); });
  // Back from the next page: the browser may show this one as it was left.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) free();
  });

  // Filters apply themselves; a field that is typed in waits for Enter. So does a list of choices that is walked through by keys, where
  // every step is a change: the form's button is shown from then on.
  let keyed;
  on("pointerdown", () => { keyed = null; });
  on("keydown", (event) => {
    keyed = event.target;
    // Not every browser sends it by itself then.
    if (event.key !== "Enter" || !keyed.matches("form[data-waits] select")) return;
    event.preventDefault();
    keyed.form.requestSubmit();
  });
  on("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form && event.target === keyed && event.target.matches("select")) form.dataset.waits = keyed.name;
    else if (form && event.target.type !== "search") form.requestSubmit();
    const all = event.target.closest("[data-all]");
    if (all) {
      for (const box of document.getElementsByName(all.dataset.all)) box.checked = all.checked;
    }
    if (all || event.target.closest("[data-counted]")) count();
  });

  // Whoever has chosen by keys goes on there on the next page.
  const leave = ({ action, dataset: { waits } }) => {
    if (!waits) return;
    try { sessionStorage.setItem("at", JSON.stringify([new URL(action).pathname, waits])); } catch { /* the next page begins at its top */ }
  };
  const arrive = () => {
    try {
      const [path, name] = JSON.parse(sessionStorage.getItem("at")) ?? [];
      sessionStorage.removeItem("at");
      if (path !== location.pathname || document.activeElement !== document.body) return;
      document.querySelector("form[data-auto]")?.elements[name]?.focus();
    } catch { /* nothing is kept here */ }
  };

  // The bar for many at once shows how many are chosen: <b data-count="id"> counts the boxes named id.
  const count = () => {
    for (const place of document.querySelectorAll("[data-count]")) {
      const boxes = [...document.getElementsByName(place.dataset.count)];
      place.textContent = boxes.filter((box) => box.checked).length;
    }
  };

  // Keys: "/" searches, j and k or the arrows walk through [data-keys], Enter opens.
  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
      return;
    }
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const within = event.target.closest("[data-keys]");
    const list = within ?? (event.key.length === 1 ? document.querySelector("[data-keys]") : null);
    if (!list) return;
    const rows = [...list.querySelectorAll(":scope > [tabindex]")];
    const at = rows.indexOf(event.target.closest("[data-keys] > [tabindex]"));
    if (step && rows.length) {
      event.preventDefault();
      rows[Math.max(0, Math.min(rows.length - 1, at + step))].focus();
    } else if (event.key === "Enter" && rows.includes(event.target)) {
      event.target.querySelector("a[href]")?.click();
    }
  });

  // Times in the reader's own zone and words; the exact one stays as the tooltip.
  const UNITS = [["year", 31536e3], ["month", 2628e3], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const words = new Intl.RelativeTimeFormat(root.lang || "en", { numeric: "auto" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const tell = () => {
    for (const time of document.querySelectorAll("time[datetime][data-relative]")) {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      const seconds = (moment - Date.now()) / 1000;
      const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
      time.textContent = unit === "second" ? "just now" : words.format(Math.round(seconds / size), unit);
      time.title = exact.format(moment);
    }
  };

  // Parts of the page have come anew.
  on("redrawn", () => { tell(); count(); });
  on("DOMContentLoaded", () => {
    wear(stored());
    arrive();
    tell();
    setInterval(tell, 60e3);
    count();
    // Where there are more tabs than room, the one that is looked at is in it.
    document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    // A poster that does not load leaves its initials.
    for (const image of document.querySelectorAll(".poster img")) {
      if (image.complete && !image.naturalWidth) image.remove();
      else image.addEventListener("error", () => image.remove());
    }
  });
})();
