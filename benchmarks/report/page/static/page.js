"use strict";
document.documentElement.classList.add("scripted");

// The state of the page is its fragment, #SECTION?NAME=VALUE&…, so that a link leads to each state.
const fragment = {
  read() {
    const [section, query] = location.hash.slice(1).split("?");
    return { section, values: new URLSearchParams(query) };
  },
  // The fragment with these changes; a value of null takes a name out.
  with(section, changes) {
    const { values } = fragment.read();
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) values.delete(name);
      else values.set(name, value);
    }
    const query = values.toString();
    return `#${section}${query && `?${query}`}`;
  },
  change(section, changes) {
    history.replaceState(null, "", fragment.with(section, changes));
    showState();
  },
};

// The height of the bar at the top depends on how often its contents wrap.
function leaveRoomForBar() {
  const bar = document.querySelector("nav");
  document.documentElement.style.scrollPaddingTop = `${bar.offsetHeight + 8}px`;
}
leaveRoomForBar();
addEventListener("resize", leaveRoomForBar);

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const sectionOf = (node) => node.closest("section")?.id ?? fragment.read().section;

// Of several panels the one of the pressed button is shown.
function showChoices(values) {
  for (const switched of all("[data-switch]")) {
    const name = switched.dataset.switch;
    const buttons = all(`[data-for="${name}"] [data-choice]`, switched);
    const choices = buttons.map((button) => button.dataset.choice);
    if (!choices.length) continue;
    const wanted = values.get(name);
    const chosen = choices.includes(wanted) ? wanted : choices[0];
    for (const button of buttons) button.setAttribute("aria-pressed", button.dataset.choice === chosen);
    for (const panel of all(`[data-panel="${name}"]`, switched)) panel.hidden = panel.dataset.choice !== chosen;
  }
}

// Of several networks the one of the recipe is pressed, and only its recipes can be chosen.
const networks = JSON.parse(document.body.dataset.networks);

function showNetwork() {
  const recipes = all("nav [data-for=recipe] button");
  const chosen = networks[recipes.find((one) => one.getAttribute("aria-pressed") === "true")?.dataset.choice];
  for (const button of all("[data-for=network] button")) button.setAttribute("aria-pressed", button.dataset.choice === chosen);
  for (const button of recipes) button.hidden = networks[button.dataset.choice] !== chosen;
}

// Methods that are switched off are not drawn.
const offIn = (values) => (values.get("off") ?? "").split(",").filter(Boolean);

function showLines(values) {
  const off = offIn(values);
  for (const button of all("[data-toggle]")) button.setAttribute("aria-pressed", !off.includes(button.dataset.toggle));
  for (const line of all("[data-series]")) line.classList.toggle("off", off.includes(line.dataset.series));
}

// Charts of other recipes and figures of closed claims are packed until they come into view.
let packed = {};

async function unpack() {
  const bytes = Uint8Array.from(atob(document.getElementById("packed").textContent), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  packed = await new Response(stream).json();
  showState();
}

function showPacked() {
  for (const place of all("[data-packed]:empty")) {
    if (place.checkVisibility()) place.innerHTML = packed[place.dataset.packed] ?? "";
  }
}

document.addEventListener("toggle", () => { showPacked(); showLines(fragment.read().values); }, true);

// Links to a section keep the state that the page is in.
const sectionLinks = all('a[href^="#"]').map((link) => ({ link, section: link.hash.slice(1) }));

function showLinks() {
  for (const { link, section } of sectionLinks) link.href = fragment.with(section, {});
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("a")?.hash === location.hash) openTarget(); // an unchanged hash fires no event
  const choice = target.closest("[data-for] [data-choice]");
  if (choice) {
    const name = choice.closest("[data-for]").dataset.for;
    const change = name === "network"
      ? { recipe: Object.keys(networks).find((recipe) => networks[recipe] === choice.dataset.choice) }
      : { [name]: choice.dataset.choice };
    fragment.change(sectionOf(choice), change);
  }
  const toggle = target.closest("[data-toggle]");
  if (toggle) {
    const off = new Set(offIn(fragment.read().values));
    if (!off.delete(toggle.dataset.toggle)) off.add(toggle.dataset.toggle);
    fragment.change(sectionOf(toggle), { off: off.size ? [...off].join(",") : null });
  }
  const heading = target.closest(".sortable thead button");
  if (heading) {
    const by = heading.textContent;
    fragment.change(sectionOf(heading), { by: fragment.read().values.get("by") === by ? `-${by}` : by });
  }
});

// The order of tables: the heading that they are sorted by; with a minus, the worst first.
function showOrder(values) {
  const by = values.get("by");
  for (const heading of by ? all(".sortable thead th") : []) {
    if (heading.textContent.trim() === by.replace(/^-/, "")) sortBy(heading, by.startsWith("-"));
  }
}

// Best first where the heading has an arrow; cells without a value stay last.
function sortBy(heading, worstFirst) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const order = heading.textContent.includes("↑") !== worstFirst ? "descending" : "ascending";
  for (const th of all("thead th", table)) th.setAttribute("aria-sort", th === heading ? order : "none");
  const sign = order === "ascending" ? 1 : -1;
  const rows = all("tbody tr", table).map((row) => ({ row, cell: row.cells[column] }));
  const numbers = heading.classList.contains("number");
  const known = rows.filter(({ cell }) => !numbers || "value" in cell.dataset);
  known.sort((a, b) => sign * (numbers
    ? a.cell.dataset.value - b.cell.dataset.value
    : a.cell.textContent.localeCompare(b.cell.textContent, "en", { numeric: true })));
  const unknown = rows.filter((one) => !known.includes(one));
  table.tBodies[0].append(...[...known, ...unknown].map(({ row }) => row));
}

// The tooltip of a marker that is pointed at, or reached by the arrow keys.
const tip = document.getElementById("tip");

function showTip(mark) {
  hideTip();
  if (!mark) return;
  mark.classList.add("active");
  tip.textContent = `${mark.closest("[data-name]").dataset.name}, ${mark.dataset.tip}`;
  tip.hidden = false;
  const at = mark.getBoundingClientRect();
  const left = Math.min(Math.max(at.left + 12, 4), innerWidth - tip.offsetWidth - 4);
  tip.style.left = `${left}px`;
  tip.style.top = `${Math.max(at.top - tip.offsetHeight - 8, 4)}px`;
}

function hideTip() {
  tip.hidden = true;
  for (const mark of all("use.active")) mark.classList.remove("active");
}

// A finger is wider than a marker: the nearest one within this distance counts, in pixels.
const REACH = 24;

function nearestMark(drawing, { clientX, clientY }) {
  let nearest = null;
  let least = REACH;
  for (const mark of all("[data-series]:not(.off) use[data-tip]", drawing)) {
    const at = mark.getBoundingClientRect();
    const distance = Math.hypot(at.left + at.width / 2 - clientX, at.top + at.height / 2 - clientY);
    if (distance < least) [nearest, least] = [mark, distance];
  }
  return nearest;
}

function tellNearest(event) {
  const drawing = event.target.closest?.(".chart svg");
  const mark = drawing && nearestMark(drawing, event);
  if (mark) showTip(mark);
  else if (!event.target.closest?.(".chart svg:focus")) hideTip();
}

for (const kind of ["pointermove", "pointerdown"]) document.addEventListener(kind, tellNearest);
document.addEventListener("focusout", hideTip);
document.addEventListener("scroll", hideTip, { passive: true });
document.addEventListener("keydown", (event) => {
  const drawing = event.target.closest?.(".chart svg");
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") hideTip();
  if (!drawing || !step) return;
  event.preventDefault();
  const marks = all("[data-series]:not(.off) use[data-tip]", drawing);
  const current = marks.findIndex((mark) => mark.classList.contains("active"));
  const next = current < 0 ? (step > 0 ? 0 : marks.length - 1) : (current + step + marks.length) % marks.length;
  showTip(marks[next]);
});

// The ranking's filters, each by what its rows have of that name.
function showRanked(values) {
  const filters = all("#rank-filters select");
  for (const filter of filters) {
    filter.value = values.get(filter.name) ?? "";
    if (filter.selectedIndex < 0) filter.value = "";
  }
  for (const row of all("#rank-table tbody tr")) {
    row.hidden = filters.some(({ name, value }) => value && row.dataset[name] !== value);
  }
}

for (const kind of ["input", "change"]) {
  document.getElementById("rank-filters").addEventListener(kind, ({ target }) => {
    fragment.change("ranking", { [target.name]: target.value || null });
  });
}

// The parts of the page that follow the state; the explorer adds itself.
const followers = [showChoices, showNetwork, showPacked, showLines, showLinks, showOrder, showRanked];

function showState() {
  const { values } = fragment.read();
  for (const follow of followers) follow(values);
}

function openTarget() {
  const { section } = fragment.read();
  const target = section && document.getElementById(section);
  if (!target) return;
  target.querySelector(":scope > details")?.setAttribute("open", "");
  for (let around = target.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
  if (!location.hash.includes("?")) return;
  // The browser knows no element of such a name, so scroll and focus here.
  target.scrollIntoView();
  if (!target.hasAttribute("tabindex")) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

// On paper everything is open.
let printed = [];
addEventListener("beforeprint", () => {
  printed = all("details:not([open])");
  for (const closed of printed) closed.open = true;
  showPacked();
});
addEventListener("afterprint", () => {
  for (const opened of printed) opened.open = false;
});

addEventListener("hashchange", () => { showState(); openTarget(); });
