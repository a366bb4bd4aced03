"use strict";

const kMostPoints = 3000;
const kBestPoints = 500;

// Words have width 1: spread their points so that they do not hide each other, always in the same way.
const spread = t => ((t * 0.618034) % 1 - 0.5) * 0.5;

function scatterChart(canvas, axis, places, view) {
  return new Chart(canvas, {
    type: "scatter",
    data: {datasets: kindDataSets(places.filter(t => axis.value(t) !== null), t => ({x: axis.value(t) + (axis.isWords ? spread(t) : 0), y: metricValues[t]}))},
    options: {scales: {x: scaleOptions(axis), y: viewOptions(view, metricName)}, plugins: {tooltip: trialTooltip}},
  });
}

function fillParameters(section) {
  const measured = Array.from({length: nTrials}, (_, t) => t).filter(hasMetric);
  const view = viewOf(measured.map(t => metricValues[t]));
  const inView = measured.filter(t => metricValues[t] >= view.min && metricValues[t] <= view.max);
  const places = thinned(inView.length, kMostPoints, kBestPoints).map(i => inView[i]);
  if (axes.length === 0 || measured.length === 0) {
    section.append(note(axes.length === 0 ? "No parameter varies." : "No trial has a metric."));
    return;
  }
  const parts = [`A point is ${trialWords}: ${kKinds.map(kind => `${kind.title} a ${{circle: "circle", rect: "square", triangle: "triangle"}[kind.shape]}`).join(", ")}.`];
  if (places.length < inView.length) parts.push(`Drawn are ${places.length.toLocaleString("en")} of ${inView.length.toLocaleString("en")}: the best ${kBestPoints} and others evenly spread over the ranks.`);
  if (inView.length < measured.length) parts.push(`${counted(measured.length - inView.length, "trial")} far off ${measured.length - inView.length === 1 ? "lies" : "lie"} outside the charts.`);
  if (measured.length < nTrials) parts.push(`${counted(nTrials - measured.length, "trial")} diverged or without a metric ${nTrials - measured.length === 1 ? "is" : "are"} not drawn.`);
  section.append(note(parts.join(" ")));
  const cards = element("div", {class: "cards"});
  for (const axis of axes) {
    const {figure: card, canvas} = figure(axis.name, `${metricName} of each trial against ${axis.name}`);
    cards.append(card);
    drawing(card, () => scatterChart(canvas, axis, places, view));
  }
  section.append(cards);
}

function fillTime(section) {
  section.append(element("p", {}, throughputText()), note("A trial's time is its share of the wall time: networks train at once."));
  const measured = Array.from({length: nTrials}, (_, t) => t).filter(t => hasMetric(t) && trials.seconds[t] > 0);
  if (measured.length === 0) return;
  const view = viewOf(measured.map(t => metricValues[t]));
  const times = viewOf(measured.map(t => trials.seconds[t]));
  const inside = (value, limits) => value >= limits.min && value <= limits.max;
  const inView = measured.filter(t => inside(metricValues[t], view) && inside(trials.seconds[t], times));
  const places = thinned(inView.length, kMostPoints, kBestPoints).map(i => inView[i]);
  const {figure: card, canvas} = figure("What a trial took, and what it reached", `${metricName} against training seconds`, true);
  section.append(card);
  drawing(card, () => new Chart(canvas, {
    type: "scatter",
    data: {datasets: kindDataSets(places, t => ({x: trials.seconds[t], y: metricValues[t]}))},
    options: {scales: {x: viewOptions(times, "seconds"), y: viewOptions(view, metricName)}, plugins: {tooltip: trialTooltip}},
  }));
}
