"use strict";
// Confidence over the angle: a curve a method, and the classes that it answers.

const ANGLES = Array.from({ length: 25 }, (_, i) => 15 * i - 180);

/** An angle with the minus sign that the axis has. */
function degreesText(angle) {
  return `${String(angle).replace("-", "−")}°`;
}

/** What is true of a picture turned so far: a 6 becomes a 9. */
function truthAt(truth, angle) {
  return (truth === 6 || truth === 9) && Math.abs(angle) > 90 ? null : truth;
}

/** How often a method is wrong, and how confident it is then. */
function errorsText(points) {
  const known = points.filter(({ tone }) => tone);
  const wrong = known.filter(({ tone }) => tone === "wrong");
  if (!known.length) return "";
  if (!wrong.length) return `right at all ${known.length} angles`;
  const mean = wrong.reduce((sum, { confidence }) => sum + confidence, 0) / wrong.length;
  const share = `wrong at ${wrong.length} of ${known.length} angles`;
  return `${share}, then ${percent(mean)} % confident on average`;
}

class Curves {
  /** `chart`: an SVG in degrees and percent, with a group a method; `strips`: their answers. */
  constructor(chart, strips) {
    Object.assign(this, { chart, strips, truth: null, points: [] });
    for (const cells of strips.querySelectorAll("[data-cells]")) {
      cells.append(...ANGLES.map(() => document.createElement("span")));
    }
    this.clear(null);
  }

  clear(truth) {
    Object.assign(this, { truth, points: [] });
    this.draw();
  }

  add(point) {
    this.points.push(point);
    this.draw();
  }

  mark(angle) {
    element(".now", this.chart).setAttribute("d", `M${angle} 0v100`);
  }

  draw() {
    for (const method of Object.keys(METHODS)) {
      const points = this.points.map(({ angle, [method]: { answer, confidence } }) => (
        { angle, answer, confidence, tone: judged(answer, truthAt(this.truth, angle)) }));
      this.drawLine(element(`[data-curve="${method}"]`, this.chart), points);
      this.fillCells(element(`[data-cells="${method}"]`, this.strips), points);
      element(`[data-errors="${method}"]`, this.strips).textContent = errorsText(points);
    }
  }

  drawLine(group, points) {
    const at = ({ angle, confidence }) => `${angle} ${(100 - 100 * confidence).toFixed(2)}`;
    const dots = (chosen) => chosen.map((point) => `M${at(point)}h0`).join("");
    const [line, all, hollow] = group.children;
    line.setAttribute("d", points.length ? `M${points.map(at).join("L")}` : "");
    all.setAttribute("d", dots(points));
    hollow.setAttribute("d", dots(points.filter(({ tone }) => tone === "wrong")));
  }

  fillCells(cells, points) {
    [...cells.children].forEach((cell, i) => {
      cell.textContent = points[i]?.answer ?? "";
      cell.className = points[i]?.tone ?? "";
    });
    const texts = points.map(({ angle, answer, tone }) => `${degreesText(angle)}: ${answer} ${tone}`);
    cells.setAttribute("aria-label", texts.join(", ") || "Nothing yet");
  }
}
