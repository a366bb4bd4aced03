#include <cstdint>
#include <fmt/format.h>
#include <string_view>

#include "data/array_values.hpp"
#include "data/table.hpp"

namespace shoal::data {
namespace {

/// The reader of an NPY type: `<f8` is byte order, kind, bytes.
ValueReader reader_of(std::string_view type) {
  const std::string_view kind = type.size() > 1 ? type.substr(1) : "";
  if (kind == "f4") return {value_at<float>, 4};
  if (kind == "f8") return {value_at<double>, 8};
  if (kind == "i1") return {value_at<std::int8_t>, 1};
  if (kind == "i2") return {value_at<std::int16_t>, 2};
  if (kind == "i4") return {value_at<std::int32_t>, 4};
  if (kind == "i8") return {value_at<std::int64_t>, 8};
  if (kind == "u1" || kind == "b1") return {value_at<std::uint8_t>, 1};
  if (kind == "u2") return {value_at<std::uint16_t>, 2};
  if (kind == "u4") return {value_at<std::uint32_t>, 4};
  if (kind == "u8") return {value_at<std::uint64_t>, 8};
  return {nullptr, 0};
}

/// The text after `'key':` in an NPY header.
std::string_view header_value(std::string_view header, std::string_view key) {
  const std::size_t at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return {};
  std::string_view rest = header.substr(at + key.size() + 3);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  return rest;
}

/// The numbers of `(3, 2)`.
std::vector<std::size_t> shape_of_header(std::string_view text) {
  std::vector<std::size_t> shape;
  std::size_t number = 0;
  bool in_number = false;
  for (const char c : text.substr(0, text.find(')'))) {
    if (c >= '0' && c <= '9') {
      number = number * 10 + static_cast<std::size_t>(c - '0');
      in_number = true;
    } else if (in_number) {
      shape.push_back(number);
      number = 0;
      in_number = false;
    }
  }
  if (in_number) shape.push_back(number);
  return shape;
}

/// The header's text and where the values begin.
std::pair<std::string_view, std::size_t> npy_header(std::string_view bytes, const std::string& file) {
  if (bytes.size() < 12) refuse(file, "is cut off in its NPY header");
  const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])); };
  const bool is_long = byte(6) >= 2;
  const std::size_t begin = is_long ? 12 : 10;
  std::size_t n = byte(8) | (byte(9) << 8);
  if (is_long) n |= (byte(10) << 16) | (byte(11) << 24);
  if (bytes.size() < begin + n) refuse(file, "is cut off in its NPY header");
  return {bytes.substr(begin, n), begin + n};
}

}  // namespace

Table read_npy(const std::string& bytes, const std::string& file) {
  const auto [header, begin] = npy_header(bytes, file);
  const std::string_view quoted = header_value(header, "descr");
  if (quoted.empty()) refuse(file, "has no NPY header as numpy writes it");
  if (!quoted.starts_with('\'')) refuse(file, "holds records, not a plain array");
  const std::string_view type = quoted.substr(1, quoted.find('\'', 1) - 1);
  const ValueReader reader = reader_of(type);
  if (reader.first == nullptr) {
    refuse(
        file,
        fmt::format("has values of type {}; floats of 4 or 8 bytes, whole numbers and truth values can be read", type));
  }
  const std::vector<std::size_t> shape = shape_of_header(header_value(header, "shape"));
  if (shape.empty() || shape.size() > 2) {
    refuse(file, fmt::format("has {} dimensions; a table has 2", shape.size()));
  }
  const std::size_t n_rows = shape[0];
  const std::size_t n_columns = shape.size() == 2 ? shape[1] : 1;
  if (n_columns != 0 && (bytes.size() - begin) / reader.second / n_columns < n_rows) {
    refuse(file, "is cut off: it holds fewer values than its header says");
  }
  Table table = table_of_shape(file, n_rows, n_columns);
  const bool fortran = header_value(header, "fortran_order").starts_with("True");
  const bool swap = type[0] == '>' && std::endian::native == std::endian::little;
  fill_columns(bytes.data() + begin, reader, swap, fortran ? 1 : n_columns, fortran ? n_rows : 1, table);
  refuse_infinite(table);
  return table;
}

}  // namespace shoal::data
