// The builder of a rule works in place, and tells what the rule would do while one types. It asks for the page that the form leads to
// anyway, and shows what is new in it.
"use strict";
(() => {
  const PAUSE_MS = 500;
  const PATIENCE_MS = 20_000;
  const UNTOLD = "What the rule would do could not be worked out just now. Press Preview to try again.";
  const on = (type, act, capture = false) => document.addEventListener(type, act, capture);

  const sent = async (form, fields, signal) => {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(fields), signal, headers: { accept: "text/html" } });
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };
  // The way without a script, for whatever does not work with it.
  const plainly = (form, button) => {
    form.dataset.plain = "";
    form.requestSubmit(button);
  };

  const builder = () => document.querySelector("form[data-rule]");
  let timer, looking;
  // What is said is announced, in a place that stays; what is seen below it is too long for that. Without an answer nothing that was told
  // before holds any more.
  const show = (page) => {
    const place = (name, from = document) => from?.getElementById(`what-if-${name}`);
    const untold = Object.assign(document.createElement("p"), { className: "error", textContent: UNTOLD });
    place("said").replaceChildren(...place("said", page)?.childNodes ?? [untold]);
    place("seen").replaceChildren(...place("seen", page)?.childNodes ?? []);
    document.getElementById("what-if").ariaBusy = null;
  };
  // What the rule would do, after a pause; an older question is dropped.
  const look = (pause = PAUSE_MS) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      looking?.abort();
      const mine = looking = new AbortController();
      const fields = new FormData(builder());
      fields.set("do", "preview");
      document.getElementById("what-if").ariaBusy = "true";
      let page = null;
      try {
        page = await sent(builder(), fields, AbortSignal.any([mine.signal, AbortSignal.timeout(PATIENCE_MS)]));
      } catch { /* shown as not told */ }
      if (!mine.signal.aborted) show(page);
    }, pause);
  };

  // Ranges have two fields of one name, and boxes and buttons differ by their value.
  const isChoice = (it) => /^(checkbox|radio|submit)$/.test(it.type);
  const named = (form, name) => [...form.elements].filter((it) => it.name === name);
  const place = (form, field) => named(form, field.name).indexOf(field);
  const counterpart = (form, field, fresh) => {
    const those = named(fresh, field.name);
    return isChoice(field) ? those.find((it) => it.value === field.value) : those[place(form, field)];
  };
  const isWritten = (form, field, fields) => field.value !== fields.getAll(field.name)[place(form, field)];

  // What was typed since the form was sent goes over to the fresh one. What is removed makes others come into its place.
  const keep = (form, fields, fresh, wish) => {
    const moved = wish.startsWith("remove ") ? wish.slice(7).replace(/\d+$/, "") : null;
    for (const field of form.elements) {
      if (!field.name || field.matches("button, [type=hidden]") || (moved && field.name.startsWith(moved))) continue;
      const same = counterpart(form, field, fresh);
      if (!same) continue;
      if (isChoice(field)) {
        if (field.checked !== fields.getAll(field.name).includes(field.value)) same.checked = field.checked;
      } else if (isWritten(form, field, fields)) same.value = field.value;
    }
  };

  // Draws the form anew as the server does, and goes on where one was.
  const drawn = async (wish) => {
    const form = builder();
    const button = named(form, "do").find((it) => it.value === wish);
    const fields = new FormData(form);
    fields.set("do", wish);
    // It answers what is being asked, too.
    if (/^preview/.test(wish)) {
      clearTimeout(timer);
      looking?.abort();
    }
    try {
      const page = await sent(form, fields, AbortSignal.timeout(PATIENCE_MS));
      const fresh = page.querySelector("form[data-rule]");
      if (!fresh) return plainly(form, button);
      const active = document.activeElement;
      keep(form, fields, fresh, wish);
      const same = active?.name && form.contains(active) && counterpart(form, active, fresh);
      // Whoever has gone on to write stays where they are.
      const writes = same && active.matches("input:not([type=checkbox]), textarea") && isWritten(form, active, fields);
      form.replaceWith(fresh);
      if (/^preview/.test(wish)) show(page);
      else look(0);
      const around = wish.startsWith("remove ") && `add ${wish.slice(7).replace(/\.\d+$/, "")}`;
      const beside = around && [...fresh.elements].find((it) => it.value === around);
      // Another page of the what-if begins with its heading.
      const top = wish.startsWith("preview ") && document.getElementById("what-if-title");
      ((writes && same) || top || fresh.querySelector("[autofocus]") || beside || same || fresh.querySelector("textarea"))?.focus();
      if (same && same === document.activeElement && active.selectionStart != null) same.setSelectionRange(active.selectionStart, active.selectionEnd);
      document.dispatchEvent(new Event("redrawn"));
    } catch {
      plainly(form, button);
    }
  };
  // One after another, so that no press is lost; but while something goes, others come into its place, and a press could mean another row
  // than the one that is seen.
  const goes = (wish) => /^(remove|unroute) /.test(wish);
  let drawing = Promise.resolve(), going = false, last;
  const redraw = (wish = "redraw") => {
    if (going && / /.test(wish)) return;
    going ||= goes(wish);
    // Of several choices in a row the last one is drawn: they are all in the form by then.
    const mine = last = {};
    const begin = () => (wish === "redraw" && mine !== last ? null : drawn(wish));
    drawing = drawing.then(begin).finally(() => { if (goes(wish)) going = false; });
  };

  // What is beside these depends on them.
  const decides = (target) => target.matches("select") && /\.(field|op|to)$/.test(target.name);
  on("input", ({ target }) => { if (target.form?.matches("[data-rule]") && !decides(target)) look(); });
  on("change", ({ target }) => { if (target.form?.matches("[data-rule]") && decides(target)) redraw(); });

  // Before the script of all pages marks the form as sent.
  on("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (!form.matches("[data-rule]")) return;
    if (form.dataset.plain !== undefined) return delete form.dataset.plain;
    if (button?.matches("[data-in-place]") || button?.value === "preview") {
      event.preventDefault();
      redraw(button.value);
    }
  }, true);
})();
