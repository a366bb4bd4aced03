"use strict";

// Colours are shares of a row, so that rare classes show as well as frequent ones.
function confusionTable(confusion) {
  const {classes, counts} = confusion;
  const n = classes.length;
  const totals = classes.map((_, r) => counts.slice(r * n, (r + 1) * n).reduce((sum, count) => sum + count, 0));
  return heatTable("actual \\ predicted", classes, classes, (r, c) => {
    const count = counts[r * n + c];
    if (count === 0) return null;
    return {share: count / totals[r], text: String(count), title: `${count} of ${totals[r]} rows of ${classes[r]} as ${classes[c]}`};
  });
}

function worstConfusions(confusion) {
  const {classes, counts} = confusion;
  const n = classes.length;
  const wrong = [];
  counts.forEach((count, i) => {
    if (count > 0 && Math.floor(i / n) !== i % n) wrong.push({count, actual: classes[Math.floor(i / n)], predicted: classes[i % n]});
  });
  wrong.sort((a, b) => b.count - a.count);
  return wrong.slice(0, 5).map(entry => `${entry.actual} as ${entry.predicted} (${entry.count})`);
}

function showConfusion(holder, confusion) {
  const n = confusion.classes.length;
  const total = confusion.counts.reduce((sum, count) => sum + count, 0);
  const right = confusion.classes.reduce((sum, _, k) => sum + confusion.counts[k * n + k], 0);
  const worst = worstConfusions(confusion);
  holder.replaceChildren(element("p", {}, `${right} of ${counted(total, "row")} are right (${numberText(Number((100 * right / total).toPrecision(4)))} %).` +
    (worst.length > 0 ? ` Most often taken for something else: ${worst.join(", ")}.` : "")), confusionTable(confusion));
}

function fitChart(canvas, fit, isResidual) {
  const errors = fit.actual.map((actual, i) => fit.predicted[i] - actual);
  const low = Math.min(...fit.actual, ...(isResidual ? [] : fit.predicted));
  const high = Math.max(...fit.actual, ...(isResidual ? [] : fit.predicted));
  const xs = isResidual ? fit.predicted : fit.actual;
  const ys = isResidual ? errors : fit.predicted;
  const ends = isResidual ? [{x: Math.min(...xs), y: 0}, {x: Math.max(...xs), y: 0}] : [{x: low, y: low}, {x: high, y: high}];
  return new Chart(canvas, {
    type: "scatter",
    data: {datasets: [
      {data: xs.map((x, i) => ({x, y: ys[i]})), pointRadius: 3, borderWidth: 0, backgroundColor: colour("accent") + "a0"},
      {type: "line", data: ends, pointRadius: 0, borderWidth: 1.5, borderColor: colour("warm")}]},
    options: {scales: {x: {title: {display: true, text: isResidual ? "predicted" : "actual"}}, y: {title: {display: true, text: isResidual ? "predicted - actual" : "predicted"}}},
      plugins: {tooltip: {callbacks: {label: item => `${numberText(item.raw.x)}, ${numberText(item.raw.y)}`}}}},
  });
}

function fillValidation(section) {
  const {why_not: whyNot, fold, n_rows: n, confusions, fits} = report.validation;
  if (whyNot) {
    section.append(element("p", {"data-missing": ""}, `The winner's predictions are not here: ${whyNot}`));
    return;
  }
  section.append(note(`${fold === null ? counted(n, "validation row") : `${counted(n, "row")} that fold ${fold} held out`}, predicted anew by the stored network${settings === null ? "" : ` of its trial ${report.winner.id}`}.`));
  if (confusions.length > 0) {
    const holder = element("div", {class: "scroller", tabindex: "0", role: "region", "aria-label": "Confusion matrix"});
    let chosen = 0;
    const draw = drawing(holder, () => showConfusion(holder, confusions[chosen]));
    if (confusions.length > 1) {
      const which = choice("Label", confusions.map((confusion, i) => [i, confusion.label]), 0, value => { chosen = Number(value); draw(); });
      section.append(element("div", {class: "controls"}, which.label));
    }
    section.append(note("Colour: share of the rows of the actual class. ", rampLegend("0", "1")), holder);
  }
  if (fits.length === 0) return;
  let chosen = 0;
  const words = element("p");
  const cards = element("div", {class: "cards"});
  const draws = [["Predicted against actual", false], ["Residuals", true]].map(([title, isResidual]) => {
    const {figure: card, canvas} = figure(title, `${title} on ${n} validation rows`, true);
    cards.append(card);
    return drawing(card, () => {
      const fit = fits[chosen];
      const thinning = fit.actual.length < n ? ` Drawn are ${fit.actual.length} of ${n} rows.` : "";
      words.textContent = `${fit.name}: root mean square error ${numberText(fit.rmse)}, mean absolute error ${numberText(fit.mae)}.${thinning}`;
      return fitChart(canvas, fit, isResidual);
    });
  });
  if (fits.length > 1) {
    const which = choice("Target", fits.map((fit, i) => [i, fit.name]), 0, value => { chosen = Number(value); draws.forEach(draw => draw()); });
    section.append(element("div", {class: "controls"}, which.label));
  }
  section.append(words, cards);
}
