#include "export/c_header.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "export/c_formulas.hpp"
#include "export/c_text.hpp"

namespace shoal::exporting {
namespace {

// In every text `@` stands for the prefix of all names.

constexpr std::string_view kTop = R"(/* {id}: {task} of {n_columns} columns by a network of shoal {version}.
 *
 *   double numbers[]     the numeric columns of a row of the table in the order of @numbers; NAN: missing
 *   const char *texts[]  its categorical columns in the order of @texts; "" or NULL: missing; a number among
 *                        categories in its shortest form
 *   {outputs}
 *   int column = @predict(numbers, texts, outputs);
 *
 * 0, or the column, counted from 1, whose value this network refuses; outputs are then as they were.
 * C99 or C++17, with -lm. Results are those of `shoal predict` to the bit where a product and a sum are not fused
 * (-ffp-contract=off; GCC's default under -std=c99) and without -ffast-math. */
#ifndef {guard}
#define {guard}

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

)";

constexpr std::string_view kNumber = R"(
static inline int @number(double value, double centre, int has_indicator, float *inputs) {{
  {refuse_missing}inputs[0] = (float)(value - centre);
  if (has_indicator) inputs[1] = value != value ? 1.0f : 0.0f;
  return !(FLT_MAX < fabsf(inputs[0]));
}}
)";

constexpr std::string_view kCategory = R"(
static inline int @category(const char *text, const char *const *categories, float *inputs) {{
  int known = {empty_is_known};
  for (; *categories != NULL; ++categories, ++inputs) {{
    const int same = strcmp(text == NULL ? "" : text, *categories) == 0;
    *inputs = same ? 1.0f : 0.0f;
    if (same) known = 1;
  }}
  return known;
}}
)";

constexpr std::string_view kLayer = R"(
/* z = [W | b] [a; 1]: from the bias on, inputs in ascending order. */
static inline void @layer(const float *w, const float *a, size_t n_inputs, size_t n_outputs, float *z) {
  size_t o, i;
  for (o = 0; o < n_outputs; ++o, w += n_inputs + 1) {
    float sum = w[n_inputs];
    for (i = 0; i < n_inputs; ++i) sum = fmaf(w[i], a[i], sum);
    z[o] = sum;
  }
}
)";

constexpr std::string_view kSoftmax = R"(
  most = z[0];
  for (o = 1; o < @n_outputs; ++o) most = most < z[o] ? z[o] : most;
  for (o = 0; o < @n_outputs; ++o) z[o] = @exp(z[o] - most);
  for (o = 0; o < @n_outputs; ++o) sum += z[o];
  for (o = 0; o < @n_outputs; ++o) outputs[o] = z[o] / sum;
)";

constexpr std::string_view kSigmoid = R"(
  z[0] = @sigmoid(z[0]);
  outputs[0] = (float)(1.0 - (double)z[0]);
  outputs[1] = z[0];
)";

constexpr std::string_view kSigmoids = R"(
  for (o = 0; o < @n_outputs; ++o) outputs[o] = @sigmoid(z[o]);
)";

constexpr std::string_view kValues = R"(
  for (o = 0; o < @n_outputs; ++o) {
    outputs[o] = (double)z[o] / @target_factor[o] + @target_offset[o] + @target_centre[o];
  }
)";

constexpr std::string_view kClass = R"(
/* Which output is the largest: the predicted class, @outputs says its name. */
static inline size_t @class(const float *outputs) {
  size_t best = 0, o;
  for (o = 1; o < @n_outputs; ++o) {
    if (outputs[best] < outputs[o]) best = o;
  }
  return best;
}
)";

std::string top(const Network& network, const std::string& prefix) {
  std::string guard = prefix + "SHOAL_NETWORK_H";
  std::ranges::transform(guard, guard.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  const char* outputs = output_of(network) == Output::values
                            ? "double outputs[]     the targets in the order of @outputs, in the table's units"
                            : "float outputs[]      a probability each, in the order of @outputs";
  return fmt::format(kTop, fmt::arg("id", network.stored.trial.id), fmt::arg("task", name(network.preprocessing.task)),
                     fmt::arg("n_columns", network.preprocessing.columns.size()), fmt::arg("version", network.version),
                     fmt::arg("outputs", outputs), fmt::arg("guard", guard));
}

/// Names of columns and outputs, and how many there are.
std::string names(const Network& network) {
  std::vector<std::string> numbers;
  std::vector<std::string> texts;
  for (const InputColumn& column : network.preprocessing.columns) {
    (column.kind == InputColumn::Kind::numeric ? numbers : texts).push_back(column.name);
  }
  const std::vector<std::string>& outputs = output_names(network);
  return fmt::format("enum {{ @n_numbers = {}, @n_texts = {}, @n_outputs = {} }};\n", numbers.size(), texts.size(),
                     outputs.size()) +
         c_array("numbers", std::span<const std::string>(numbers)) +
         c_array("texts", std::span<const std::string>(texts)) +
         c_array("outputs", std::span<const std::string>(outputs));
}

/// From a row's cells to inputs, one function a kind of column, and their scaling.
std::string encoding(const Network& network) {
  const Preprocessing& p = network.preprocessing;
  const bool impute = p.missing == MissingPolicy::impute;
  std::string arrays;
  std::string body;
  std::size_t n_numbers = 0;
  std::size_t n_texts = 0;
  std::size_t at = 0;
  for (std::size_t c = 0; c < p.columns.size(); ++c) {
    const InputColumn& column = p.columns[c];
    if (column.kind == InputColumn::Kind::numeric) {
      body += fmt::format("  if (!@number(numbers[{}], {}, {}, inputs + {})) return {};\n", n_numbers++,
                          c_literal(column.centre), column.has_indicator ? 1 : 0, at, c + 1);
      at += column.has_indicator ? 2 : 1;
    } else {
      const std::string array = fmt::format("categories_{}", n_texts);
      arrays += c_array(array, std::span<const std::string>(column.categories));
      body += fmt::format("  if (!@category(texts[{}], @{}, inputs + {})) return {};\n", n_texts++, array, at, c + 1);
      at += column.categories.size();
    }
  }
  std::string functions;
  if (n_numbers > 0) {
    functions += fmt::format(kNumber, fmt::arg("refuse_missing", impute ? "" : "if (value != value) return 0;\n  "));
  }
  if (n_texts > 0) {
    const char* empty = impute ? "text == NULL || *text == '\\0'" : "0";
    functions += fmt::format(kCategory, fmt::arg("empty_is_known", empty));
  }
  const InputScaling& scaling = network.split.inputs;
  return arrays + c_array("offset", scaling.offset) + c_array("factor", scaling.factor) +
         c_array("fill", scaling.fill) + functions +
         fmt::format(
             "\nstatic inline int @encode(const double *numbers, const char *const *texts, float *inputs) {{\n"
             "  size_t i;\n{}{}{}"
             "  for (i = 0; i < {}; ++i) {{\n"
             "    inputs[i] = inputs[i] != inputs[i] ? @fill[i] : (inputs[i] - @offset[i]) * @factor[i];\n"
             "  }}\n  return 0;\n}}\n",
             n_numbers == 0 ? "  (void)numbers;\n" : "", n_texts == 0 ? "  (void)texts;\n" : "", body, at);
}

std::string parameters(const store::StoredNetwork& stored) {
  const Topology& topology = stored.trial.topology;
  std::string text;
  std::span<const float> rest = stored.parameters;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const std::size_t count = topology.n_parameters(l);
    text += c_array(fmt::format("layer_{}", l), rest.first(count));
    rest = rest.subspan(count);
  }
  return text;
}

std::string target_scaling(const Network& network) {
  const TargetScaling& scaling = network.split.targets;
  const std::vector<double> factor(scaling.factor.begin(), scaling.factor.end());
  const std::vector<double> offset(scaling.offset.begin(), scaling.offset.end());
  return c_array("target_factor", std::span<const double>(factor)) +
         c_array("target_offset", std::span<const double>(offset)) +
         c_array("target_centre", std::span<const double>(network.preprocessing.target_centre));
}

std::string formulas(const Network& network) {
  std::vector<std::string_view> wanted;
  for (const Activation activation : network.stored.trial.topology.activations) wanted.push_back(name(activation));
  const Output output = output_of(network);
  if (output == Output::softmax) wanted.emplace_back("exp");
  if (output == Output::sigmoid || output == Output::sigmoids) wanted.emplace_back("sigmoid");
  return c_formulas(wanted);
}

std::string_view last_step(Output output) {
  switch (output) {
    case Output::softmax:
      return kSoftmax;
    case Output::sigmoid:
      return kSigmoid;
    case Output::sigmoids:
      return kSigmoids;
    case Output::values:
      break;
  }
  return kValues;
}

/// Two rows of activations, of which each layer reads one and writes the other.
std::string prediction(const Network& network) {
  const Topology& topology = network.stored.trial.topology;
  const Output output = output_of(network);
  std::int32_t widest = std::max(topology.n_inputs, topology.n_outputs);
  for (const std::int32_t size : topology.hidden_layer_sizes) widest = std::max(widest, size);
  const bool has_loop = output != Output::sigmoid || std::ranges::any_of(topology.activations, [](Activation a) {
                          return a != Activation::identity;
                        });
  std::string text = fmt::format(
      "\nstatic inline int @predict(const double *numbers, const char *const *texts, {} *outputs) {{\n"
      "  float rows[2][{}];\n  float *z = rows[0];\n{}{}  const int column = @encode(numbers, texts, rows[0]);\n"
      "  if (column != 0) return column;\n",
      output == Output::values ? "double" : "float", widest, has_loop ? "  size_t o;\n" : "",
      output == Output::softmax ? "  float most, sum = 0.0f;\n" : "");
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    text += fmt::format("  z = rows[{}];\n  @layer(@layer_{}, rows[{}], {}, {}, z);\n", (l + 1) % 2, l, l % 2,
                        topology.fan_in(l), topology.fan_out(l));
    const Activation activation = topology.activation(l);
    if (activation == Activation::identity) continue;
    text += fmt::format("  for (o = 0; o < {}; ++o) z[o] = @{}(z[o]);\n", topology.fan_out(l), name(activation));
  }
  return text + std::string(last_step(output).substr(1)) + "  return 0;\n}\n";
}

}  // namespace

std::string to_c(const Network& network, std::string_view stem) {
  const std::string prefix = c_identifier(stem) + "_";
  std::string text = top(network, prefix) + names(network) + encoding(network) + parameters(network.stored);
  const Output output = output_of(network);
  if (output == Output::values) text += target_scaling(network);
  text += formulas(network) + std::string(kLayer) + prediction(network);
  if (output == Output::softmax || output == Output::sigmoid) text += kClass;
  text += "\n#endif\n";
  std::string named;
  for (const char c : text) named += c == '@' ? prefix : std::string(1, c);
  return named;
}

}  // namespace shoal::exporting
