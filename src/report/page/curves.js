"use strict";

const kCurveNames = {metric: metricName, val_loss: "val_loss", train_loss: "train_loss"};

const pointsOf = series => series.map((y, e) => ({x: report.curves.epochs[e], y}));

// Lines from light bands (5 to 95 %, 25 to 75 %) to the median, then single trials.
function curveDataSets(value, withSingles) {
  const quantiles = report.curves.quantiles[value];
  const plain = {pointRadius: 0, borderWidth: 0, backgroundColor: band(0.16)};
  const sets = [
    {...plain, label: "95 %", data: pointsOf(quantiles[4]), fill: "+1"},
    {...plain, label: "5 %", data: pointsOf(quantiles[0])},
    {...plain, label: "75 %", data: pointsOf(quantiles[3]), fill: "+1", backgroundColor: band(0.28)},
    {...plain, label: "25 %", data: pointsOf(quantiles[1])},
    {label: "median", data: pointsOf(quantiles[2]), pointRadius: 0, borderWidth: 3, borderColor: colour("accent")}];
  if (!withSingles) return sets;
  return sets.concat(report.curves.curves.map(curve => ({
    label: `rank ${curve.rank + 1}: ${curve.id}`,
    data: pointsOf(curve.values[value]),
    pointRadius: 0,
    borderWidth: curve.rank < 10 ? 1.5 : 0.8,
    borderColor: colour(curve.rank < 10 ? "warm" : "quiet") + (curve.rank < 10 ? "" : "90"),
  })));
}

function curveChart(canvas, value, withSingles) {
  const shown = withSingles ? report.curves.curves.flatMap(curve => curve.values[value]) : [];
  const view = viewOf([...shown, ...report.curves.quantiles[value].flat()]);
  const there = e => report.curves.n_there[e].toLocaleString("en");
  return new Chart(canvas, {
    type: "line",
    data: {datasets: curveDataSets(value, withSingles)},
    options: {
      parsing: false,
      interaction: {mode: "index", intersect: false},
      scales: {x: {type: "linear", min: Math.min(1, report.curves.epochs.at(-1)), title: {display: true, text: "epoch"}, ticks: {precision: 0}}, y: viewOptions(view, kCurveNames[value])},
      plugins: {tooltip: {filter: item => item.datasetIndex < 5, callbacks: {
        title: items => items.length > 0 ? `epoch ${items[0].raw.x}, ${there(items[0].dataIndex)} trials` : "",
        label: item => `${item.dataset.label} ${numberText(item.raw.y)}`}}},
    },
  });
}

function fillCurves(section) {
  const {epochs, n_trials: n, curves} = report.curves;
  if (epochs.length === 0) {
    section.append(note("No epoch has ended yet."));
    return;
  }
  const last = epochs.at(-1);
  const of = n < report.totals.n_ended ? `${n.toLocaleString("en")} of ${counted(report.totals.n_ended, "trial")}, evenly spread over the ranks` : `all ${counted(n, "trial")}`;
  section.append(note(`Blue: the median, and where the middle 50 % and 90 % are, of ${of}, at each epoch of those that trained so long. ` +
    (epochs.length < last ? `${epochs.length} of ${last} epochs are kept. ` : "") + `Lines: the best ${counted(Math.min(10, curves.length), "trial")}` + (curves.length > 10 ? `, and ${curves.length - 10} others evenly spread over the ranks.` : ".")));
  const state = {value: "metric", withSingles: true};
  const {figure: card, canvas} = figure("Over the epochs", `Quantiles of learning curves over ${last} epochs`, true);
  const draw = drawing(card, () => curveChart(canvas, state.value, state.withSingles));
  const options = Object.entries(kCurveNames).filter(([value, name], i) => i === 0 || name !== metricName);
  const which = choice("Value", options, "metric", value => { state.value = value; draw(); });
  const singles = element("input", {type: "checkbox", checked: ""});
  singles.addEventListener("change", () => { state.withSingles = singles.checked; draw(); });
  section.append(element("div", {class: "controls"}, which.label, element("label", {}, singles, "single trials")), card);
}
