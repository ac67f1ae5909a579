// New lines of the log come in by themselves, below those that are there.
"use strict";
(() => {
  const list = document.querySelector("[data-log]");
  const MOST = 500;
  const TONES = { ERROR: "bad", WARN: "warn", INFO: "info" };
  const made = (name, text) => Object.assign(document.createElement(name), { textContent: text });

  const shown = (line) => {
    const { timestamp, level, message, target, ...fields } = line;
    const item = document.createElement("li");
    item.className = `is-${TONES[level] ?? "idle"}`;
    const time = made("time", timestamp);
    time.dateTime = timestamp;
    const text = document.createElement("span");
    text.append(made("bdi", message ?? ""));
    const rest = Object.entries(fields).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    if (rest.length > 0) text.append(" ", made("small", rest.join(" ")));
    item.append(time, made("b", level.toLowerCase()), text);
    return item;
  };
  // Whoever reads further up is not pulled away.
  const add = (item) => {
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 40;
    list.append(item);
    document.querySelector("[data-none]")?.remove();
    while (list.children.length > MOST) list.firstElementChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  };

  list.scrollTop = list.scrollHeight;
  const events = new EventSource(list.dataset.log);
  events.addEventListener("line", (event) => add(shown(JSON.parse(event.data))));
  // What was answered with anything but a stream (all places taken, the service starting anew, the session over) browsers do not ask
  // for again.
  events.addEventListener("error", () => {
    if (events.readyState !== EventSource.CLOSED) return;
    const again = Object.assign(made("button", "Look again"), { type: "button", className: "btn small" });
    again.addEventListener("click", () => location.reload());
    const text = made("p", "Not live any more: new lines do not come in by themselves. ");
    text.append(again);
    const notice = Object.assign(document.createElement("div"), { className: "notice is-warn", role: "status" });
    notice.append(text);
    list.closest("section").before(notice);
  });
  events.addEventListener("missed", (event) => add(made("li", `${event.data} lines came too fast to be shown`)));
})();
