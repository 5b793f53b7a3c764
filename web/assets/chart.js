// Two small charts: lines over the last minute, and bars of a distribution. Each has its figures in
// a label for those who do not see it; the page has a table of them besides.
import {element, setText} from "./dom.js";
import {niceCeiling} from "./numbers.js";

const SVG = "http://www.w3.org/2000/svg";
// The drawing is stretched to the space it has, so its units are shares of that.
const WIDTH = 100;
const HEIGHT = 100;

function draw(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function drawing(figure) {
  const svg = draw("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true",
  });
  figure.classList.add("chart");
  figure.setAttribute("role", "img");
  figure.append(svg);
  return svg;
}

// Lines of the samples of the last `spanMs`. A sample is {time, values: [...]}; a null value is a
// gap. `onPoint` gets the sample under the pointer, or null when it has left.
export class LineChart {
  #figure;
  #svg;
  #spanMs;
  #format;
  #top = element("span", {class: "axis top"});
  #samples = [];
  #hovered = null;
  #onPoint;

  constructor(figure, {spanMs, format, onPoint}) {
    this.#figure = figure;
    this.#svg = drawing(figure);
    this.#spanMs = spanMs;
    this.#format = format;
    this.#onPoint = onPoint;
    const ends = element("span", {class: "axis ends", "aria-hidden": "true"});
    ends.append(element("span", {}, `${spanMs / 1000} s ago`), element("span", {}, "now"));
    figure.append(this.#top, ends);
    figure.addEventListener("pointermove", (event) => this.#point(event));
    figure.addEventListener("pointerleave", () => this.#leave());
  }

  update(samples, label) {
    this.#samples = samples;
    this.#figure.setAttribute("aria-label", label);
    this.#draw();
    if (this.#hovered) this.#onPoint(this.#hovered);
  }

  #draw() {
    const now = this.#samples.at(-1)?.time ?? 0;
    const values = this.#samples.flatMap((sample) => sample.values).filter((value) => value > 0);
    const ceiling = values.length > 0 ? niceCeiling(Math.max(...values)) : 1;
    const end = this.#format(ceiling).replace(/\.0+(?!\d)/, "");
    setText(this.#top, values.length > 0 ? end : "");
    const x = (sample) => WIDTH * (1 - (now - sample.time) / this.#spanMs);
    const y = (value) => HEIGHT * (1 - value / ceiling);

    const marks = [draw("line", {class: "grid", x1: 0, x2: WIDTH, y1: 0, y2: 0})];
    const series = this.#samples[0]?.values.length ?? 0;
    for (let index = 0; index < series; ++index) {
      for (const run of runs(this.#samples, index)) {
        const points = run.map((s) => `${x(s).toFixed(2)},${y(s.values[index]).toFixed(2)}`);
        if (series === 1) {
          const ends = [x(run.at(-1)), x(run[0])].map((end) => `${end.toFixed(2)},${HEIGHT}`);
          marks.push(draw("polygon", {class: "area", points: [...points, ...ends].join(" ")}));
        }
        // A lone point is a line of no length, which its round ends make a dot.
        const line = points.length > 1 ? points : [points[0], points[0]];
        marks.push(draw("polyline", {class: `line series-${index}`, points: line.join(" ")}));
      }
    }
    if (this.#hovered && x(this.#hovered) >= 0) {
      const at = x(this.#hovered);
      marks.push(draw("line", {class: "cursor", x1: at, x2: at, y1: 0, y2: HEIGHT}));
    }
    this.#svg.replaceChildren(...marks);
  }

  #point(event) {
    const box = this.#svg.getBoundingClientRect();
    const now = this.#samples.at(-1)?.time;
    if (now === undefined) return;
    const time = now - (1 - (event.clientX - box.left) / box.width) * this.#spanMs;
    const distance = (sample) => Math.abs(sample.time - time);
    this.#hovered = this.#samples.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    this.#onPoint(this.#hovered);
    this.#draw();
  }

  #leave() {
    this.#hovered = null;
    this.#onPoint(null);
    this.#draw();
  }
}

// The stretches in which series `index` has values.
function runs(samples, index) {
  const found = [[]];
  for (const sample of samples) {
    if (sample.values[index] === null) {
      found.push([]);
    } else {
      found.at(-1).push(sample);
    }
  }
  return found.filter((run) => run.length > 0);
}

// One bar for each of `names`; the axis names every other one.
export class BarChart {
  #figure;
  #svg;
  #names;

  constructor(figure, names) {
    this.#figure = figure;
    this.#svg = drawing(figure);
    this.#names = names;
    const axis = element("span", {class: "axis names", "aria-hidden": "true"});
    axis.append(...names.map((name, index) => element("span", {}, index % 2 === 0 ? name : "")));
    figure.append(axis);
  }

  update(counts, label) {
    this.#figure.setAttribute("aria-label", label);
    const most = Math.max(1, ...counts);
    const slot = WIDTH / this.#names.length;
    this.#svg.replaceChildren(
      ...counts.map((count, index) => {
        // A bar that is there at all can be seen.
        const height = count === 0 ? 0 : Math.max(2, (HEIGHT * count) / most);
        return draw("rect", {
          class: "bar", x: slot * (index + 0.12), width: slot * 0.76, y: HEIGHT - height, height,
        });
      }));
  }
}
