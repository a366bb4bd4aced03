#!/usr/bin/env python3
"""Trains small networks of every activation and kind of output, exports them, runs what was exported, and compares with
`shoal predict`.  check_export.py SHOAL onnx | files | c CC CXX.  Exit code 77: what it takes is not installed."""
import csv
import json
import math
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

SKIPPED = 77
RELATIVE = 1e-5  # of a probability, or of a target's range
ABSOLUTE = 1e-7  # of a probability: twice what a float near 1 has
ACTIVATIONS = ["identity", "relu", "leaky_relu", "sigmoid", "tanh", "elu", "softplus", "silu", "gelu"]
COLUMNS = ["age", "income, net", "job", 'town "x"', "rank", "score"]
CATEGORICAL = ["job", 'town "x"', "rank"]
# Table -> targets, metric. The columns of the last one have no missing values and no categories.
SWEEPS = {
    "classes": (["kind"], "val_accuracy"),
    "two": (["two"], "val_auc"),
    "labels": (["old", "rich", "known"], "val_loss"),
    "numbers": (["large", "small"], "val_rmse"),
    "plain": (["large"], "val_rmse"),
}


def make_row(draw):
    """Cells of all columns, some of them missing, and targets by name. Incomes are far from zero: floats lose them."""
    age, income, score = draw.randint(18, 90), 1e9 + draw.random() * 1000, draw.gauss(0, 1)
    job, town, rank = draw.choice(["clerk", "smith", "p\u00e9ch\u00e9", 'a"b\\c??/d']), draw.choice("ABC"), draw.randint(1, 3)
    y = age / 30 + (income - 1e9) / 500 + len(job) / 4 + ord(town) - 65 + rank + score
    targets = {"kind": "high" if y > 8 else "mid" if y > 6 else "low", "two": "yes" if y > 7 else "no", "large": 1e6 + 100 * y,
               "small": -y, "old": int(age > 60), "rich": int(income > 1e9 + 500), "known": int(y > 7)}
    cells = dict(zip(COLUMNS, [age, repr(income), job, town, rank, round(score, 3)]))
    return cells, targets


def write_table(file, columns, targets, seed):
    draw = random.Random(seed)
    with open(file, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns + targets)
        for _ in range(300):
            cells, all_targets = make_row(draw)
            if CATEGORICAL[0] in columns:
                for name in ("age", "income, net", "job"):
                    if draw.random() < 0.08:
                        cells[name] = ""
            writer.writerow([cells[c] for c in columns] + [all_targets[t] for t in targets])


class Run:
    """A finished sweep over one table."""

    def __init__(self, shoal, folder, name):
        self.shoal, self.folder, self.name = shoal, folder, name
        self.targets, metric = SWEEPS[name]
        self.is_regression = name in ("numbers", "plain")
        self.has_label = name in ("classes", "two")
        self.n_outputs = {"classes": 3, "two": 2}.get(name, len(self.targets))
        self.columns = [c for c in COLUMNS if name != "plain" or c not in CATEGORICAL]
        self.table, self.directory = folder / f"{name}.csv", folder / name
        write_table(self.table, self.columns, self.targets, seed=len(name))
        spec = {"data": {"train": str(self.table), "target": self.targets, "validation": 0.25},
                "method": "grid", "metric": {"name": metric}, "trainer": {"keep": len(ACTIVATIONS)},
                "parameters": {"hidden_layer_sizes": {"values": [[12, 7]]}, "activation": {"values": ACTIVATIONS},
                               "learning_rate_init": 0.01, "batch_size": 16, "max_iter": 5}}
        if name != "plain":
            spec["data"].update(categorical=["rank"], missing="impute")
        if name == "two":
            spec["parameters"]["loss"] = "binary_cross_entropy"
        if name == "labels":
            spec["data"]["task"] = "multilabel"
        (folder / f"{name}.yaml").write_text(json.dumps(spec), encoding="utf-8")
        self.call("sweep", str(folder / f"{name}.yaml"), "--out", str(self.directory))
        self.ids = [row["id"] for row in json.loads(self.call("top", str(self.directory), "--json"))["rows"]]
        assert len(self.ids) == len(ACTIVATIONS), self.ids
        with open(self.table, encoding="utf-8", newline="") as stream:
            self.rows = list(csv.DictReader(stream))

    def call(self, *words):
        done = subprocess.run([self.shoal, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def export(self, trial, form, suffix):
        file = self.folder / f"{self.name}_{trial}.{suffix}"
        said = json.loads(self.call("export", str(self.directory), "--trial", trial, "--format", form, "--out", str(file), "--json"))
        assert said == {"id": trial, "format": form, "out": str(file), "bytes": file.stat().st_size}, said
        return file

    def expected(self, trial):
        """Label (None where there is none) and numbers of each row; of labels the probabilities."""
        document = json.loads(self.call("predict", str(self.directory), "--trial", trial, "--data", str(self.table), "--json"))
        return [(row[0] if self.has_label else None, row[-self.n_outputs:]) for row in document["rows"]]


def worst(got, expected, is_regression):
    """The largest error in units of what is allowed; 1 is the limit. A wrong label is an infinite one."""
    ranges = [max(column) - min(column) for column in zip(*[numbers for _, numbers in expected])]
    largest = 0.0
    for (label, numbers), (right_label, right) in zip(got, expected, strict=True):
        if label != right_label:
            return math.inf
        for number, number_right, width in zip(numbers, right, ranges, strict=True):
            allowed = RELATIVE * width if is_regression else RELATIVE * abs(number_right) + ABSOLUTE
            error = abs(number - number_right) / allowed
            largest = max(largest, math.inf if math.isnan(error) else error)
    return largest


# --- ONNX -------------------------------------------------------------------------------------------------------------


def run_onnx(run, file):
    import numpy
    import onnxruntime
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    feed = {}
    for value in session.get_inputs():
        cells = [row[value.name] for row in run.rows]
        if value.type == "tensor(double)":
            feed[value.name] = numpy.array([[float(c or "nan")] for c in cells])
        else:
            feed[value.name] = numpy.array([[c] for c in cells], dtype=object)
    assert list(feed) == run.columns or set(feed) == set(run.columns), feed.keys()
    names = [value.name for value in session.get_outputs()]
    outputs = dict(zip(names, session.run(None, feed)))
    check_refusals(run, session, feed, names)
    if "prediction" in outputs:
        return [(None, list(map(float, row))) for row in outputs["prediction"]]
    p = outputs["probabilities"]
    if "labels" in outputs:
        assert ((p > 0.5) == (outputs["labels"] == 1)).all()
        return [(None, list(map(float, row))) for row in p]
    return [(str(label), list(map(float, row))) for label, row in zip(outputs["label"], p, strict=True)]


def check_refusals(run, session, feed, names):
    """A row that `shoal predict` refuses gives NaN, and its neighbour what it gave before."""
    column, wrong = ("age", math.nan) if run.name == "plain" else ("job", "baker")
    broken = {name: values.copy() for name, values in feed.items()}
    broken[column][0][0] = wrong
    before, after = (dict(zip(names, session.run(None, values))) for values in (feed, broken))
    for name in names:
        if name == "label":
            assert after[name][0] == "" and after[name][1] == before[name][1], after[name][:2]
        elif name == "labels":
            assert (after[name][0] == -1).all() and (after[name][1] == before[name][1]).all()
        else:
            assert all(math.isnan(x) for x in after[name][0]), after[name][0]
            assert (after[name][1] == before[name][1]).all()


# --- JSON and safetensors, in doubles and by definitions of their own -------------------------------------------------

SIGMOID = lambda z: 1 / (1 + math.exp(-z)) if z > -700 else 0.0
FUNCTIONS = {
    "identity": lambda z: z, "relu": lambda z: max(z, 0.0), "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "sigmoid": SIGMOID, "tanh": math.tanh, "elu": lambda z: z if z > 0 else math.expm1(z),
    "softplus": lambda z: max(z, 0.0) + math.log1p(math.exp(-abs(z))), "silu": lambda z: z * SIGMOID(z),
    "gelu": lambda z: z / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
}


def encoded(columns, row):
    inputs = []
    for column in columns:
        cell = row[column["name"]]
        if "categories" in column:
            inputs += [float(cell == category) for category in column["categories"]]
            continue
        number = float(cell or "nan")
        # As a float, which is where the table's value becomes one.
        inputs.append(struct.unpack("f", struct.pack("f", number - column["centre"]))[0])
        if column["has_indicator"]:
            inputs.append(float(math.isnan(number)))
    return inputs


def forward(document, row):
    scaling = document["input_scaling"]
    a = [fill if math.isnan(x) else (x - offset) * factor for x, offset, factor, fill in
         zip(encoded(document["columns"], row), scaling["offset"], scaling["factor"], scaling["fill"], strict=True)]
    for layer in document["layers"]:
        f = FUNCTIONS[layer["activation"]]
        a = [f(b + sum(w * x for w, x in zip(weights, a, strict=True))) for weights, b in zip(layer["weight"], layer["bias"], strict=True)]
    if document["output"] == "values":
        s = document["target_scaling"]
        return None, [z / f + o + c for z, f, o, c in zip(a, s["factor"], s["offset"], s["centre"], strict=True)]
    if document["output"] == "sigmoids":
        return None, [SIGMOID(z) for z in a]
    if document["output"] == "sigmoid":
        p = [1 - SIGMOID(a[0]), SIGMOID(a[0])]
    else:
        powers = [math.exp(z - max(a)) for z in a]
        p = [x / sum(powers) for x in powers]
    return document["output_names"][p.index(max(p))], p


def run_json(run, file):
    document = json.loads(file.read_text(encoding="utf-8"))
    return [forward(document, row) for row in run.rows]


def run_safetensors(run, file):
    """The same from a safetensors file, as a reader would put it together."""
    data = file.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    information = header["__metadata__"]
    preprocessing, scaling = json.loads(information["preprocessing"]), json.loads(information["scaling"])
    topology = json.loads(information["trial"])["topology"]

    def tensor(name):
        begin, end = header[name]["data_offsets"]
        return struct.unpack(f"<{(end - begin) // 4}f", data[8 + length + begin:8 + length + end])

    layers = []
    for l, activation in enumerate([*topology["activations"], "identity"]):
        weights, (n_out, n_in) = tensor(f"layers.{l}.weight"), header[f"layers.{l}.weight"]["shape"]
        layers.append({"activation": activation, "bias": tensor(f"layers.{l}.bias"),
                       "weight": [weights[o * n_in:(o + 1) * n_in] for o in range(n_out)]})
    output = {"regression": "values", "multilabel": "sigmoids"}.get(preprocessing["task"])
    if output is None:
        output = "sigmoid" if len(layers[-1]["bias"]) == 1 else "softmax"
    document = {"columns": preprocessing["columns"], "input_scaling": scaling["inputs"], "layers": layers, "output": output,
                "output_names": preprocessing["classes"],
                "target_scaling": scaling["targets"] | {"centre": preprocessing["target_centre"]}}
    return [forward(document, row) for row in run.rows]


# --- C ----------------------------------------------------------------------------------------------------------------

NETWORK = r"""
#include "NAME.h"
static int run_NAME(const double *numbers, const char *const *texts) {
  OUTPUT outputs[NAME_n_outputs];
  int i;
  if (NAME_predict(numbers, texts, outputs) != 0) return 1;
  for (i = 0; i < NAME_n_outputs; ++i) printf("%.17g ", (double)outputs[i]);
  LABEL
  printf("\n");
  return 0;
}
"""
PROGRAM = r"""
int main(int argc, char **argv) {
  static char cells[16][64];
  double numbers[16] = {0};
  const char *texts[16] = {0};
  for (;;) {
    int i;
    for (i = 0; i < NAME_n_numbers; ++i) {
      if (scanf(" %63[^\n]", cells[0]) != 1) return 0;
      if (sscanf(cells[0], "%lf", &numbers[i]) != 1) return 1;
    }
    for (i = 0; i < NAME_n_texts; ++i) {
      if (scanf(" |%63[^\n]", cells[i]) != 1) cells[i][0] = '\0';
      texts[i] = cells[i][0] == '\0' ? NULL : cells[i];
    }
    if (argc < 2 || networks[atoi(argv[1])](numbers, texts) != 0) return 1;
  }
}
"""
C_FLAGS = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"]
CXX_FLAGS = ["-std=c++17", *C_FLAGS[1:], "-ffp-contract=off", "-x", "c++"]


def build_c(run, headers, compiler, flags):
    """One program of all networks of a run: their names keep out of each other's way."""
    output = "double" if run.is_regression else "float"
    label = 'printf("%s", NAME_outputs[NAME_class(outputs)]);' if run.has_label else ""
    text = "#include <stdio.h>\n#include <stdlib.h>\n"
    for header in headers:
        text += NETWORK.replace("LABEL", label).replace("OUTPUT", output).replace("NAME", header.stem)
    text += "static int (*const networks[])(const double *, const char *const *) = {%s};\n" % ", ".join("run_" + h.stem for h in headers)
    source = run.folder / f"{run.name}.c"
    source.write_text(text + PROGRAM.replace("NAME", headers[0].stem), encoding="utf-8")
    subprocess.run([compiler, *flags, str(source), "-lm", "-o", str(source.with_suffix(".program"))], check=True)
    return source.with_suffix(".program")


def run_c(run, program, index):
    lines = []
    for row in run.rows:
        lines += [row[c] or "nan" for c in run.columns if c not in CATEGORICAL]
        lines += ["|" + row[c] for c in run.columns if c in CATEGORICAL]
    done = subprocess.run([str(program), str(index)], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    got = []
    for line in done.stdout.splitlines():
        cells = line.split(" ", run.n_outputs)
        got.append((cells[-1] if run.has_label else None, [float(c) for c in cells[:run.n_outputs]]))
    return got


def same_bits(got, expected, is_regression):
    """Equal labels, probabilities equal as floats (predict prints their shortest form), targets equal as doubles."""
    as_float = lambda x: struct.pack("f", x)
    for (label, numbers), (right_label, right) in zip(got, expected, strict=True):
        equal = numbers == right if is_regression else list(map(as_float, numbers)) == list(map(as_float, right))
        if label != right_label or not equal:
            return False
    return True


def check(run, name, outputs, exact=False):
    """outputs: what each network of the run gave. Another network's would not have passed."""
    expected = [run.expected(trial) for trial in run.ids]
    errors = [worst(got, right, run.is_regression) for got, right in zip(outputs, expected, strict=True)]
    assert max(errors) <= 1, (run.name, name, errors)
    for i, got in enumerate(outputs):
        assert not exact or same_bits(got, expected[i], run.is_regression), (run.name, name, run.ids[i])
        assert worst(got, expected[i - 1], run.is_regression) > 100, "the comparison sees nothing"
    print(f"{run.name}, {name}: {len(run.ids)} networks, largest error {max(errors):.2g} of what is allowed"
          + (", bits equal" if exact else ""), flush=True)


def main():
    shoal, kind = sys.argv[1:3]
    if kind == "onnx":
        try:
            import onnxruntime
        except ImportError:
            print(f"{sys.executable} has no onnxruntime (pip install onnxruntime)")
            return SKIPPED
        print("onnxruntime", onnxruntime.__version__)
    with tempfile.TemporaryDirectory() as folder:
        for name in SWEEPS:
            run = Run(shoal, pathlib.Path(folder), name)
            if kind == "onnx":
                check(run, "onnx", [run_onnx(run, run.export(trial, "onnx", "onnx")) for trial in run.ids])
            elif kind == "files":
                check(run, "json", [run_json(run, run.export(trial, "json", "json")) for trial in run.ids])
                check(run, "safetensors",
                      [run_safetensors(run, run.export(trial, "safetensors", "safetensors")) for trial in run.ids])
            else:
                headers = [run.export(trial, "c", "h") for trial in run.ids]
                for compiler, flags, language in ((sys.argv[3], C_FLAGS, "C99"), (sys.argv[4], CXX_FLAGS, "C++17")):
                    program = build_c(run, headers, compiler, flags)
                    check(run, language, [run_c(run, program, i) for i in range(len(headers))], exact=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
