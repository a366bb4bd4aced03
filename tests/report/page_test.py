#!/usr/bin/env python3
"""Opens a report in a real browser: no errors, every chart drawn, brushing, keyboard, narrow screens, print.

  page_test.py SHOAL                 trains small sweeps with the program and looks at their reports
  page_test.py --look REPORT         looks at a report that is there; prints how long it took to open
Skipped (77) where there is no Chromium.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import chromium

WICKED = "</script><b>"
CONTROLS = "a[href], button:not([hidden]), select, input, summary, [tabindex='0']"
SWEEP = """data: {{train: {table}, target: {target}, {validation}}}
method: grid
{more}
trainer: {{engine: cpu, threads: 1, seed: 3}}
parameters:
  hidden_layer_sizes: {{values: [[2], [4], [6, 3]]}}
  solver: {{values: [adam, sgd]}}
  momentum: {{values: [0.5, 0.9]}}
  learning_rate_init: {{values: [0.001, 0.01, 0.1]}}
  batch_size: 16
  max_iter: 9
"""


def write_table(file, is_classes):
    """60 rows; one column is named so that it would end a script."""
    lines = [f'a,"{WICKED}",y']
    for i in range(60):
        a, b = (i * 0.618034) % 1, (i * 0.754878) % 1
        lines.append(f"{a:.4f},{b:.4f}," + ((WICKED if a > b else "low") if is_classes else f"{3 * a - b:.4f}"))
    file.write_text("\n".join(lines) + "\n")


def report_of(program, folder, is_classes, validation="validation: 0.3"):
    """The path of a report on a small sweep."""
    folder.mkdir()
    write_table(folder / "table.csv", is_classes)
    more = ("metric: {name: val_accuracy, goal: maximize}\nearly_terminate: {type: halving, min_iter: 1, eta: 3}" if is_classes
            else "metric: {name: val_rmse, goal: minimize}")
    (folder / "sweep.yaml").write_text(SWEEP.format(table=folder / "table.csv", target="y", validation=validation, more=more))
    run = folder / f"run {WICKED.replace('/', '')}"
    subprocess.run([program, "sweep", folder / "sweep.yaml", "--out", run], check=True, stdout=subprocess.DEVNULL)
    answer = subprocess.run([program, "report", run, "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(answer)["out"]


class Page(unittest.TestCase):
    def look(self, browser, path):
        browser.open(path)
        browser.evaluate("drawAll()")
        self.assertEqual(browser.errors, [])

    def check_drawn(self, browser):
        self.assertGreater(browser.evaluate("document.querySelectorAll('[data-drawn]').length"), 8)
        self.assertEqual(browser.evaluate("document.querySelectorAll('[data-drawn=\"false\"]').length"), 0)
        empty = """[...document.querySelectorAll('canvas')].filter(canvas => {
            const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return !bytes.some(byte => byte !== 0); }).length"""
        self.assertEqual(browser.evaluate(empty), 0)
        self.assertEqual(browser.evaluate("document.querySelectorAll('section').length"), 11)
        self.assertEqual(browser.evaluate("document.querySelectorAll('main b').length"), 0)

    def check_summary(self, browser):
        words = browser.evaluate("document.querySelector('#summary').textContent")
        trials, settings = browser.evaluate("[report.run.n_trials, report.run.n_settings]")
        self.assertIn(f"{trials} trials", words)
        self.assertEqual("with folds and repeats" in words, trials > settings)

    def check_brushing(self, browser):
        browser.evaluate("document.querySelector('#parallel canvas').scrollIntoView({block: 'center'})")
        canvas = browser.evaluate("(({x, y}) => ({x, y}))(document.querySelector('#parallel canvas').getBoundingClientRect())")
        lines = "Number(document.querySelector('#parallel canvas').dataset.lines)"
        before = browser.evaluate(lines)
        browser.drag(canvas["x"] + 60, canvas["y"] + 30, canvas["y"] + 150)
        self.assertTrue(0 < browser.evaluate(lines) < before, browser.evaluate(lines))
        browser.evaluate("document.querySelector('#parallel .controls button').click()")
        self.assertEqual(browser.evaluate(lines), before)
        # The same by the keyboard: the first axis's lower slider, one page up.
        browser.evaluate("document.querySelector('#parallel input').focus()")
        for _ in range(3):
            browser.key("PageUp", 33)
        self.assertLess(browser.evaluate(lines), before)
        browser.key("Home", 36)
        self.assertEqual(browser.evaluate(lines), before)

    def check_keyboard(self, browser):
        browser.evaluate("""document.querySelectorAll('details').forEach(details => details.open = true);
            window.reached = new Set(); window.unseen = [];
            document.getElementById('theme').focus()""")

        def tab(shift=False):
            browser.key("Tab", 9, shift)
            browser.evaluate("""(control => {
                window.reached.add(control);
                if (control !== document.body && getComputedStyle(control).outlineStyle === 'none') window.unseen.push(control.outerHTML.slice(0, 80));
                })(document.activeElement)""")

        # Forth and back, so that the first control too is reached by a key.
        tab()
        tab(shift=True)
        wanted = browser.evaluate(f"document.querySelectorAll({json.dumps(CONTROLS)}).length")
        for _ in range(wanted + 5):
            tab()
        missed = browser.evaluate(f"[...document.querySelectorAll({json.dumps(CONTROLS)})].filter(control => !window.reached.has(control)).map(control => control.outerHTML.slice(0, 90))")
        self.assertEqual(missed, [])
        self.assertEqual(browser.evaluate("window.unseen"), [])
        nameless = """[...document.querySelectorAll('button, select, input, canvas, [role=region]')].filter(control =>
            !(control.getAttribute('aria-label') || control.textContent.trim() || control.labels?.length)).length"""
        self.assertEqual(browser.evaluate(nameless), 0)

    def check_sorting(self, browser):
        first = "document.querySelector('#best tbody td').textContent"
        self.assertEqual(browser.evaluate(first), "1")
        browser.evaluate("document.querySelector('#best th button').focus()")
        browser.key(" ", 32)
        self.assertEqual(browser.evaluate("document.querySelector('#best th').getAttribute('aria-sort')"), "descending")
        self.assertEqual(browser.evaluate(first), str(browser.evaluate("settings === null ? report.totals.n_ended : settings.n_ended")))
        browser.key(" ", 32)

    def check_settings(self, browser):
        """Of a sweep with folds: settings by their means first, the trials of one, the trials of all."""
        titles = "[...document.querySelectorAll('#best th')].slice(0, 5).map(cell => cell.textContent)"
        n_rows = "document.querySelectorAll('#best tbody tr').length"
        first = "document.querySelector('#best tbody tr').textContent"
        metric = browser.evaluate("metricName")
        self.assertEqual(browser.evaluate(titles), ["rank", "setting", f"mean {metric}", "std. error", "trials"])
        self.assertEqual(browser.evaluate(n_rows), 20)
        self.assertIn("20 of 27 settings", browser.evaluate("document.getElementById('best').textContent"))
        best = browser.evaluate("settings.id[0]")
        self.assertIn(best, browser.evaluate(first))
        means = browser.evaluate("settings.mean")
        self.assertEqual(means, sorted(means))
        words = browser.evaluate("document.getElementById('summary').textContent")
        self.assertIn(f"The winner is setting {best}: mean {metric} ", words)
        self.assertIn(" (standard error) over 3 trials with ", words)
        self.assertIn(f"Its network is {best}.all.", words)
        for section in ("parameters", "parallel"):
            self.assertIn("is a trial, one fold or repeat of a setting", browser.evaluate(f"document.getElementById('{section}').textContent"))
        browser.evaluate("document.querySelector('#best tbody button').focus()")
        browser.key(" ", 32)
        self.assertEqual(browser.evaluate(titles)[:3], ["rank", "id", metric])
        self.assertEqual(browser.evaluate(n_rows), 3)
        self.assertIn(f"3 of 3 trials of setting {best}", browser.evaluate("document.getElementById('best').textContent"))
        self.assertTrue(browser.evaluate(f"[...document.querySelectorAll('#best tbody tr')].every(row => row.children[1].textContent.startsWith('{best}.f'))"))
        browser.evaluate("[...document.querySelectorAll('#best button')].find(button => button.textContent === 'Trials of all settings').click()")
        self.assertIn("20 of 81 trials", browser.evaluate("document.getElementById('best').textContent"))
        browser.evaluate("(select => { select.value = 'settings'; select.dispatchEvent(new Event('change')); })(document.querySelector('#best select'))")
        self.assertIn("20 of 27 settings", browser.evaluate("document.getElementById('best').textContent"))

    def check_theme(self, browser):
        self.assertEqual(browser.evaluate("document.documentElement.dataset.theme"), "light")
        browser.evaluate("document.getElementById('theme').click()")
        self.assertEqual(browser.evaluate("document.documentElement.dataset.theme"), "dark")
        browser.evaluate("document.getElementById('theme').click()")

    def check_narrow(self, browser):
        browser.resize(360, 740)
        time.sleep(0.3)
        self.assertLessEqual(browser.evaluate("document.documentElement.scrollWidth"), 360)
        browser.resize(1200, 900)

    def check_print(self, browser):
        self.assertTrue(browser.pdf().startswith(b"%PDF"))
        self.assertEqual(browser.evaluate("document.documentElement.dataset.theme"), "light")

    def check_all(self, path, *more):
        with chromium.Chromium(chromium.find()) as browser:
            self.look(browser, path)
            for check in (self.check_drawn, self.check_sorting, self.check_brushing, self.check_keyboard, self.check_theme,
                          self.check_narrow, self.check_print, self.check_summary, *more):
                with self.subTest(check=check.__name__):
                    check(browser)
            self.assertEqual(browser.errors, [])
            return browser.evaluate("({confusions: report.validation.confusions.length, fits: report.validation.fits.length, "
                                    "rungs: report.rungs.rungs.length, why: report.validation.why_not})")

    def test_a_classification_with_rungs_and_a_regression(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            classes = self.check_all(report_of(program, folder / "classes", True))
            self.assertEqual((classes["confusions"], classes["fits"], classes["why"]), (1, 0, ""))
            self.assertGreater(classes["rungs"], 0)
            numbers = self.check_all(report_of(program, folder / "numbers", False))
            self.assertEqual((numbers["confusions"], numbers["fits"], numbers["why"]), (0, 1, ""))

    def test_folds(self):
        with tempfile.TemporaryDirectory() as name:
            found = self.check_all(report_of(program, pathlib.Path(name) / "folds", False, "cv: 3"), self.check_settings)
            self.assertEqual((found["fits"], found["why"]), (1, ""))

    def test_finds_an_error_of_the_page(self):
        with tempfile.TemporaryDirectory() as name:
            broken = pathlib.Path(name) / "broken.html"
            broken.write_text("<script>document.documentElement.dataset.ready = 'true'; undefinedName()</script>")
            with chromium.Chromium(chromium.find()) as browser:
                browser.open(broken)
                browser.evaluate("0")
                self.assertIn("undefinedName", " ".join(browser.errors))


def look_at(path):
    with chromium.Chromium(chromium.find()) as browser:
        begin = time.monotonic()
        browser.open(path)
        opened = time.monotonic() - begin
        inside = browser.evaluate("(({domContentLoadedEventEnd, loadEventEnd}) => [domContentLoadedEventEnd, loadEventEnd])(performance.getEntriesByType('navigation')[0])")
        browser.wait_for("document.querySelectorAll('[data-drawn=\"false\"]').length === 0")
        drawn = time.monotonic() - begin
        print(f"opened in {opened:.2f} s (the browser says {inside[0] / 1000:.2f} s to ready, {inside[1] / 1000:.2f} s to loaded), "
              f"everything drawn after {drawn:.2f} s, errors: {browser.errors}")


if __name__ == "__main__":
    if not chromium.find():
        print(f"skipped: none of {', '.join(chromium.NAMES)} is installed")
        sys.exit(77)
    if sys.argv[1] == "--look":
        look_at(sys.argv[2])
    else:
        program = sys.argv[1]
        unittest.main(argv=sys.argv[:1])
