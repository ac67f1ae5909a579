// The builder of a rule works in place, and tells what the rule would do while one types. It asks for the page that the form leads to
// anyway, and shows what is new in it.
"use strict";
(() => {
  const PAUSE_MS = 500;
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
  let timer, looking, redrawing;
  const show = (page) => {
    const fresh = page.getElementById("what-if");
    if (fresh) document.getElementById("what-if").replaceChildren(...fresh.childNodes);
  };
  // What the rule would do, after a pause; an older question is dropped.
  const look = (pause = PAUSE_MS) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      looking?.abort();
      const mine = looking = new AbortController();
      const fields = new FormData(builder());
      fields.set("do", "preview");
      const panel = document.getElementById("what-if");
      panel.ariaBusy = "true";
      try {
        const page = await sent(builder(), fields, mine.signal);
        if (looking === mine) show(page);
      } catch { /* asked anew, or not there: the next one tells */ }
      if (looking === mine) panel.ariaBusy = null;
    }, pause);
  };

  // What was typed since the form was sent goes over to the fresh one. What is removed makes others come into its place.
  const keep = (form, fields, fresh, wish) => {
    const moved = wish.startsWith("remove ") ? wish.slice(7).replace(/\d+$/, "") : null;
    for (const field of form.elements) {
      if (!field.name || field.matches("button, [type=hidden]") || (moved && field.name.startsWith(moved))) continue;
      const same = [...fresh.elements].find((it) => it.name === field.name && (!/^(checkbox|radio)$/.test(it.type) || it.value === field.value));
      if (!same) continue;
      if (/^(checkbox|radio)$/.test(field.type)) {
        if (field.checked !== fields.getAll(field.name).includes(field.value)) same.checked = field.checked;
      } else if (field.value !== fields.get(field.name)) same.value = field.value;
    }
  };

  // Draws the form anew as the server does, and goes on where one was.
  const redraw = async (button) => {
    const form = builder();
    const fields = new FormData(form);
    const wish = button?.value ?? "redraw";
    fields.set("do", wish);
    redrawing?.abort();
    const mine = redrawing = new AbortController();
    try {
      const page = await sent(form, fields, mine.signal);
      const fresh = page.querySelector("form[data-rule]");
      if (!fresh) return plainly(form, button);
      const active = document.activeElement;
      keep(form, fields, fresh, wish);
      form.replaceWith(fresh);
      if (/^preview/.test(wish)) show(page);
      else look(0);
      const named = active?.name && [...fresh.elements].find((it) => it.name === active.name && (it.type !== "submit" || it.value === active.value));
      const around = wish.startsWith("remove ") && `add ${wish.slice(7).replace(/\.\d+$/, "")}`;
      const beside = around && [...fresh.elements].find((it) => it.value === around);
      // Another page of the what-if begins with its heading.
      const top = wish.startsWith("preview ") && document.getElementById("what-if-title");
      // Whoever has gone on to write stays where they are.
      const writes = named && active.matches("input, textarea") && active.value !== fields.get(active.name);
      ((writes && named) || top || fresh.querySelector("[autofocus]") || beside || named || fresh.querySelector("textarea"))?.focus();
      if (named && named === document.activeElement && active.selectionStart != null) named.setSelectionRange(active.selectionStart, active.selectionEnd);
      document.dispatchEvent(new Event("redrawn"));
    } catch (error) {
      if (error.name !== "AbortError") plainly(form, button);
    }
  };

  // What is beside these depends on them.
  const decides = (target) => target.matches("select") && /\.(field|op|to)$/.test(target.name);
  on("input", ({ target }) => { if (target.form?.matches("[data-rule]") && !decides(target)) look(); });
  on("change", ({ target }) => { if (target.form?.matches("[data-rule]") && decides(target)) redraw(null); });

  // Before the script of all pages marks the form as sent.
  on("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (!form.matches("[data-rule]")) return;
    if (form.dataset.plain !== undefined) return delete form.dataset.plain;
    if (button?.matches("[data-in-place]") || button?.value === "preview") {
      event.preventDefault();
      redraw(button);
    }
  }, true);
})();
