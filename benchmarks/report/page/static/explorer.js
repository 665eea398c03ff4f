// The image explorer: a card for each image that passes the filters, and one image in detail.
const explored = JSON.parse(document.getElementById("explorer-data")?.textContent ?? "null");
const CLASSES = [...(explored?.classes ?? []).keys()];

const SVG = "http://www.w3.org/2000/svg";
const FIRST_CARDS = 8;
let showsAll = false;

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
  const recipe = image.recipe === explored.main ? "" : `/${image.recipe}`;
  return `${image.condition}/${image.number}${recipe}`;
}

function titleOf(image) {
  const recipe = image.recipe === explored.main ? "" : `, recipe ${image.recipe}`;
  const label = image.label === null ? "" : `, label ${explored.classes[image.label]}`;
  return `${labelOf(explored.conditions, image.condition)}${label}, image ${image.number}${recipe}`;
}

// Whether the method classifies the image correctly; null where that has no meaning.
function isRight(image, method) {
  const prediction = image.predictions[method];
  return prediction === null || image.label === null ? null : arrayMax(prediction.mean) === image.label;
}

function tileOf(image, side) {
  const { columns, rows } = explored;
  const x = image.tile % columns;
  const y = Math.floor(image.tile / columns);
  const made = element("span", { class: "tile", role: "img", "aria-label": `Image: ${titleOf(image)}` });
  made.style.width = made.style.height = `${side}px`;
  made.style.boxSizing = "content-box";
  made.style.backgroundSize = `${columns * side}px ${rows * side}px`;
  made.style.backgroundPosition = `-${x * side}px -${y * side}px`;
  return made;
}

// A bar a class: the share of votes, across it the mean probability, below it a mark at the label.
function barsOf(image, method, { width, height, named }) {
  const prediction = image.predictions[method];
  const step = width / CLASSES.length;
  const bottom = height - (named ? 22 : 5);
  const cast = CLASSES.filter((c) => prediction.votes[c] > 0)
    .sort((a, b) => prediction.votes[b] - prediction.votes[a])
    .map((c) => `${explored.classes[c]}: ${percent(prediction.votes[c])}`);
  const made = element("svg:svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `Votes of ${explored.methods[method].label}: ${cast.join(", ")}`,
  });
  made.style.setProperty("--c", explored.methods[method].color);
  made.append(element("svg:path", { class: "base", d: `M0 ${bottom + 0.5}H${width}` }));
  for (const c of CLASSES) {
    const tall = prediction.votes[c] * (bottom - 1);
    const mean = bottom - prediction.mean[c] * (bottom - 1);
    const bar = { class: "bar", x: c * step + step * 0.15, width: step * 0.7, y: bottom - tall, height: tall };
    const tooltip = element("svg:title", {}, `${explored.classes[c]}: ${percent(prediction.votes[c])} of votes, mean probability ${decimals(prediction.mean[c])}`);
    made.append(element("svg:g", {}, tooltip, element("svg:rect", bar)));
    if (prediction.mean[c] >= 0.005) {
      // Twice: a border of the page's colour sets the line off from a bar of its own.
      const across = `M${c * step} ${mean}h${step}`;
      made.append(element("svg:path", { class: "mean-border", d: across }), element("svg:path", { class: "mean", d: across }));
    }
    if (named) {
      const name = element("svg:text", { x: (c + 0.5) * step, y: height - 4, "text-anchor": "middle" }, explored.classes[c]);
      if (c === image.label) name.style.fontWeight = "700";
      made.append(name);
    }
    if (c === image.label) {
      const x = (c + 0.5) * step;
      made.append(element("svg:path", { class: "label-mark", d: `M${x} ${bottom + 1}l3 4h-6Z` }));
    }
  }
  return made;
}

function predictedClass(image, method, prefix = "") {
  const right = isRight(image, method);
  const text = prefix + explored.classes[arrayMax(image.predictions[method].mean)];
  if (right === null) return element("span", {}, text);
  return element("span", { class: right ? "right" : "wrong" }, `${text} ${right ? "✓" : "✗"}`);
}

// The value by which images are sorted; null where there is none.
function valueOf(image, chosen) {
  if (chosen.sort === "divergence") return image.divergence;
  const position = explored.measures.findIndex((measure) => measure.key === chosen.sort);
  return image.predictions[chosen.method]?.measures[position] ?? null;
}

function cardOf(image, chosen) {
  const link = element("a", { href: fragment.with("explorer", { image: nameOf(image) }) });
  if (nameOf(image) === chosen.image) link.setAttribute("aria-current", "true");
  const votes = explored.methods.map((method, number) => image.predictions[number] && element(
    "span", { class: "votes", title: method.label },
    barsOf(image, number, { width: 90, height: 26, named: false }),
    predictedClass(image, number, `${method.label.split(",")[0]}: `),
  ));
  link.append(
    tileOf(image, 84),
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
  const rows = explored.measures.map((measure, position) => element("tr", {},
    element("th", { scope: "row" }, measure.label),
    ...image.predictions.map((prediction) => element("td", { class: "number" }, prediction ? decimals(prediction.measures[position]) : "—"))));
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Measures of this image" },
    element("table", {},
      element("caption", {}, `Divergence of the methods' votes: ${decimals(image.divergence)} nats`),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Measure"), ...heads)),
      element("tbody", {}, ...rows)));
}

function detailOf(image, filtered) {
  const position = filtered.indexOf(image);
  const to = (other, text, changes = {}) => other && element("a", {
    href: fragment.with("explorer", { ...changes, recipe: other.recipe, image: nameOf(other) }),
  }, text);
  const close = element("a", { href: fragment.with("explorer", { image: null }) }, "Close");
  const unfiltered = Object.fromEntries(filters().map(([name]) => [name, null]));
  const elsewhere = explored.images.filter((other) => other !== image && other.label !== null
    && image.label !== null && other.number === image.number);
  const methods = explored.methods.map((method, number) => image.predictions[number] && element("figure", {},
    element("figcaption", {}, `${method.label}: `, predictedClass(image, number)),
    barsOf(image, number, { width: 240, height: 120, named: true })));
  return [
    element("h3", {}, titleOf(image)),
    element("p", {}, `Chosen for: ${image.reasons.map((reason) => labelOf(explored.reasons, reason)).join("; ")}.`),
    element("div", { class: "detail-body" }, tileOf(image, 196),
      element("div", { class: "detail-methods" }, ...methods.filter(Boolean))),
    measuresOf(image),
    element("p", { class: "detail-links" }, ...[
      position > 0 ? to(filtered[position - 1], "← Previous") : null,
      position >= 0 ? to(filtered[position + 1], "Next →") : null,
      ...elsewhere.map((other) => to(other, `The same image: ${titleOf(other)}`, unfiltered)),
      close,
    ].filter(Boolean)),
  ];
}

// The filters: each a name, a label and its choices, the first of which is the default; a filter
// without choices takes a number.
function filters() {
  const any = [["", "any"]];
  const pairs = (list) => list.map(({ key, label }) => [key, label]);
  return [
    ["condition", "Condition", [...any, ...pairs(explored.conditions)]],
    ["number", "Image number", null],
    ["class", "Label", [...any, ...CLASSES.map((c) => [String(c), explored.classes[c]])]],
    ["reason", "Chosen for", [...any, ...pairs(explored.reasons)]],
    ["method", "Method", pairs([...explored.methods].sort((a, b) => a.single - b.single))],
    ["outcome", "Prediction", [["", "right or wrong"], ["right", "right"], ["wrong", "wrong"]]],
    ["sort", "Sort by", [["divergence", "Divergence of the methods (nats)"], ...pairs(explored.measures)]],
    ["order", "Order", [["", "highest first"], ["lowest", "lowest first"]]],
  ];
}

function chosenIn(values) {
  const recipe = explored.recipes.find((one) => one === values.get("recipe")) ?? explored.recipes[0];
  const chosen = { image: values.get("image"), recipe };
  for (const [name, , choices] of filters()) {
    const wanted = values.get(name) ?? "";
    chosen[name] = !choices || choices.some(([key]) => key === wanted) ? wanted : choices[0][0];
  }
  chosen.methodKey = chosen.method;
  chosen.method = explored.methods.findIndex((method) => method.key === chosen.method);
  return chosen;
}

const ofRecipe = (chosen) => explored.images.filter((image) => image.recipe === chosen.recipe);

function imagesFor(chosen) {
  const filtered = ofRecipe(chosen).filter((image) =>
    (!chosen.condition || image.condition === chosen.condition)
    && (!chosen.number || image.number === Number(chosen.number))
    && (!chosen.class || image.label === Number(chosen.class))
    && (!chosen.reason || image.reasons.includes(chosen.reason))
    && (!chosen.outcome || isRight(image, chosen.method) === (chosen.outcome === "right")));
  const sign = chosen.order === "lowest" ? 1 : -1;
  return filtered.sort((a, b) => {
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
    const follow = ({ target }) => {
      const isAny = target.selectedIndex === 0 || target.value === "";
      fragment.change("explorer", { [target.name]: isAny ? null : target.value });
    };
    for (const kind of ["input", "change"]) form.addEventListener(kind, follow);
    form.addEventListener("submit", (event) => event.preventDefault());
    document.getElementById("more").addEventListener("click", () => { showsAll = true; showState(); });
  }
  for (const input of form.elements) {
    input.value = input.name === "method" ? chosen.methodKey : chosen[input.name];
  }
}

// Why the image that was chosen is not there; empty where it is, or where none was.
function absence(chosen, filtered) {
  if (!ofRecipe(chosen).length) return `Images were chosen by the recipe ${explored.main}, not by ${chosen.recipe}`;
  const number = chosen.image ? chosen.image.split("/")[1] : chosen.number;
  const isThere = (image) => (chosen.image ? nameOf(image) === chosen.image : image.number === Number(number));
  if (!number || filtered.some(isThere)) return "";
  if (explored.images.some(isThere)) return `Image ${number} is left out by the filters, or by the recipe`;
  const isOutsideRun = explored.article.absent.includes(Number(number));
  return isOutsideRun
    ? `Image ${number} is not among the images of this run; a run of all test images has it`
    : `Image ${chosen.image ?? number} is not among those shown here, which are a selection of this run's images`;
}

// Why the images are not sorted; empty where they are.
function disorder(chosen, filtered) {
  if (!filtered.length || filtered.some((image) => valueOf(image, chosen) !== null)) return "";
  const method = explored.methods[chosen.method];
  const because = chosen.sort === "divergence" ? "it needs more than one method"
    : method.single ? `it needs more than one member, and ${method.label} has one`
      : `${method.label} has no value of it`;
  return `Not sorted by ${sortName(chosen).toLowerCase()}: ${because}`;
}

function showExplorer(values) {
  const chosen = chosenIn(values);
  showFilters(chosen);
  const filtered = imagesFor(chosen);
  const shown = showsAll ? filtered : filtered.slice(0, FIRST_CARDS);
  document.getElementById("count").textContent =
    [`${filtered.length} of ${ofRecipe(chosen).length} images`, absence(chosen, filtered), disorder(chosen, filtered)]
      .filter(Boolean).join(". ");
  document.getElementById("cards").replaceChildren(...shown.map((image) => cardOf(image, chosen)));
  const more = document.getElementById("more");
  more.hidden = shown.length === filtered.length;
  more.textContent = `Show all ${filtered.length}`;
  const image = filtered.find((one) => nameOf(one) === chosen.image); // closed where filtered out
  const detail = document.getElementById("detail");
  detail.hidden = !image;
  detail.replaceChildren(...(image ? detailOf(image, filtered) : []));
}

// Closing an image removes what had the focus; the keyboard continues from its card.
function focusCard(name) {
  if (!name) return;
  const link = [...document.querySelectorAll("#cards a")]
    .find(({ hash }) => new URLSearchParams(hash.split("?")[1]).get("image") === name);
  (link ?? document.getElementById("count")).focus();
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
unpack();
