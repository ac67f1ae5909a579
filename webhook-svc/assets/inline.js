// Rows that are changed where they stand: a button with data-inline sends its form without leaving the page, and its row
// (data-row="who") is shown as the answer has it; all rows (data-rows), when they stand in another order there. Whatever the answer says
// is told in the row, and by data-said to those who hear the page. data-state is which state of everything was seen.
"use strict";
(() => {
  const on = (type, act) => document.addEventListener(type, act, true);
  const keys = (within) => [...within.querySelectorAll("[data-row]")].map((row) => row.dataset.row);
  const find = (within, key) => [...within.querySelectorAll("[data-row]")].find((row) => row.dataset.row === key);
  // The same control of a row, whatever it would do now.
  const alike = (row, button) => [...row.querySelectorAll("[data-inline]")].find((it) => it.dataset.inline === button.dataset.inline);

  // Boxes that were ticked stay so, and what was typed, but for what was saved just now.
  const keep = (from, to, saved) => {
    const same = (field) => [...to.querySelectorAll("input")].find((it) => it.name === field.name && (it.type !== "checkbox" || it.value === field.value));
    for (const box of from.querySelectorAll("input[type=checkbox]:checked")) if (same(box)) same(box).checked = true;
    for (const field of from.querySelectorAll("details.inline input")) {
      const fresh = field !== saved && field.value !== field.defaultValue && same(field);
      if (!fresh) continue;
      fresh.value = field.value;
      fresh.closest("details").open = true;
      if (field === document.activeElement) setTimeout(() => fresh.focus());
    }
  };

  const show = (form, button, page, done) => {
    const row = button.closest("[data-row]");
    const theirs = page.querySelector("form [data-row], form[data-inline-form]")?.closest("form");
    if (!theirs) return false;
    const saved = button.closest("details")?.querySelector("input");
    // Whoever has gone on to something else is not called back.
    const at = document.activeElement;
    const isThere = at === document.body || at === button || at === saved;
    for (const state of form.querySelectorAll("[data-state]")) state.value = theirs.querySelector(`[name=${state.name}]`)?.value ?? state.value;
    const fresh = find(theirs, row.dataset.row);
    const words = page.querySelector(done ? ".notice.is-ok p" : "[data-row] [role=alert], .notice.is-bad p")?.textContent.trim() ?? "";
    const [old, now] = [row, fresh].map((it) => it?.closest("[data-rows]"));
    if (fresh && keys(old).join() === keys(now).join()) {
      keep(row, fresh, saved);
      row.replaceWith(fresh);
    } else {
      keep(old, now ?? old, saved);
      if (now) old.replaceWith(now);
      else row.remove();
    }
    for (const part of document.querySelectorAll("[data-part]")) {
      const same = page.getElementById(part.id);
      if (same) part.replaceChildren(...same.childNodes);
    }
    const place = fresh && alike(fresh, button);
    if (place && done) {
      const word = document.createElement("small");
      word.className = "saved";
      word.textContent = "saved";
      place.after(word);
    }
    const inside = saved && fresh?.querySelector("details[open] input");
    if (isThere) (done ? place?.closest("details")?.querySelector("summary") ?? place : inside ?? place)?.focus();
    document.querySelector("[data-said]").textContent = words;
    document.dispatchEvent(new Event("redrawn"));
    return true;
  };

  const send = async (form, key, pressed) => {
    // What was sent before may have brought its row anew, or done this.
    const row = pressed.isConnected ? null : find(form, key);
    const button = pressed.isConnected ? pressed : row && alike(row, pressed);
    if (!button || button.ariaChecked !== pressed.ariaChecked) return;
    const fields = new FormData(form);
    fields.set("do", button.value);
    button.ariaBusy = "true";
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(fields), headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (show(form, button, page, answer.ok)) return;
      // Nobody is left in the list, or one has to sign in.
      if (answer.redirected) return location.assign(answer.url);
    } catch { /* the plain way tells */ }
    button.ariaBusy = null;
    form.dataset.plain = "";
    form.requestSubmit(button);
  };

  // One after the other: each is sent with the state that the answer before it told.
  let sent = Promise.resolve();
  // Before the script of all pages marks the form as sent.
  on("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (!button?.matches("[data-inline]") || form.dataset.plain !== undefined) return;
    event.preventDefault();
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    const key = button.closest("[data-row]").dataset.row;
    sent = sent.then(() => send(form, key, button));
  });
  on("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    const button = event.target.matches?.("details.inline input") && event.target.parentElement.querySelector("[data-inline]");
    if (!button) return;
    event.preventDefault();
    button.click();
  });
})();
