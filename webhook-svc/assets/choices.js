// What an instance offers to choose from, where somebody looks at options of it: [data-choices] says where to ask.
"use strict";
(() => {
  const offered = new Map();
  const offer = async (details) => {
    const url = details.dataset.choices;
    if (!offered.has(url)) offered.set(url, fetch(url).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null));
    const choices = await offered.get(url);
    if (!choices) return offered.delete(url);
    const lists = {
      quality_profile: choices.quality_profiles.map((it) => it.name),
      root_folder_path: choices.root_folders.map((it) => it.path),
    };
    for (const input of details.querySelectorAll("input[data-offers]")) {
      const values = lists[input.dataset.offers];
      if (!values || input.list) continue;
      const list = document.createElement("datalist");
      list.id = `${input.id}-list`;
      list.append(...values.map((value) => Object.assign(document.createElement("option"), { value })));
      input.after(list);
      input.setAttribute("list", list.id);
    }
  };
  const offerAll = () => document.querySelectorAll("[data-choices]").forEach(offer);
  document.addEventListener("redrawn", offerAll);
  offerAll();
})();
