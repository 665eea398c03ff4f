// The image explorer: cards of the images that the filters leave, and one image in detail.
const explored = JSON.parse(document.getElementById("explorer-data")?.textContent ?? "null");

const FIRST_CARDS = 24;
let showsAll = false;

const SVG = "http://www.w3.org/2000/svg";
const CLASSES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

function element(name, attributes = {}, ...children) {
  const made = name.startsWith("svg:")
    ? document.createElementNS(SVG, name.slice(4))
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const percent = (share) => `${+(100 * share).toFixed(1)} %`;
const decimals = (value) => (value === null ? "—" : value.toFixed(3));
const labelOf = (list, key) => list.find((one) => one.key === key).label;
const arrayMax = (values) => values.indexOf(Math.max(...values));

function nameOf(image) {
  const recipe = image.recipe === explored.recipes[0] ? "" : `/${image.recipe}`;
  return `${image.condition}/${image.place}${recipe}`;
}

function titleOf(image) {
  const ood = image.label === null;
  const recipe = image.recipe === explored.recipes[0] ? "" : `, recipe ${image.recipe}`;
  const condition = labelOf(explored.conditions, image.condition);
  return `${ood ? condition : `${condition}, label ${image.label}`}, image ${image.place}${recipe}`;
}

// Whether the method classifies the image correctly; null where that has no meaning.
function isRight(image, method) {
  const opinion = image.opinions[method];
  return opinion === null || image.label === null ? null : arrayMax(opinion.mean) === image.label;
}

function pictureOf(image, side) {
  const { columns, rows } = explored;
  const x = image.picture % columns;
  const y = Math.floor(image.picture / columns);
  const made = element("span", { class: "picture", role: "img", "aria-label": `Picture: ${titleOf(image)}` });
  made.style.width = made.style.height = `${side}px`;
  made.style.boxSizing = "content-box";
  made.style.backgroundSize = `${columns * side}px ${rows * side}px`;
  made.style.backgroundPosition = `-${x * side}px -${y * side}px`;
  return made;
}

// A bar a class: the share of votes, across it the mean probability, below it a mark at the label.
function barsOf(image, method, { width, height, named }) {
  const opinion = image.opinions[method];
  const step = width / 10;
  const bottom = height - (named ? 22 : 5);
  const cast = CLASSES.filter((c) => opinion.votes[c] > 0)
    .sort((a, b) => opinion.votes[b] - opinion.votes[a])
    .map((c) => `${c}: ${percent(opinion.votes[c])}`);
  const made = element("svg:svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `Votes of ${explored.methods[method].label}: ${cast.join(", ")}`,
  });
  made.style.setProperty("--c", explored.methods[method].color);
  made.append(element("svg:path", { class: "base", d: `M0 ${bottom + 0.5}H${width}` }));
  for (const c of CLASSES) {
    const tall = opinion.votes[c] * (bottom - 1);
    const mean = bottom - opinion.mean[c] * (bottom - 1);
    const bar = { class: "bar", x: c * step + step * 0.15, width: step * 0.7, y: bottom - tall, height: tall };
    const tells = element("svg:title", {}, `${c}: ${percent(opinion.votes[c])} of votes, mean probability ${decimals(opinion.mean[c])}`);
    made.append(element("svg:g", {}, tells, element("svg:rect", bar)));
    if (opinion.mean[c] >= 0.005) {
      // Twice: a border of the page's colour sets the line off from a bar of its own.
      const across = `M${c * step} ${mean}h${step}`;
      made.append(element("svg:path", { class: "mean-border", d: across }), element("svg:path", { class: "mean", d: across }));
    }
    if (named) {
      const digit = element("svg:text", { x: (c + 0.5) * step, y: height - 4, "text-anchor": "middle" }, String(c));
      if (c === image.label) digit.style.fontWeight = "700";
      made.append(digit);
    }
    if (c === image.label) {
      const x = (c + 0.5) * step;
      made.append(element("svg:path", { class: "truth", d: `M${x} ${bottom + 1}l3 4h-6Z` }));
    }
  }
  return made;
}

function verdictOf(image, method, says = "") {
  const right = isRight(image, method);
  says += arrayMax(image.opinions[method].mean);
  if (right === null) return element("span", {}, says);
  return element("span", { class: right ? "right" : "wrong" }, `${says} ${right ? "✓" : "✗"}`);
}

// The value by which images are sorted; null where there is none.
function valueOf(image, chosen) {
  if (chosen.sort === "divergence") return image.divergence;
  const place = explored.measures.findIndex((measure) => measure.key === chosen.sort);
  return image.opinions[chosen.method]?.measures[place] ?? null;
}

function cardOf(image, chosen) {
  const link = element("a", { href: fragment.with("explorer", { image: nameOf(image) }) });
  if (nameOf(image) === chosen.image) link.setAttribute("aria-current", "true");
  const votes = explored.methods.map((method, place) => image.opinions[place] && element(
    "span", { class: "votes", title: method.label },
    barsOf(image, place, { width: 90, height: 26, named: false }),
    verdictOf(image, place, `${method.label.split(",")[0]}: `),
  ));
  link.append(
    pictureOf(image, 84),
    element("span", { class: "card-votes" },
      element("span", { class: "card-title" }, titleOf(image)), ...votes.filter(Boolean),
      element("span", { class: "card-value" }, `${sortName(chosen)}: ${decimals(valueOf(image, chosen))}`)),
  );
  return element("li", {}, link);
}

function sortName(chosen) {
  return chosen.sort === "divergence" ? "Divergence" : labelOf(explored.measures, chosen.sort);
}

function measuresOf(image) {
  const heads = explored.methods.map((method) => element("th", { scope: "col", class: "number" }, method.label));
  const rows = explored.measures.map((measure, place) => element("tr", {},
    element("th", { scope: "row" }, measure.label),
    ...image.opinions.map((opinion) => element("td", { class: "number" }, opinion ? decimals(opinion.measures[place]) : "—"))));
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Measures of this image" },
    element("table", {},
      element("caption", {}, `Divergence of the methods' votes: ${decimals(image.divergence)} nats`),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Measure"), ...heads)),
      element("tbody", {}, ...rows)));
}

function detailOf(image, found) {
  const place = found.indexOf(image);
  const to = (other, text) => other && element("a", { href: fragment.with("explorer", { image: nameOf(other) }) }, text);
  const close = element("a", { href: fragment.with("explorer", { image: null }) }, "Close");
  const elsewhere = explored.images.filter((other) => other !== image && other.label !== null
    && image.label !== null && other.place === image.place);
  const methods = explored.methods.map((method, number) => image.opinions[number] && element("figure", {},
    element("figcaption", {}, `${method.label}: `, verdictOf(image, number)),
    barsOf(image, number, { width: 240, height: 120, named: true })));
  return [
    element("h3", {}, titleOf(image)),
    element("p", {}, `Chosen for: ${image.why.map((why) => labelOf(explored.reasons, why)).join("; ")}.`),
    element("div", { class: "detail-body" }, pictureOf(image, 196),
      element("div", { class: "detail-methods" }, ...methods.filter(Boolean))),
    measuresOf(image),
    element("p", { class: "detail-links" }, ...[
      place > 0 ? to(found[place - 1], "← Previous") : null,
      place >= 0 ? to(found[place + 1], "Next →") : null,
      ...elsewhere.map((other) => to(other, `The same digit: ${titleOf(other)}`)),
      close,
    ].filter(Boolean)),
  ];
}

// The filters: each a name, a label and its choices, of which the first is what is chosen if nothing
// is; a filter without choices takes a number.
function filters() {
  const any = [["", "any"]];
  const pairs = (list) => list.map(({ key, label }) => [key, label]);
  return [
    ["condition", "Condition", [...any, ...pairs(explored.conditions)]],
    ["place", "Image number", null],
    ["class", "Label", [...any, ...CLASSES.map((c) => [String(c), String(c)])]],
    ["why", "Chosen for", [...any, ...pairs(explored.reasons)]],
    ["method", "Method", pairs([...explored.methods].sort((a, b) => a.single - b.single))],
    ["outcome", "It is", [["", "right or wrong"], ["right", "right"], ["wrong", "wrong"]]],
    ["sort", "Sort by", [["divergence", "Divergence of the methods (nats)"], ...pairs(explored.measures)]],
    ["order", "Order", [["", "highest first"], ["lowest", "lowest first"]]],
  ];
}

function chosenIn(values) {
  const chosen = { image: values.get("image") };
  for (const [name, , choices] of filters()) {
    const wanted = values.get(name) ?? "";
    chosen[name] = !choices || choices.some(([key]) => key === wanted) ? wanted : choices[0][0];
  }
  chosen.methodKey = chosen.method;
  chosen.method = explored.methods.findIndex((method) => method.key === chosen.method);
  return chosen;
}

function imagesFor(chosen) {
  const kept = explored.images.filter((image) =>
    (!chosen.condition || image.condition === chosen.condition)
    && (!chosen.place || image.place === Number(chosen.place))
    && (!chosen.class || image.label === Number(chosen.class))
    && (!chosen.why || image.why.includes(chosen.why))
    && (!chosen.outcome || isRight(image, chosen.method) === (chosen.outcome === "right")));
  const sign = chosen.order === "lowest" ? 1 : -1;
  return kept.sort((a, b) => {
    const [x, y] = [a, b].map((image) => valueOf(image, chosen));
    if (x === y) return 0;
    if (x === null || y === null) return x === null ? 1 : -1;
    return sign * (x - y);
  });
}

function showFilters(chosen) {
  const form = document.getElementById("filters");
  if (!form.children.length) {
    for (const [name, label, choices] of filters()) {
      const input = choices
        ? element("select", { name }, ...choices.map(([value, text]) => element("option", { value }, text)))
        : element("input", { name, type: "number", min: 0, placeholder: "any" });
      form.append(element("label", {}, label, input));
    }
    form.addEventListener("change", ({ target }) => {
      const isAny = target.selectedIndex === 0 || target.value === "";
      fragment.change("explorer", { [target.name]: isAny ? null : target.value });
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    document.getElementById("more").addEventListener("click", () => { showsAll = true; showState(); });
  }
  for (const input of form.elements) {
    input.value = input.name === "method" ? chosen.methodKey : chosen[input.name];
  }
}

// Why the image that is asked for is not there; empty where it is or none is.
function absence(chosen) {
  const place = chosen.image ? chosen.image.split("/")[1] : chosen.place;
  const isThere = (image) => (chosen.image ? nameOf(image) === chosen.image : image.place === Number(place));
  if (!place || explored.images.some(isThere)) return "";
  const isUnjudged = explored.article.absent.includes(Number(place));
  return isUnjudged
    ? `Image ${place} is not among the images of this run; a run of all 10,000 has it`
    : `Image ${chosen.image ?? place} is not among those shown here, which are a choice of this run's images`;
}

// Why the images are not sorted; empty where they are.
function disorder(chosen, found) {
  if (!found.length || found.some((image) => valueOf(image, chosen) !== null)) return "";
  const method = explored.methods[chosen.method];
  const because = chosen.sort === "divergence" ? "it needs more than one method"
    : method.single ? `it needs more than one member, and ${method.label} has one`
      : `${method.label} has no value of it`;
  return `Not sorted by ${sortName(chosen).toLowerCase()}: ${because}`;
}

function showExplorer(values) {
  const chosen = chosenIn(values);
  showFilters(chosen);
  const found = imagesFor(chosen);
  const shown = showsAll ? found : found.slice(0, FIRST_CARDS);
  document.getElementById("found").textContent =
    [`${found.length} of ${explored.images.length} images`, absence(chosen), disorder(chosen, found)]
      .filter(Boolean).join(". ");
  document.getElementById("cards").replaceChildren(...shown.map((image) => cardOf(image, chosen)));
  const more = document.getElementById("more");
  more.hidden = shown.length === found.length;
  more.textContent = `Show all ${found.length}`;
  const image = explored.images.find((one) => nameOf(one) === chosen.image);
  const detail = document.getElementById("detail");
  detail.hidden = !image;
  detail.replaceChildren(...(image ? detailOf(image, found) : []));
}

// What was left on closing an image is gone; the keyboard goes on from its card.
function focusCard(name) {
  if (!name) return;
  const link = [...document.querySelectorAll("#cards a")]
    .find(({ hash }) => new URLSearchParams(hash.split("?")[1]).get("image") === name);
  (link ?? document.getElementById("found")).focus();
}

if (explored) {
  followers.push(showExplorer);
  addEventListener("hashchange", ({ oldURL }) => {
    const detail = document.getElementById("detail");
    const { section, values } = fragment.read();
    if (section !== "explorer") return;
    if (!detail.hidden && values.has("image")) {
      detail.focus({ preventScroll: true });
      detail.scrollIntoView({ block: "nearest" });
    } else {
      focusCard(new URLSearchParams(oldURL.split("?")[1]).get("image"));
    }
  });
}
showState();
openTarget();
