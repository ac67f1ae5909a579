// Pages that wait for something look by themselves whether it has come: <div data-again="2" data-state="waiting K7QX"> asks for
// the same page every two seconds, and shows it anew once its state is another one. Whoever is typing is not disturbed.
"use strict";
(() => {
  const region = document.querySelector("[data-again]");
  if (!region) return;
  const typing = () => [...document.querySelectorAll("input:not([type=hidden], [type=checkbox])")].some((field) => field.value !== field.defaultValue);
  const look = async () => {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const state = page.querySelector("[data-again]")?.dataset.state;
      if (answer.redirected || (answer.ok && state !== region.dataset.state && !typing())) return location.reload();
    } catch { /* the service is away for a moment */ }
    setTimeout(look, region.dataset.again * 1000);
  };
  setTimeout(look, region.dataset.again * 1000);
})();
