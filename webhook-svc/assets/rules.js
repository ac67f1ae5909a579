// Rules: the builder works in place and tells what a rule would do while one types; the list is ordered by its handles and by keys.
// Each asks for the page that the form leads to anyway, and shows what is new in it.
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

  // The builder.
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

  // Draws the form anew as the server does, and goes on where one was.
  const redraw = async (button) => {
    const form = builder();
    const fields = new FormData(form);
    const wish = button?.value ?? "redraw";
    fields.set("do", wish);
    const active = document.activeElement;
    redrawing?.abort();
    const mine = redrawing = new AbortController();
    try {
      const page = await sent(form, fields, mine.signal);
      const fresh = page.querySelector("form[data-rule]");
      if (!fresh) return plainly(form, button);
      form.replaceWith(fresh);
      if (/^preview/.test(wish)) show(page);
      else look(0);
      const named = active?.name && [...fresh.elements].find((it) => it.name === active.name && (it.type !== "submit" || it.value === active.value));
      const around = wish.startsWith("remove ") && `add ${wish.slice(7).replace(/\.\d+$/, "")}`;
      const beside = around && [...fresh.elements].find((it) => it.value === around);
      // Another page of the what-if begins with its heading.
      const top = wish.startsWith("preview ") && document.getElementById("what-if-title");
      (top || fresh.querySelector("[autofocus]") || beside || named || fresh.querySelector("textarea"))?.focus();
      document.dispatchEvent(new Event("redrawn"));
    } catch (error) {
      if (error.name !== "AbortError") plainly(form, button);
    }
  };

  // What is beside these depends on them.
  const decides = (target) => target.matches("select") && /\.(field|op|to)$/.test(target.name);
  on("input", ({ target }) => { if (target.form?.matches("[data-rule]") && !decides(target)) look(); });
  on("change", ({ target }) => { if (target.form?.matches("[data-rule]") && decides(target)) redraw(null); });

  // The list. Only rules whose place is where they stand can be moved, and only among themselves.
  const moving = (form) => [...form.querySelectorAll("li[data-moves]")];
  const called = (item) => item.querySelector("input[name=names]").value;

  // Sends the order, or what a button says, and shows the list as it is then.
  const arrange = async (form, fields, name) => {
    try {
      const fresh = (await sent(form, fields)).querySelector("main");
      if (!fresh?.querySelector("[data-order]")) return location.reload();
      document.querySelector("main").replaceWith(fresh);
      const item = moving(fresh).find((it) => called(it) === name);
      item?.focus();
      const place = item && moving(fresh).indexOf(item) + 1;
      if (item) fresh.querySelector("[data-moved]").textContent = `${name} is now number ${place} of the rules that can be moved.`;
    } catch { location.reload(); }
  };

  on("pointerdown", (event) => {
    const item = event.target.closest(".grip")?.closest("li[data-moves]");
    if (!item || event.button !== 0) return;
    event.preventDefault();
    const form = item.closest("form");
    const before = moving(form).map(called).join("\n");
    item.classList.add("dragging");
    const move = ({ clientY }) => {
      for (const other of moving(form)) {
        if (other === item) continue;
        const { top, height } = other.getBoundingClientRect();
        const above = other.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_FOLLOWING;
        if (above && clientY < top + height / 2) { other.before(item); break; }
        if (!above && clientY > top + height / 2) other.after(item);
      }
    };
    // Of the page, because what is moved in it loses the pointer.
    const listening = new AbortController();
    const end = () => {
      listening.abort();
      item.classList.remove("dragging");
      if (moving(form).map(called).join("\n") !== before) arrange(form, new FormData(form), called(item));
    };
    for (const [type, act] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) {
      document.addEventListener(type, act, { signal: listening.signal });
    }
  });
  on("keydown", (event) => {
    const item = event.altKey && !event.target.matches?.("input") && event.target.closest?.("li[data-moves]");
    const step = item && { ArrowUp: "up", ArrowDown: "down" }[event.key];
    if (!step) return;
    event.preventDefault();
    const fields = new FormData(item.closest("form"));
    fields.set("do", `${step} - ${called(item)}`);
    arrange(item.closest("form"), fields, called(item));
  });

  // Before the script of all pages marks the form as sent.
  on("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (form.dataset.plain !== undefined) return delete form.dataset.plain;
    if (form.matches("[data-rule]") && (button?.matches("[data-in-place]") || button?.value === "preview")) {
      event.preventDefault();
      redraw(button);
    } else if (form.matches("[data-order]") && /^(up|down) /.test(button?.value ?? "")) {
      event.preventDefault();
      const fields = new FormData(form);
      fields.set("do", button.value);
      arrange(form, fields, button.value.replace(/^\w+ - /, ""));
    }
  }, true);
})();
