"use strict";
// Drawing: what is far down is drawn when the browser has time or it comes into view, and everything again when the
// colours change.

const root = document.documentElement;
const colour = name => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
const band = opacity => `rgba(${colour("band")}, ${opacity})`;

const drawings = [];

// draw() returns its Chart or nothing; `holder` gets data-drawn.
function drawing(holder, draw) {
  const entry = {holder, draw, chart: null, isDrawn: false};
  holder.dataset.drawn = "false";
  drawings.push(entry);
  return () => redraw(entry);
}

function redraw(entry) {
  entry.chart?.destroy();
  entry.chart = entry.draw() ?? null;
  entry.isDrawn = true;
  entry.holder.dataset.drawn = "true";
}

function drawAll() {
  for (const entry of drawings) if (!entry.isDrawn) redraw(entry);
}

function startDrawing() {
  const entryOf = new Map(drawings.map(entry => [entry.holder, entry]));
  const watch = new IntersectionObserver(seen => {
    for (const {isIntersecting, target} of seen) {
      if (isIntersecting && !entryOf.get(target).isDrawn) redraw(entryOf.get(target));
    }
  }, {rootMargin: "400px"});
  for (const entry of drawings) watch.observe(entry.holder);
  const later = window.requestIdleCallback ?? (call => setTimeout(call, 50));
  const next = () => {
    const entry = drawings.find(other => !other.isDrawn);
    if (!entry) return;
    redraw(entry);
    later(next);
  };
  later(next);
  // Paper has another width than the screen.
  const resize = () => drawings.forEach(entry => entry.chart?.resize());
  window.addEventListener("beforeprint", () => { drawAll(); resize(); });
  window.addEventListener("afterprint", resize);
}

// A figure with a canvas; its description is what a person who does not see it hears.
function figure(title, description, tall = false) {
  const canvas = element("canvas", {role: "img", "aria-label": description});
  const plot = element("div", {class: tall ? "plot tall" : "plot"}, canvas);
  return {figure: element("figure", {}, element("figcaption", {}, title), plot), canvas};
}

function chartDefaults() {
  Chart.defaults.animation = false;
  Chart.defaults.maintainAspectRatio = false;
  Chart.defaults.color = colour("quiet");
  Chart.defaults.borderColor = colour("line");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.plugins.legend.display = false;
}

// Options of a Chart.js scale for one of our axes.
function scaleOptions(axis) {
  if (axis.isWords) {
    return {type: "linear", min: -0.5, max: axis.numbers.length - 0.5, grid: {display: false},
      afterBuildTicks: scale => { scale.ticks = axis.numbers.map(value => ({value})); },
      ticks: {callback: value => shortened(axis.text(value)), maxRotation: 60}};
  }
  const isLog = axis.scale === "log";
  const few = axis.numbers.length <= 8;
  const pad = few ? 0.08 : 0.02;
  const [low, high] = isLog ? [Math.log(axis.min), Math.log(axis.max)] : [axis.min, axis.max];
  const margin = (high - low) * pad;
  const [min, max] = isLog ? [Math.exp(low - margin), Math.exp(high + margin)] : [low - margin, high + margin];
  const options = {type: isLog ? "logarithmic" : "linear", min, max, ticks: {callback: value => numberText(value), maxRotation: 60}};
  if (few) options.afterBuildTicks = scale => { scale.ticks = axis.numbers.map(value => ({value})); };
  else if (isLog) options.afterBuildTicks = scale => { scale.ticks = powersBetween(min, max).map(value => ({value})); };
  return options;
}

function powersBetween(min, max) {
  const powers = [];
  for (let p = Math.ceil(Math.log10(min)); p <= Math.log10(max); ++p) powers.push(10 ** p);
  if (powers.length > 1) return powers;
  return [1, 2, 5, 10, 20, 50].map(step => step * 10 ** Math.floor(Math.log10(min))).filter(value => value >= min && value <= max);
}

function viewOptions(view, title) {
  const options = {type: view.log ? "logarithmic" : "linear", min: view.min, max: view.max,
    title: {display: Boolean(title), text: title}, ticks: {callback: value => numberText(value)}};
  // The ends are where the values are, not where a label reads well.
  if (!view.log) options.afterBuildTicks = scale => { scale.ticks = scale.ticks.slice(1, -1); };
  if (view.log) options.afterBuildTicks = scale => { scale.ticks = powersBetween(view.min, view.max).map(value => ({value})); };
  return options;
}

const shortened = text => text.length > 14 ? `${text.slice(0, 13)}\u2026` : text;

// From dark blue over green to yellow (viridis, thinned), for shares from 0 to 1.
const kRamp = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
function rampRgb(share) {
  const place = Math.min(Math.max(share, 0), 1) * (kRamp.length - 1);
  const below = Math.min(Math.floor(place), kRamp.length - 2);
  return kRamp[below].map((from, i) => Math.round(from + (kRamp[below + 1][i] - from) * (place - below)));
}
const rampColour = (share, opacity = 1) => `rgba(${rampRgb(share).join(", ")}, ${opacity})`;
function inkOn(share) {
  const [r, g, b] = rampRgb(share);
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#000000" : "#ffffff";
}
function rampLegend(low, high) {
  const stops = kRamp.map(stop => `rgb(${stop.join(", ")})`).join(", ");
  const bar = element("span", {class: "legend", "aria-hidden": "true"});
  bar.style.background = `linear-gradient(to right, ${stops})`;
  return element("span", {}, `${low} `, bar, ` ${high}`);
}

// The kinds of trials in a chart: each has a colour and a shape.
const kKinds = [
  {status: ["finished", "running"], title: "finished", colour: "accent", shape: "circle"},
  {status: ["stopped"], title: "stopped by patience", colour: "quiet", shape: "rect"},
  {status: ["pruned"], title: "ended at a rung", colour: "warm", shape: "triangle"}];

// Scatter data sets by kind: point(t) is {x, y}. Nothing outside the view.
function kindDataSets(places, point) {
  return kKinds.map(kind => ({
    label: kind.title,
    data: places.filter(t => kind.status.includes(trials.status[t])).map(t => ({...point(t), t})),
    pointStyle: kind.shape,
    pointRadius: 3,
    pointHoverRadius: 6,
    borderWidth: 0,
    backgroundColor: colour(kind.colour) + (places.length > 500 ? "80" : "c0"),
  })).filter(set => set.data.length > 0);
}

const trialTooltip = {callbacks: {
  title: items => items.length > 0 ? trials.id[items[0].raw.t] : "",
  label: item => [`${metricName} ${numberText(metricValues[item.raw.t])}`, ...settingLines(item.raw.t)]}};

// A labelled select; choose(value) is called with the chosen option's value.
function choice(label, options, chosen, choose) {
  const select = element("select");
  for (const [value, text] of options) select.append(element("option", {value}, text));
  select.value = String(chosen);
  select.addEventListener("change", () => choose(select.value));
  return {label: element("label", {}, label, select), select};
}
