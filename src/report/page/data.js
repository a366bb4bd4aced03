"use strict";
// What the program wrote, and how it is put into words. Trials are columns, best first; place t is a trial everywhere.
// So are settings, with place s, where one has several trials; else there are none.

const report = JSON.parse(document.getElementById("data").textContent);
const trials = report.trials;
const settings = report.settings;
const nTrials = trials.id.length;
const metricName = report.metric.name;
const metricValues = trials.metrics[metricName];

const isNumber = value => typeof value === "number" && Number.isFinite(value);
const hasMetric = t => isNumber(metricValues[t]) && trials.status[t] !== "diverged";

function numberText(value) {
  if (!isNumber(value)) return "-";
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace("e+", "e").replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(5)));
}

const counted = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

function durationText(seconds) {
  if (!isNumber(seconds)) return "-";
  if (seconds < 0.1) return `${numberText(Number((seconds * 1000).toPrecision(3)))} ms`;
  if (seconds < 60) return `${numberText(Number(seconds.toPrecision(3)))} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// An element with attributes and children; texts are texts, never HTML.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function note(...children) {
  return element("p", {class: "note"}, ...children);
}

// At most `most` of the places 0 to n - 1: the first `nFirst` and evenly spread others.
function thinned(n, most, nFirst = 0) {
  if (n <= most) return Array.from({length: n}, (_, i) => i);
  const places = Array.from({length: nFirst}, (_, i) => i);
  const nSpread = most - nFirst;
  for (let i = 1; i <= nSpread; ++i) places.push(nFirst + Math.floor(i * (n - nFirst) / nSpread) - 1);
  return places;
}

function quantile(ascending, p) {
  const place = p * (ascending.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, ascending.length - 1);
  return ascending[below] + (ascending[above] - ascending[below]) * (place - below);
}

const ascendingNumbers = values => values.filter(isNumber).sort((a, b) => a - b);

// What an axis must show of values: few that lie far off shall not press the others together.
// Returns {log, min, max}; without numbers, 0 to 1.
function viewOf(values) {
  const ascending = ascendingNumbers(values);
  if (ascending.length === 0) return {log: false, min: 0, max: 1};
  const low = ascending[0];
  const high = ascending[ascending.length - 1];
  const log = low > 0 && quantile(ascending, 0.98) > 30 * quantile(ascending, 0.02);
  const to = log ? Math.log : value => value;
  const from = log ? Math.exp : value => value;
  const bulk = to(quantile(ascending, 0.95)) - to(quantile(ascending, 0.05));
  const min = bulk > 0 ? Math.max(to(low), to(quantile(ascending, 0.05)) - 3 * bulk) : to(low);
  const max = bulk > 0 ? Math.min(to(high), to(quantile(ascending, 0.95)) + 3 * bulk) : to(high);
  const margin = (max - min || Math.abs(max) || 1) * 0.03;
  return {log, min: from(min - margin), max: from(max + margin)};
}

// A parameter as an axis: value(t) is a number (of words, their place) or null where the trial does not use it.
// codes: whose values they are, each the place of a level, or null.
function axisOf(parameter, codes) {
  const isWords = parameter.scale === "words";
  const levels = parameter.levels.map((level, place) => ({level, place})).filter(entry => entry.level !== "");
  const placeOf = new Map(levels.map((entry, i) => [entry.place, i]));
  const value = t => {
    const code = codes[t];
    if (!placeOf.has(code)) return null;
    return isWords ? placeOf.get(code) : parameter.levels[code];
  };
  const numbers = levels.map(entry => isWords ? placeOf.get(entry.place) : entry.level);
  const text = shown => isWords ? String(levels[Math.round(shown)]?.level ?? "") : numberText(shown);
  return {name: parameter.name, scale: parameter.scale, isWords, value, text, numbers, min: numbers[0], max: numbers.at(-1),
    textOf: t => value(t) === null ? "" : text(value(t))};
}
const axes = trials.parameters.map(parameter => axisOf(parameter, parameter.codes));
const settingAxes = settings === null ? [] : trials.parameters.map((parameter, p) => axisOf(parameter, settings.codes[p]));

// The setting of a trial, by its id: what stands before folds and repeats.
const settingOf = id => id.split(".")[0];
// What a point or a line in a chart is.
const trialWords = settings === null ? "a trial" : "a trial, one fold or repeat of a setting";

// "learning_rate_init 0.01, solver adam": what a tooltip says of a trial.
function settingLines(t) {
  return axes.filter(axis => axis.value(t) !== null).map(axis => `${axis.name} ${axis.textOf(t)}`);
}
