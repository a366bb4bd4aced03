"use strict";

const kRowsAtOnce = 20;

// The columns of the table: {title, text(t), key(t), isNumber}.
function listColumns() {
  const columns = [
    {title: "rank", text: t => String(trials.rank[t] + 1), key: t => trials.rank[t], isNumber: true},
    {title: "id", text: t => trials.id[t], key: t => trials.id[t]}];
  const others = Object.keys(trials.metrics).filter(name => name !== metricName);
  for (const name of [metricName, ...others]) {
    const values = trials.metrics[name];
    if (!values.some(isNumber)) continue;
    columns.push({title: name, text: t => numberText(values[t]), key: t => values[t], isNumber: true});
  }
  for (const axis of axes) columns.push({title: axis.name, text: axis.textOf, key: axis.value, isNumber: !axis.isWords});
  columns.push({title: "status", text: t => trials.status[t], key: t => trials.status[t]},
    {title: "epochs", text: t => String(trials.epochs[t]), key: t => trials.epochs[t], isNumber: true},
    {title: "best epoch", text: t => String(trials.best_epoch[t]), key: t => trials.best_epoch[t], isNumber: true},
    {title: "time", text: t => durationText(trials.seconds[t]), key: t => trials.seconds[t], isNumber: true});
  return columns;
}

// Places by a column; what has no value comes last either way.
function ordered(column, isDescending) {
  const direction = isDescending ? -1 : 1;
  return Array.from({length: nTrials}, (_, t) => t).sort((a, b) => {
    const [x, y] = [column.key(a), column.key(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return (x < y ? -direction : x > y ? direction : 0) || a - b;
  });
}

function fillBest(section) {
  const columns = listColumns();
  const state = {column: columns[0], isDescending: false, nRows: kRowsAtOnce};
  const head = element("tr");
  const body = element("tbody");
  const more = element("button", {type: "button"}, `Show ${kRowsAtOnce} more`);
  const shown = element("span", {class: "note", role: "status"});
  const fill = () => {
    const order = ordered(state.column, state.isDescending).slice(0, state.nRows);
    body.replaceChildren(...order.map(t => {
      const row = element("tr", trials.id[t] === report.winner?.id ? {class: "winner"} : {});
      for (const column of columns) row.append(element("td", column.isNumber ? {class: "number"} : {}, column.text(t)));
      return row;
    }));
    columns.forEach((column, i) => head.children[i].setAttribute("aria-sort", column !== state.column ? "none" : state.isDescending ? "descending" : "ascending"));
    shown.textContent = `${order.length} of ${counted(nTrials, "trial")}`;
    more.hidden = order.length >= nTrials;
  };
  for (const column of columns) {
    const button = element("button", {type: "button"}, column.title);
    button.addEventListener("click", () => {
      state.isDescending = state.column === column && !state.isDescending;
      state.column = column;
      fill();
    });
    head.append(element("th", {scope: "col", ...(column.isNumber ? {class: "number"} : {})}, button));
  }
  more.addEventListener("click", () => {
    state.nRows += kRowsAtOnce;
    fill();
  });
  const table = element("table", {}, element("thead", {}, head), body);
  section.append(note("A column's title sorts by it."),
    element("div", {class: "scroller", tabindex: "0", role: "region", "aria-label": "Best networks"}, table),
    element("div", {class: "controls"}, more, shown));
  fill();
}
