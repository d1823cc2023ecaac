"use strict";
// The page is whole without this: it only adds the filter and the copy button.
const filters = document.querySelector(".filters");
if (filters) {
  filters.hidden = false;
  const buttons = [...filters.querySelectorAll("button")];
  const changes = [...document.querySelectorAll(".change")];
  const shown = document.getElementById("shown");
  filters.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    const chosen = buttons
      .filter((one) => one.getAttribute("aria-pressed") === "true")
      .map((one) => one.dataset.filter);
    let count = 0;
    for (const change of changes) {
      change.hidden = chosen.length > 0 && !chosen.includes(change.dataset.action);
      if (!change.hidden) count += 1;
    }
    shown.textContent = `${count} of ${changes.length} changes shown`;
  });
}
const copy = document.getElementById("copy");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(document.getElementById("command").textContent);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Select it and copy by hand";
    }
  });
}
