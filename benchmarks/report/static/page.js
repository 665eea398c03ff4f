"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Best first where the heading has an arrow, then the other way; cells without a value stay last.
function sortBy(heading) {
  const table = heading.closest("table");
  const best = heading.textContent.includes("↑") ? "descending" : "ascending";
  const turned = { ascending: "descending", descending: "ascending" };
  const order = turned[heading.ariaSort] ?? best;
  for (const other of all("thead th", table)) other.ariaSort = other === heading ? order : "none";
  const sign = order === "ascending" ? 1 : -1;
  const isNumber = heading.classList.contains("number");
  const rows = all("tbody tr", table).map((row) => ({ row, cell: row.cells[heading.cellIndex] }));
  const known = rows.filter(({ cell }) => !isNumber || "value" in cell.dataset);
  known.sort((a, b) => sign * (isNumber
    ? a.cell.dataset.value - b.cell.dataset.value
    : a.cell.textContent.localeCompare(b.cell.textContent, "en", { numeric: true })));
  const unknown = rows.filter((row) => !known.includes(row));
  table.tBodies[0].append(...[...known, ...unknown].map(({ row }) => row));
}

for (const button of all(".sortable thead button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}

const filters = document.getElementById("filters");
filters?.addEventListener("change", () => {
  const { condition, apart } = filters.elements;
  const images = all(".images > li");
  for (const image of images) {
    image.hidden = (condition.value !== "" && image.dataset.condition !== condition.value)
      || (apart.value !== "" && !JSON.parse(image.dataset.apart).includes(apart.value));
  }
  const count = images.filter((image) => !image.hidden).length;
  document.getElementById("count").textContent = `${count} of ${images.length} images`;
});

// A link opens what it leads to, and what that lies in.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  target?.querySelector(":scope > details")?.setAttribute("open", "");
  for (let around = target?.closest("details"); around; around = around.parentElement.closest("details")) {
    around.open = true;
  }
  target?.scrollIntoView();
}
addEventListener("hashchange", openTarget);
openTarget();

// On paper everything is open.
let closed = [];
addEventListener("beforeprint", () => {
  closed = all("details:not([open])");
  for (const details of closed) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of closed) details.open = false;
});
