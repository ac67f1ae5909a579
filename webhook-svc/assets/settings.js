// A file that is chosen is read into the field that is sent, so that it can be looked at and changed first.
"use strict";
(() => {
  const MOST = 1024 * 1024;
  for (const input of document.querySelectorAll("input[type=file][data-reads]")) {
    input.addEventListener("change", async () => {
      const [file] = input.files;
      const field = document.getElementById(input.dataset.reads);
      if (!file || !field) return;
      const fits = file.size <= MOST;
      input.setCustomValidity(fits ? "" : "This file is larger than 1 MB: it is no settings file.");
      input.reportValidity();
      if (fits) field.value = await file.text();
    });
  }
})();
