"use strict";
// Parallel coordinates: a line is a trial, an upright axis a parameter, the last one the metric. A range on an axis
// (dragged with the mouse, or by the sliders below) leaves the trials within.

const kMostLines = 1500;
const kMostFaintLines = 300;
const kAxisWidth = 120;
const kSteps = 1000;

// Axes with position(t) from 0 (bottom) to 1, or null, and text(position).
function parallelAxes() {
  const scaled = (axis, value) => {
    if (axis.scale === "log") return (Math.log(value) - Math.log(axis.min)) / (Math.log(axis.max) - Math.log(axis.min));
    return (value - axis.min) / (axis.max - axis.min);
  };
  const unscaled = (axis, position) => {
    if (axis.scale === "log") return Math.exp(Math.log(axis.min) + position * (Math.log(axis.max) - Math.log(axis.min)));
    return axis.min + position * (axis.max - axis.min);
  };
  const found = axes.map(axis => ({
    name: axis.name,
    position: t => axis.value(t) === null ? null : scaled(axis, axis.value(t)),
    text: position => axis.text(unscaled(axis, position)),
    isSpread: axis.numbers.length <= 12,
    ticks: axis.numbers.length <= 12 ? axis.numbers.map(value => scaled(axis, value)) : [0, 0.25, 0.5, 0.75, 1],
  }));
  const view = viewOf(metricValues.filter((_, t) => hasMetric(t)));
  const metric = {min: view.min, max: view.max, scale: view.log ? "log" : "linear"};
  found.push({
    name: metricName,
    isSpread: false,
    position: t => hasMetric(t) ? Math.min(Math.max(scaled(metric, metricValues[t]), 0), 1) : null,
    text: position => numberText(unscaled(metric, position)),
    ticks: [0, 0.25, 0.5, 0.75, 1],
  });
  return found;
}

class ParallelChart {
  constructor(canvas, count) {
    this.canvas = canvas;
    this.count = count;
    this.axes = parallelAxes();
    this.positions = this.axes.map(axis => Float64Array.from({length: nTrials}, (_, t) => axis.position(t) ?? NaN));
    // Lines through one value lie beside each other, or the last one would hide the others.
    this.spreads = this.axes.map(axis => axis.isSpread ? Math.min(0.12, 0.6 / axis.ticks.length) : 0);
    this.ranges = this.axes.map(() => null);
    this.changed = () => {};
    canvas.addEventListener("pointerdown", event => this.startBrush(event));
  }

  setRange(a, range) {
    this.ranges[a] = range;
    this.draw();
    this.changed();
  }

  matches(t) {
    return this.ranges.every((range, a) => range === null || (this.positions[a][t] >= range[0] - 1e-9 && this.positions[a][t] <= range[1] + 1e-9));
  }

  x(a) {
    return kAxisWidth / 2 + a * (this.width - kAxisWidth) / Math.max(1, this.axes.length - 1);
  }

  y(position) {
    return Number.isNaN(position) ? this.height - 8 : this.top + (1 - position) * (this.bottom - this.top);
  }

  resize() {
    this.width = Math.max(this.canvas.parentElement.clientWidth, kAxisWidth * this.axes.length);
    this.height = 360;
    this.top = 34;
    this.bottom = this.height - 34;
    const density = window.devicePixelRatio || 1;
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.canvas.width = Math.round(this.width * density);
    this.canvas.height = Math.round(this.height * density);
    this.context = this.canvas.getContext("2d");
    this.context.setTransform(density, 0, 0, density, 0, 0);
  }

  draw() {
    this.resize();
    this.context.clearRect(0, 0, this.width, this.height);
    const inside = [];
    const outside = [];
    for (let t = 0; t < nTrials; ++t) (this.matches(t) ? inside : outside).push(t);
    const lines = thinned(inside.length, kMostLines, Math.min(200, kMostLines)).map(i => inside[i]);
    this.context.lineWidth = 1;
    for (const i of thinned(outside.length, kMostFaintLines)) this.line(outside[i], colour("line"));
    // The best ones on top.
    const opacity = lines.length > 300 ? 0.45 : 0.8;
    for (const t of lines.reverse()) this.line(t, hasMetric(t) ? rampColour(1 - t / Math.max(1, nTrials - 1), opacity) : colour("bad"));
    this.axes.forEach((axis, a) => this.drawAxis(axis, a));
    this.canvas.dataset.lines = String(lines.length);
    this.count.textContent = `${inside.length.toLocaleString("en")} of ${counted(nTrials, "trial")} within the ranges` +
      (lines.length < inside.length ? `, ${lines.length.toLocaleString("en")} of them drawn` : "") +
      (inside.length > 0 && hasMetric(inside[0]) ? `; the best of them has ${metricName} ${numberText(metricValues[inside[0]])}` : "");
  }

  line(t, style) {
    const {context} = this;
    context.strokeStyle = style;
    context.beginPath();
    this.positions.forEach((positions, a) => context.lineTo(this.x(a), this.y(positions[t] + this.spreads[a] * spread(t))));
    context.stroke();
  }

  drawAxis(axis, a) {
    const {context} = this;
    const x = this.x(a);
    context.strokeStyle = colour("ink");
    context.beginPath();
    context.moveTo(x, this.top);
    context.lineTo(x, this.bottom);
    context.stroke();
    if (this.ranges[a] !== null) {
      const [low, high] = this.ranges[a];
      context.fillStyle = band(0.35);
      context.fillRect(x - 7, this.y(high), 14, Math.max(2, this.y(low) - this.y(high)));
    }
    context.textAlign = "center";
    context.font = `600 12px ${Chart.defaults.font.family}`;
    this.write(axis.name.length > 17 ? `${axis.name.slice(0, 16)}\u2026` : axis.name, x, 14);
    context.font = `11px ${Chart.defaults.font.family}`;
    context.textAlign = "left";
    for (const tick of axis.ticks) this.write(shortened(axis.text(tick)), x + 8, this.y(tick) + 4);
    if (this.positions[a].some(Number.isNaN)) this.write(a < this.axes.length - 1 ? "not used" : "none", x + 5, this.height - 4);
  }

  // Text that can be read over lines.
  write(text, x, y) {
    this.context.lineWidth = 3;
    this.context.strokeStyle = colour("card");
    this.context.strokeText(text, x, y);
    this.context.lineWidth = 1;
    this.context.fillStyle = colour("ink");
    this.context.fillText(text, x, y);
  }

  // A finger scrolls; the sliders are there for it.
  startBrush(event) {
    if (event.pointerType === "touch" || event.button !== 0) return;
    const place = offset => Math.min(Math.max((this.bottom - offset) / (this.bottom - this.top), 0), 1);
    const distances = this.axes.map((_, a) => Math.abs(event.offsetX - this.x(a)));
    const a = distances.indexOf(Math.min(...distances));
    if (distances[a] > 30) return;
    const from = place(event.offsetY);
    this.canvas.setPointerCapture(event.pointerId);
    const move = moved => {
      const to = place(moved.offsetY);
      this.setRange(a, Math.abs(to - from) < 0.01 ? null : [Math.min(from, to), Math.max(from, to)]);
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", () => this.canvas.removeEventListener("pointermove", move), {once: true});
    this.setRange(a, null);
  }
}

// Two sliders an axis; returns what sets them to the chart's ranges.
function rangeSliders(chart, holder) {
  const updates = chart.axes.map((axis, a) => {
    const sliders = [["from", 0], ["to", kSteps]].map(([word, start]) => {
      const slider = element("input", {type: "range", min: "0", max: String(kSteps), value: String(start), "aria-label": `${axis.name} ${word}`});
      return {slider, start, output: element("output"), word};
    });
    const show = () => {
      for (const {slider, output} of sliders) {
        const text = axis.text(Number(slider.value) / kSteps);
        output.textContent = text;
        slider.setAttribute("aria-valuetext", text);
      }
    };
    const [from, to] = sliders.map(entry => entry.slider);
    const change = moved => {
      if (Number(from.value) > Number(to.value)) (moved === from ? to : from).value = moved.value;
      const range = [Number(from.value) / kSteps, Number(to.value) / kSteps];
      chart.setRange(a, range[0] === 0 && range[1] === 1 ? null : range);
    };
    const box = element("fieldset", {}, element("legend", {}, axis.name));
    for (const {slider, output, word} of sliders) {
      slider.addEventListener("input", () => change(slider));
      box.append(element("label", {}, word, slider, output));
    }
    holder.append(box);
    return () => {
      const [low, high] = chart.ranges[a] ?? [0, 1];
      from.value = String(Math.round(low * kSteps));
      to.value = String(Math.round(high * kSteps));
      show();
    };
  });
  return () => updates.forEach(update => update());
}

function fillParallel(section) {
  if (axes.length === 0 || nTrials === 0) {
    section.append(note("No parameter varies."));
    return;
  }
  const canvas = element("canvas", {role: "img", "aria-label": "A line for each trial through its parameters and its metric"});
  const count = element("p", {role: "status", class: "note"});
  const card = element("figure", {}, element("div", {class: "scroller", tabindex: "0", role: "region", "aria-label": "Parallel coordinates"}, canvas));
  const chart = new ParallelChart(canvas, count);
  const ranges = element("div", {class: "ranges"});
  const clear = element("button", {type: "button"}, "Clear all ranges");
  chart.changed = rangeSliders(chart, ranges);
  clear.addEventListener("click", () => {
    chart.ranges.fill(null);
    chart.draw();
    chart.changed();
  });
  section.append(note(`A line is ${trialWords}. Drag along an axis, or move its sliders, to leave the trials within; a click on an axis clears it. Yellow is best. Red: no metric.`),
    card, count, element("div", {class: "controls"}, clear), ranges);
  drawing(card, () => chart.draw());
  chart.changed();
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (card.dataset.drawn === "true" && entry.contentRect.width !== width) chart.draw();
    width = entry.contentRect.width;
  }).observe(card);
}
