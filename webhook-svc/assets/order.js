// Rules are moved by their handles and by keys. Only those whose place is where they stand can be, and only among themselves; what is
// moved is sent like every change of a row (inline.js).
"use strict";
(() => {
  const moving = (form) => [...form.querySelectorAll("li[data-moves]")];
  const names = (form) => moving(form).map((item) => item.dataset.row).join("\n");

  document.addEventListener("pointerdown", (event) => {
    let item = event.target.closest(".grip")?.closest("li[data-moves]");
    if (!item || event.button !== 0) return;
    event.preventDefault();
    const form = item.closest("form");
    const before = names(form);
    item.classList.add("dragging");
    const listening = new AbortController();
    // The rows may come anew meanwhile.
    const hold = () => {
      if (item.isConnected) return true;
      item = moving(form).find((it) => it.dataset.row === item.dataset.row);
      item?.classList.add("dragging");
      if (!item) listening.abort();
      return item !== undefined;
    };
    const move = ({ clientY }) => {
      if (!hold()) return;
      for (const other of moving(form)) {
        if (other === item) continue;
        const { top, height } = other.getBoundingClientRect();
        const above = other.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_FOLLOWING;
        if (above && clientY < top + height / 2) { other.before(item); break; }
        if (!above && clientY > top + height / 2) other.after(item);
      }
    };
    const end = () => {
      if (!hold()) return;
      listening.abort();
      item.classList.remove("dragging");
      item.focus();
      if (names(form) !== before) form.requestSubmit(form.querySelector("[data-inline=order]"));
    };
    // Of the page, because what is moved in it loses the pointer.
    for (const [type, act] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) {
      document.addEventListener(type, act, { signal: listening.signal });
    }
  });
  document.addEventListener("keydown", (event) => {
    const item = event.altKey && !event.target.matches?.("input") && event.target.closest?.("li[data-moves]");
    const step = item && { ArrowUp: "up", ArrowDown: "down" }[event.key];
    if (!step) return;
    event.preventDefault();
    item.focus();
    if (!event.repeat) item.querySelector(`[data-inline=${step}]`)?.click();
  });
})();
