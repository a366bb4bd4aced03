"use strict";
// The table of the best: settings where one has several trials, and trials.

const kRowsAtOnce = 20;

// Of a setting: how many have ended, and of how many where that is not all.
const trialsText = n => n < settings.n_wanted ? `${n} of ${settings.n_wanted}` : String(n);

// Columns are {title, text(place), key(place), isNumber}.
function parameterColumns(someAxes) {
  return someAxes.map(axis => ({title: axis.name, text: axis.textOf, key: axis.value, isNumber: !axis.isWords}));
}

function trialColumns() {
  const columns = [
    {title: "rank", text: t => String(trials.rank[t] + 1), key: t => trials.rank[t], isNumber: true},
    {title: "id", text: t => trials.id[t], key: t => trials.id[t]}];
  const others = Object.keys(trials.metrics).filter(name => name !== metricName);
  for (const name of [metricName, ...others]) {
    const values = trials.metrics[name];
    if (!values.some(isNumber)) continue;
    columns.push({title: name, text: t => numberText(values[t]), key: t => values[t], isNumber: true});
  }
  columns.push(...parameterColumns(axes),
    {title: "status", text: t => trials.status[t], key: t => trials.status[t]},
    {title: "epochs", text: t => String(trials.epochs[t]), key: t => trials.epochs[t], isNumber: true},
    {title: "best epoch", text: t => String(trials.best_epoch[t]), key: t => trials.best_epoch[t], isNumber: true},
    {title: "time", text: t => durationText(trials.seconds[t]), key: t => trials.seconds[t], isNumber: true});
  return columns;
}

// open(id) lists a setting's trials.
function settingColumns(open) {
  const link = s => {
    const button = element("button", {type: "button", "aria-label": `Trials of setting ${settings.id[s]}`}, settings.id[s]);
    button.addEventListener("click", () => open(settings.id[s]));
    return button;
  };
  const number = (title, values) => ({title, text: s => numberText(values[s]), key: s => values[s], isNumber: true});
  return [number("rank", settings.rank),
    {title: "setting", text: link, key: s => settings.id[s]},
    number(`mean ${metricName}`, settings.mean), number("std. error", settings.standard_error),
    {title: "trials", text: s => trialsText(settings.n_trials[s]), key: s => settings.n_trials[s], isNumber: true},
    ...parameterColumns(settingAxes),
    {title: "status", text: s => settings.status[s], key: s => settings.status[s]},
    number("mean epochs", settings.epochs)];
}

// Places by a column; what has no value comes last either way.
function ordered(places, column, isDescending) {
  const direction = isDescending ? -1 : 1;
  return [...places].sort((a, b) => {
    const [x, y] = [column.key(a), column.key(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return (x < y ? -direction : x > y ? direction : 0) || a - b;
  });
}

// What there is to list: {columns, places, noun, isWinner(place)}.
function lists(open) {
  const found = {trials: {columns: trialColumns(), places: trials.id.map((_, t) => t), noun: "trial", isWinner: t => trials.id[t] === report.winner?.id}};
  if (settings === null) return found;
  return {settings: {columns: settingColumns(open), places: settings.id.map((_, s) => s), noun: "setting", isWinner: s => settings.id[s] === settings.winner?.id}, ...found};
}

function fillBest(section) {
  const all = lists(id => {
    which.select.value = "trials";
    which.select.focus();
    list("trials", id);
  });
  const state = {};
  const head = element("tr");
  const body = element("tbody");
  const more = element("button", {type: "button"}, `Show ${kRowsAtOnce} more`);
  const allTrials = element("button", {type: "button"}, "Trials of all settings");
  const shown = element("span", {class: "note", role: "status"});
  const fill = () => {
    const {columns, noun, isWinner} = all[state.kind];
    const order = ordered(state.places, state.column, state.isDescending).slice(0, state.nRows);
    body.replaceChildren(...order.map(place => {
      const row = element("tr", isWinner(place) ? {class: "winner"} : {});
      for (const column of columns) row.append(element("td", column.isNumber ? {class: "number"} : {}, column.text(place)));
      return row;
    }));
    columns.forEach((column, i) => head.children[i].setAttribute("aria-sort", column !== state.column ? "none" : state.isDescending ? "descending" : "ascending"));
    shown.textContent = `${order.length} of ${counted(state.places.length, noun)}${state.setting ? ` of setting ${state.setting}` : ""}`;
    more.hidden = order.length >= state.places.length;
    allTrials.hidden = !state.setting;
  };
  const heading = column => {
    const button = element("button", {type: "button"}, column.title);
    button.addEventListener("click", () => {
      state.isDescending = state.column === column && !state.isDescending;
      state.column = column;
      fill();
    });
    return element("th", {scope: "col", ...(column.isNumber ? {class: "number"} : {})}, button);
  };
  const list = (kind, setting = "") => {
    const {columns, places} = all[kind];
    Object.assign(state, {kind, setting, column: columns[0], isDescending: false, nRows: kRowsAtOnce,
      places: setting ? places.filter(t => settingOf(trials.id[t]) === setting) : places});
    head.replaceChildren(...columns.map(heading));
    fill();
  };
  const which = choice("Rows", Object.keys(all).map(kind => [kind, kind]), Object.keys(all)[0], kind => list(kind));
  more.addEventListener("click", () => {
    state.nRows += kRowsAtOnce;
    fill();
  });
  allTrials.addEventListener("click", () => {
    which.select.focus();
    list("trials");
  });
  if (settings !== null) {
    section.append(note("A setting is its folds and repeats: the mean over them and its standard error. Its id lists its trials."),
      element("div", {class: "controls"}, which.label, allTrials));
  }
  const table = element("table", {}, element("thead", {}, head), body);
  section.append(note("A column's title sorts by it."),
    element("div", {class: "scroller", tabindex: "0", role: "region", "aria-label": "Best networks"}, table),
    element("div", {class: "controls"}, more, shown));
  list(Object.keys(all)[0]);
}
