"use strict";

const kMostCells = 12;
const kBins = 8;

// A table with coloured cells; cell(r, c) is null or {share, text, title}.
function heatTable(corner, rows, columns, cell) {
  const head = element("tr", {}, element("th", {scope: "col"}, corner), ...columns.map(text => element("th", {scope: "col"}, text)));
  const body = rows.map((text, r) => {
    const line = element("tr", {}, element("th", {scope: "row"}, text));
    columns.forEach((_, c) => {
      const content = cell(r, c);
      const made = element("td", content ? {title: content.title} : {}, content ? content.text : "");
      if (content) {
        made.style.background = rampColour(content.share);
        made.style.color = inkOn(content.share);
      }
      line.append(made);
    });
    return line;
  });
  return element("table", {class: "heat"}, element("thead", {}, head), element("tbody", {}, ...body));
}

// The groups of an axis: each of its values, or ranges of about as many trials each.
function groupsOf(axis) {
  const used = Array.from({length: nTrials}, (_, t) => t).filter(t => axis.value(t) !== null);
  if (axis.isWords || axis.numbers.length <= kMostCells) {
    const place = new Map(axis.numbers.map((value, i) => [value, i]));
    return {titles: axis.numbers.map(axis.text), group: t => axis.value(t) === null ? -1 : place.get(axis.value(t))};
  }
  const ascending = used.map(axis.value).sort((a, b) => a - b);
  const edges = Array.from({length: kBins + 1}, (_, i) => quantile(ascending, i / kBins));
  const group = t => {
    const value = axis.value(t);
    if (value === null) return -1;
    let place = 0;
    while (place < kBins - 1 && value >= edges[place + 1]) ++place;
    return place;
  };
  return {titles: edges.slice(1).map((edge, i) => `${shortNumber(edges[i])} to ${shortNumber(edge)}`), group};
}
const shortNumber = value => numberText(Number(value.toPrecision(2)));

function heatOf(across, down, which) {
  const columns = groupsOf(across);
  const rows = groupsOf(down);
  const cells = rows.titles.map(() => columns.titles.map(() => []));
  for (let t = 0; t < nTrials; ++t) {
    const [r, c] = [rows.group(t), columns.group(t)];
    if (r >= 0 && c >= 0 && hasMetric(t)) cells[r][c].push(metricValues[t]);
  }
  const pick = which === "best" ? (report.metric.maximize ? values => values.at(-1) : values => values[0]) : values => quantile(values, 0.5);
  const picked = cells.map(row => row.map(values => values.length > 0 ? pick(values.sort((a, b) => a - b)) : null));
  const ranked = [...new Set(ascendingNumbers(picked.flat()))];
  // Colours by rank: one cell far off shall not make the others alike.
  const share = value => {
    const place = ranked.length > 1 ? ranked.indexOf(value) / (ranked.length - 1) : 1;
    return report.metric.maximize ? place : 1 - place;
  };
  const table = heatTable(`${down.name} \\ ${across.name}`, rows.titles, columns.titles, (r, c) => picked[r][c] === null ? null : {
    share: share(picked[r][c]), text: numberText(Number(picked[r][c].toPrecision(3))), title: `${which} ${numberText(picked[r][c])} of ${counted(cells[r][c].length, "trial")}`});
  return table;
}

function fillHeatMap(section) {
  const usable = axes.map((axis, i) => [i, axis.name]);
  if (axes.length < 2) {
    section.append(note("Fewer than two parameters vary."));
    return;
  }
  const important = report.importance.alone.map(entry => axes.findIndex(axis => axis.name === entry.parameter));
  const state = {across: important[0], down: important[1], which: "median"};
  const holder = element("div", {class: "scroller", tabindex: "0", role: "region", "aria-label": "Heat map"});
  const draw = drawing(holder, () => { holder.replaceChildren(heatOf(axes[state.across], axes[state.down], state.which)); });
  const across = choice("Across", usable, state.across, value => { state.across = Number(value); draw(); });
  const down = choice("Down", usable, state.down, value => { state.down = Number(value); draw(); });
  const which = choice("Cell", [["median", `median ${metricName}`], ["best", `best ${metricName}`]], "median", value => { state.which = value; draw(); });
  section.append(element("div", {class: "controls"}, across.label, down.label, which.label),
    note("Of the trials of a cell that have a metric, pruned ones at their rung. ", rampLegend("worst", "best"), " by rank of the cells."), holder);
}
