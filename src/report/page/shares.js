"use strict";
// What parameters explain, and what rungs left.

function fillImportance(section) {
  const {alone, pairs} = report.importance;
  if (alone.length === 0) {
    section.append(note("No parameter varies."));
    return;
  }
  section.append(note("Method: analysis of variance. The trials are grouped by a parameter's values (numbers of many values into 10 groups of about equal size); shown is the " +
    "variance between the groups as a share of the variance of all trials' ranks, less what chance alone would give (epsilon squared). A pair's share is that of " +
    "its combinations (5 groups each) beyond both alone. Ranks, so that a few very bad networks do not decide; diverged trials share the last rank. Limits: it says " +
    "which parameters mattered within the ranges of this sweep, not beyond; pruned trials are ranked by what they had at their rung; parameters that one solver or " +
    "schedule alone uses are mixed with it; interactions of three or more are in no bar; shares need not add up to 100 %."));
  const bars = [...alone.map(entry => [entry.parameter, entry.share]), ...pairs.map(entry => [entry.parameters.join(" \u00d7 "), entry.share])];
  const unknown = bars.filter(([, share]) => share === null);
  const known = bars.filter(([, share]) => share !== null);
  const {figure: card, canvas} = figure("Share of the ranks' variance", known.map(([name, share]) => `${name} ${Math.round(share * 100)} %`).join(", "), true);
  canvas.parentElement.style.height = `${70 + 26 * known.length}px`;
  section.append(card);
  drawing(card, () => new Chart(canvas, {
    type: "bar",
    data: {labels: known.map(([name]) => name), datasets: [{data: known.map(([, share]) => 100 * share), backgroundColor: known.map((_, i) => colour(i < alone.length - unknown.length ? "accent" : "warm"))}]},
    options: {indexAxis: "y", scales: {x: {min: 0, title: {display: true, text: "%"}}, y: {ticks: {autoSkip: false, callback(value) { return shareLabel(this.getLabelForValue(value)); }}}},
      plugins: {tooltip: {callbacks: {label: item => `${numberText(Number(item.raw.toPrecision(3)))} %`}}}},
  }));
  if (unknown.length > 0) section.append(note(`Too few trials a value to say anything of ${unknown.map(([name]) => name).join(", ")}.`));
}
const shareLabel = text => text.length > 40 ? `${text.slice(0, 39)}\u2026` : text;

function fillRungs(section) {
  const {n_settings: n, rungs} = report.rungs;
  if (rungs.length === 0) {
    const why = {none: "early_terminate is none: every setting trained to its own end.", pbt: "early_terminate is pbt: rungs end no setting. lineage.csv says which became copies of which, and when."};
    section.append(note(why[report.sweep.early_terminate] ?? "No rung has ended a setting."));
    return;
  }
  section.append(note(`Settings that trained on after each rung, of ${n.toLocaleString("en")}; a setting is its folds and repeats together. Where brackets have rungs of their own, all are counted together.`));
  const {figure: card, canvas} = figure("Settings left", rungs.map(rung => `${rung.left} after epoch ${rung.epoch}`).join(", "));
  section.append(card);
  const points = [{x: 0, y: n}, ...rungs.map(rung => ({x: rung.epoch, y: rung.left}))];
  const end = Math.max(...trials.epochs, points.at(-1).x);
  drawing(card, () => new Chart(canvas, {
    type: "line",
    data: {datasets: [{data: [...points, {x: end, y: points.at(-1).y}], stepped: true, borderColor: colour("accent"), backgroundColor: band(0.2), fill: true, pointRadius: 3}]},
    options: {scales: {x: {type: "linear", min: 0, max: end, title: {display: true, text: "epoch"}}, y: {min: 0, title: {display: true, text: "settings"}}}},
  }));
  const head = ["after epoch", "ended by themselves before", "ended at the rung", "left"];
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head.map(text => element("th", {scope: "col", class: "number"}, text)))),
    element("tbody", {}, ...rungs.map(rung => element("tr", {}, ...[rung.epoch, rung.ended_before, rung.pruned, rung.left].map(value => element("td", {class: "number"}, value.toLocaleString("en")))))));
  section.append(element("div", {class: "scroller", tabindex: "0", role: "region", "aria-label": "Settings left after each rung"}, table));
}
