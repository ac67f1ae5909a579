// Rows that are changed where they stand: a button with data-inline sends its form without leaving the page, and all rows (data-rows, each
// data-row="who") are shown as the answer has them. What is ticked, typed or open stays, and so does the focus. Whatever the answer says
// is told in the row, and by data-said to those who hear the page. data-state is what was seen.
"use strict";
(() => {
  const on = (type, act) => document.addEventListener(type, act, true);
  const find = (within, key) => [...within.querySelectorAll("[data-row]")].find((row) => row.dataset.row === key);
  // The same control of a row as it is now, whatever it would do.
  const alike = (row, control) => {
    const { inline } = control.dataset;
    if (inline) return [...row.querySelectorAll("[data-inline]")].find((it) => it.dataset.inline === inline);
    // Some rows have hidden fields that others lack.
    const those = (within) => [...within.querySelectorAll(control.localName)].filter((it) => !it.dataset.inline && it.type !== "hidden");
    return those(row)[those(control.closest("[data-row]")).indexOf(control)];
  };
  const isTyped = (field) => field.value !== (field.dataset.kept ?? field.defaultValue);

  // What somebody has done in `rows` goes over to `fresh`, but for `saved`, which is done.
  const carry = (rows, fresh, saved) => {
    const at = document.activeElement;
    const place = rows.contains(at) && at.closest("[data-row]");
    // Where the row has left, whoever was at it goes on at the next one.
    const next = () => [...fresh.querySelectorAll("[data-row]")].slice(0, [...rows.querySelectorAll("[data-row]")].indexOf(place) + 1).at(-1);
    const row = place && (find(fresh, place.dataset.row) ?? next());
    const focus = row && (at === place ? row : alike(row, at) ?? row);
    for (const field of rows.querySelectorAll("input:not([type=hidden])")) {
      const other = find(fresh, field.closest("[data-row]").dataset.row);
      const same = other && alike(other, field);
      if (!same) continue;
      if (field.type === "checkbox") same.checked = field.checked;
      else if (field !== saved && isTyped(field)) same.value = field.value;
      const [was, is] = [field, same].map((it) => it.closest("details"));
      if (was?.open && is && field !== saved) is.open = true;
    }
    return focus || null;
  };

  const show = (form, page, button, saved) => {
    const theirs = page.querySelector("form[data-inline-form]");
    const [rows, fresh] = [form, theirs ?? page].map((it) => it.querySelector("[data-rows]"));
    if (!fresh || !rows) return false;
    for (const state of form.querySelectorAll("[data-state]")) state.value = theirs.querySelector(`[name=${state.name}]`)?.value ?? state.value;
    const key = button.closest("[data-row]")?.dataset.row;
    const focus = carry(rows, fresh, saved);
    rows.replaceWith(fresh);
    for (const part of document.querySelectorAll("[data-part]")) {
      const same = page.getElementById(part.id);
      if (same) part.replaceChildren(...same.childNodes);
    }
    const word = page.querySelector(".notice.is-ok p, [data-row] [role=alert], .notice.is-bad p")?.textContent.trim() ?? "";
    document.querySelector("[data-said]").textContent = word;
    const place = key && page.querySelector(".notice.is-ok") && find(fresh, key) && alike(find(fresh, key), button);
    if (place) place.after(Object.assign(document.createElement("small"), { className: "saved", textContent: "saved" }));
    // What is folded away cannot have it.
    (focus?.checkVisibility() === false ? focus.closest("details")?.querySelector("summary") : focus)?.focus();
    document.dispatchEvent(new Event("redrawn"));
    return true;
  };

  // The way without a script, for whatever does not work with it.
  const plainly = (form, button) => {
    form.dataset.plain = "";
    if (button.isConnected) form.requestSubmit(button);
    else location.reload();
  };

  // What was pressed before is forgotten once somebody sees that it is not as they thought.
  let seen = 0;
  const send = async (form, key, pressed, then, order) => {
    if (then !== seen || form.dataset.plain !== undefined) return;
    // What was sent before has brought the rows anew, and may have done this.
    const row = key && find(form, key);
    const button = pressed.isConnected ? pressed : row && alike(row, pressed);
    if (!button) {
      if (!row) document.querySelector("[data-said]").textContent = "That row is in the list no more, so nothing was done there.";
      return;
    }
    if (button.ariaChecked !== pressed.ariaChecked) return;
    const fields = new FormData(form);
    fields.set("do", button.value);
    if (order) {
      fields.delete("names");
      for (const name of order) fields.append("names", name);
    }
    button.ariaBusy = "true";
    const field = button.closest("details")?.querySelector("input");
    const value = field?.value;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(fields), headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.status === 412) seen += 1;
      const isDone = field?.value === value && answer.ok;
      if (show(form, page, button, isDone ? field : null)) return;
      // Nobody is left in the list: that is the same page without rows. Or one has to sign in.
      const main = new URL(answer.url).pathname === location.pathname && answer.ok && page.querySelector("main");
      if (main) return document.querySelector("main").replaceWith(main);
      if (answer.redirected) return location.assign(answer.url);
    } catch { /* the plain way tells */ }
    button.ariaBusy = null;
    plainly(form, button);
  };

  // One after the other: each is sent with the state that the answer before it told.
  let sent = Promise.resolve();
  // Before the script of all pages marks the form as sent.
  on("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (!button?.matches("[data-inline]") || form.dataset.plain !== undefined) return;
    event.preventDefault();
    button.ariaBusy = "true";
    const [key, then] = [button.closest("[data-row]")?.dataset.row, seen];
    // The order is the one that somebody has made, whatever comes of what was pressed before.
    const order = button.dataset.inline === "order" ? new FormData(form).getAll("names") : null;
    sent = sent.then(() => send(form, key, button, then, order)).catch(() => location.reload());
  });
  on("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    const button = event.target.matches?.("details.inline input") && event.target.parentElement.querySelector("[data-inline]");
    if (!button) return;
    event.preventDefault();
    button.click();
  });
})();
