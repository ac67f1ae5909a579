// A run that goes on: how far it is comes in by itself, and its report once it has ended.
"use strict";
(() => {
  const card = document.querySelector("[data-run]");
  if (!card) return;
  const { run: id, runEvents, runNow } = card.dataset;
  const bar = card.querySelector("progress");

  const show = (progress) => {
    const stages = [...card.querySelectorAll("[data-stage]")];
    const at = stages.findLastIndex((stage) => progress.some((it) => it.stage === stage.dataset.stage));
    stages.forEach((stage, number) => {
      const it = progress.find((it) => it.stage === stage.dataset.stage);
      stage.classList.toggle("done", number < at);
      if (number === Math.max(at, 0)) stage.setAttribute("aria-current", "step");
      else stage.removeAttribute("aria-current");
      if (it && it.total > 0) stage.querySelector("small").textContent = `${it.done} of ${it.total}`;
      if (it && it.total > 0 && number === at) Object.assign(bar, { max: it.total, value: it.done });
    });
  };
  const take = (run) => {
    if (run.id !== id) return;
    if (run.ended_at_ms !== null) { events.close(); location.reload(); }
    else show(run.progress);
  };

  const events = new EventSource(runEvents);
  for (const name of ["progress", "ended"]) events.addEventListener(name, (event) => take(JSON.parse(event.data)));
  // What happened before the events came, or while they were away.
  events.addEventListener("open", async () => {
    try { take(await (await fetch(runNow)).json()); } catch { /* the next event tells */ }
  });
  // What was answered with anything but a stream (all places taken, the service starting anew, the session over) browsers do not ask
  // for again: then the run itself is asked now and then, and who may not ask any more is led to where that is mended.
  const ASK_EVERY_MS = 2000;
  const ask = async () => {
    try {
      const answer = await fetch(runNow);
      if (answer.ok) take(await answer.json());
      else if (answer.status < 500) return location.reload();
    } catch { /* the service is away for a moment */ }
    setTimeout(ask, ASK_EVERY_MS);
  };
  events.addEventListener("error", () => { if (events.readyState === EventSource.CLOSED) setTimeout(ask, ASK_EVERY_MS); });
  window.addEventListener("pagehide", () => events.close());
})();
