"use strict";

const kEndings = {finished: "finished", stopped: "stopped by patience", pruned: "ended at a rung", diverged: "diverged", running: "still in training"};

function sweptText() {
  const run = report.run;
  const parameters = axes.map(axis => {
    const n = axis.numbers.length;
    if (n <= 6) return `${axis.name} (${axis.numbers.map(axis.text).join(", ")})`;
    if (axis.isWords) return `${axis.name} (${n} values)`;
    return `${axis.name} (${numberText(axis.min)} to ${numberText(axis.max)})`;
  });
  const method = report.sweep.method ? ` by method ${report.sweep.method}` : "";
  const what = parameters.length > 0 ? ` over ${parameters.join(", ")}` : "";
  const tried = run.n_trials > run.n_settings ? `${counted(run.n_settings, "setting")}, ${counted(run.n_trials, "trial")} with folds and repeats,` : counted(run.n_trials, "trial");
  return `${tried} of ${run.task} on ${run.dataset}${method}${what}.`;
}

function endedText() {
  const totals = report.totals;
  const parts = Object.entries(kEndings).filter(([status]) => totals.statuses[status]).map(([status, words]) => `${totals.statuses[status].toLocaleString("en")} ${words}`);
  const state = {done: "The run is done", interrupted: "The run was interrupted", killed: "The run was interrupted: its process had gone before it was done", running: "The run was still going when this page was written"}[report.run.status] ?? `The run's status is ${report.run.status}`;
  return `${state}: ${counted(totals.n_ended, "trial")} ended${parts.length > 0 ? ` (${parts.join(", ")})` : ""}.`;
}

// How much better a value is than the median of all that it was chosen from.
function againstMedian(value, median, noun) {
  if (!isNumber(median)) return "";
  const gain = report.metric.maximize ? value - median : median - value;
  const share = median !== 0 ? ` (${numberText(Number((100 * gain / Math.abs(median)).toPrecision(3)))} % of it)` : "";
  return ` The median ${noun} has ${numberText(median)}; the winner is ${gain < 0 ? "worse" : "better"} by ${numberText(Math.abs(gain))}${share}.`;
}

// "with alpha 0.1, solver adam": what varies, and does not among the winner's own trials.
function winnerSettingText() {
  const varied = axes.map(axis => axis.name).filter((_, p) => settings === null || settings.codes[p][settings.id.indexOf(settings.winner.id)] !== null);
  const parameters = report.winner.parameters.filter(([name]) => varied.includes(name)).map(([name, text]) => `${name} ${text}`);
  return parameters.length > 0 ? ` with ${parameters.join(", ")}` : "";
}

function winnerText() {
  const winner = report.winner;
  if (!winner) return `No ${settings === null ? "network" : "setting"} has ended with a finite metric yet, so there is no winner.`;
  if (settings === null) {
    const value = winner.metrics[metricName];
    return `The winner is ${winner.id}: ${metricName} ${numberText(value)} after ${counted(winner.epochs, "epoch")}${winnerSettingText()}.` +
      (nTrials > 1 ? againstMedian(value, report.totals.median, "trial") : "");
  }
  const {id, rank, mean, standard_error: error, n_trials: n} = settings.winner;
  const isDone = report.run.status === "done";
  const smaller = rank > 1 ? ` It is ranked ${rank}: the one with fewest parameters within a standard error of the best.` : "";
  return `${isDone ? "The winner is setting" : "The best so far is setting"} ${id}: mean ${metricName} ${numberText(mean)} \u00b1 ${numberText(error)} (standard error) over ${n < settings.n_wanted ? `${n} of ${counted(settings.n_wanted, "trial")}` : counted(n, "trial")}${winnerSettingText()}.` +
    (isDone ? ` Its network is ${report.run.winner}.` : "") + smaller + (settings.n_ended > 1 ? againstMedian(mean, settings.median, "setting") : "");
}

function throughputText() {
  const {epochs, seconds, training_rows: rows} = report.totals;
  const perSecond = seconds > 0 ? `, ${numberText(Number((epochs / seconds).toPrecision(3)))} network-epochs a second` : "";
  const samples = seconds > 0 && rows > 0 ? `, about ${numberText(Number((epochs * rows / seconds).toPrecision(3)))} network-samples a second` : "";
  return `Training took ${durationText(seconds)} for ${counted(epochs, "network-epoch")}${perSecond}${samples}.`;
}

function fillSummary(section) {
  const run = report.run;
  for (const text of [sweptText(), endedText(), winnerText(), throughputText()]) section.append(element("p", {}, text));
  const facts = [
    ["engine", `${run.engine}${run.engine_detail ? ` (${run.engine_detail})` : ""}`],
    ["precision", run.precision],
    ["data", `${run.dataset}, hash ${run.dataset_hash}`],
    ["sweep file", run.sweep_file],
    ["run directory", run.directory],
    ["early termination", report.sweep.early_terminate || "not known"],
    ["shoal", run.version]];
  if (report.test) {
    facts.unshift(["winner on data.test", Object.entries(report.test).map(([name, value]) => `${name.replace("val_", "")} ${numberText(value)}`).join(", ")]);
  }
  if (report.winner) {
    facts.unshift([settings === null ? "winner, all metrics" : `trial ${report.winner.id}, all metrics`, Object.entries(report.winner.metrics).filter(([, value]) => isNumber(value)).map(([name, value]) => `${name} ${numberText(value)}`).join(", ")]);
  }
  const list = element("dl");
  for (const [name, value] of facts) list.append(element("dt", {}, name), element("dd", {}, value));
  section.append(list);
  if (report.winner) {
    const all = element("dl");
    for (const [name, text] of report.winner.parameters) all.append(element("dt", {}, name), element("dd", {}, text));
    section.append(element("details", {}, element("summary", {}, settings === null ? "All parameters of the winner" : `All parameters of trial ${report.winner.id}`), all));
  }
  if (nTrials < report.totals.n_ended) {
    const ofSettings = settings !== null && settings.id.length < settings.n_ended ? ` and ${settings.id.length.toLocaleString("en")} of ${counted(settings.n_ended, "setting")}` : "";
    section.append(note(`This page holds ${nTrials.toLocaleString("en")} of ${counted(report.totals.n_ended, "trial")}${ofSettings} one by one: the best and others evenly spread over the ranks. Counts, importance and rungs are of all.`));
  }
}

function fillSweep(section) {
  section.append(element("details", {}, element("summary", {}, "As it was run, with overrides and defaults"), element("pre", {tabindex: "0"}, report.sweep.text)));
}
