"use strict";

function useTheme(theme) {
  root.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.textContent = theme === "dark" ? "Light" : "Dark";
  button.setAttribute("aria-label", `Use ${theme === "dark" ? "light" : "dark"} colours`);
  chartDefaults();
  for (const entry of drawings) if (entry.isDrawn) redraw(entry);
}

function startTheme() {
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  let isChosen = false;
  useTheme(prefersDark.matches ? "dark" : "light");
  prefersDark.addEventListener("change", () => { if (!isChosen) useTheme(prefersDark.matches ? "dark" : "light"); });
  document.getElementById("theme").addEventListener("click", () => {
    isChosen = true;
    useTheme(root.dataset.theme === "dark" ? "light" : "dark");
  });
  // Paper is light.
  let onScreen = root.dataset.theme;
  window.addEventListener("beforeprint", () => { onScreen = root.dataset.theme; useTheme("light"); });
  window.addEventListener("afterprint", () => useTheme(onScreen));
}

function start() {
  const title = `${report.run.directory.split("/").filter(Boolean).at(-1) ?? "shoal"}: ${metricName}`;
  document.title = `${title} - shoal report`;
  document.getElementById("title").textContent = title;
  startTheme();
  const fillers = {summary: fillSummary, best: fillBest, parameters: fillParameters, parallel: fillParallel, heat: fillHeatMap, importance: fillImportance,
    curves: fillCurves, rungs: fillRungs, validation: fillValidation, time: fillTime, sweep: fillSweep};
  for (const [id, fill] of Object.entries(fillers)) {
    const section = document.getElementById(id);
    fill(section);
    document.getElementById("sections").append(element("a", {href: `#${id}`}, section.querySelector("h2").textContent));
  }
  startDrawing();
  root.dataset.ready = "true";
}

start();
