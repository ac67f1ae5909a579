// Pages that wait for something look by themselves whether it has come: <p data-again="2" data-state="waiting K7QX"> asks for the same
// page every two seconds, and shows it anew once its state is another one. Whoever is typing, or has sent a form, is not disturbed. With
// data-parts only what is marked by data-part, and has an id, is shown anew, but for what somebody is at, what is marked as wrong, and fields
// that stand otherwise than in the fresh page: a page that answers a form has to, since loading it anew would lose the answer.
"use strict";
(() => {
  const waits = () => document.querySelector("[data-again]");
  const FIRST_MS = 400;
  // Not location.reload(): what answers a form would send it once more.
  const where = () => waits().dataset.at ?? location.pathname + location.search;
  const fields = (within) => [...within.querySelectorAll("input:not([type=hidden]), select, textarea")];
  const usual = (select) => Math.max([...select.options].findLastIndex((option) => option.defaultSelected), 0);
  const isChanged = (field) => {
    if (field.matches("select")) return field.selectedIndex !== usual(field) && field.options.length > 0;
    return /^(checkbox|radio)$/.test(field.type) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
  };
  const differs = (field, fresh) => {
    const same = fields(fresh).find((it) => it.name === field.name);
    return same && (/^(checkbox|radio)$/.test(field.type) ? field.checked !== same.checked : field.value !== same.value);
  };
  const isTouched = (part, fresh) =>
    part.contains(document.activeElement) || part.querySelector("[aria-invalid]") || fields(part).some((it) => differs(it, fresh));

  // Another page on its way is what somebody has asked for.
  const isLeft = () => document.querySelector("form[aria-busy=true]") !== null;

  // Whoever was shown the answer to a form keeps it, whatever is waited for next.
  let byParts = false;
  const show = (page) => {
    byParts ||= waits().dataset.parts !== undefined;
    if (!byParts) {
      if (!fields(document).some(isChanged)) location.replace(where());
      return;
    }
    for (const part of document.querySelectorAll("[data-part]")) {
      const fresh = page.getElementById(part.id);
      if (fresh && !isTouched(part, fresh)) part.replaceChildren(...fresh.childNodes);
    }
    document.dispatchEvent(new Event("redrawn"));
  };
  const look = async () => {
    try {
      const answer = await fetch(where(), { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const state = page.querySelector("[data-again]")?.dataset.state;
      // Whoever has typed something sends it first: a form of a session that is over is shown again.
      if (answer.redirected && !isLeft() && !fields(document).some(isChanged)) return location.replace(answer.url);
      if (answer.ok && !answer.redirected && !isLeft() && state !== waits().dataset.state) show(page);
    } catch { /* the service is away for a moment */ }
    goOn();
  };
  let timer;
  const goOn = (ms = waits()?.dataset.again * 1000) => {
    clearTimeout(timer);
    if (waits()) timer = setTimeout(look, ms);
  };
  goOn(FIRST_MS);
  // What was changed in place may have to wait for something too.
  document.addEventListener("redrawn", () => goOn());
})();
