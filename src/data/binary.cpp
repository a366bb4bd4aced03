// NPY and IDX: arrays without names.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <limits>

#include "data/table.hpp"
#include "shoal/error.hpp"

namespace shoal::data {
namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& reason) {
  throw InputError(Diagnostic{file, 0, {}, reason});
}

template <class T>
double value_at(const char* from, bool swap) {
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), from, sizeof(T));
  if (swap) std::ranges::reverse(bytes);
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return static_cast<double>(value);
}

using Reader = double (*)(const char*, bool);

/// The reader of an NPY type (`<f8`: byte order, kind, bytes) and its size.
std::pair<Reader, std::size_t> reader_of(const std::string& type) {
  const std::string kind = type.size() > 1 ? type.substr(1) : "";
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

Table table_of(const std::string& file, std::size_t n_rows, std::size_t n_columns) {
  if (n_rows == 0 || n_columns == 0) refuse(file, "holds no rows");
  Table table;
  table.file = file;
  table.n_rows = n_rows;
  table.columns.resize(n_columns);
  for (std::size_t c = 0; c < n_columns; ++c) {
    table.columns[c].name = fmt::format("V{}", c + 1);
    table.columns[c].numbers.resize(n_rows);
  }
  return table;
}

std::uint32_t big_endian(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t k = 0; k < 4; ++k) value = (value << 8) | static_cast<unsigned char>(bytes[at + k]);
  return value;
}

/// Dimensions of an IDX file and where its data begin.
std::pair<std::vector<std::size_t>, std::size_t> idx_header(const std::string& bytes, const std::string& file) {
  const auto n_dimensions = static_cast<std::size_t>(static_cast<unsigned char>(bytes[3]));
  if (n_dimensions == 0 || bytes.size() < 4 + 4 * n_dimensions) refuse(file, "is cut off in its IDX header");
  std::vector<std::size_t> dimensions;
  for (std::size_t d = 0; d < n_dimensions; ++d) dimensions.push_back(big_endian(bytes, 4 + 4 * d));
  return {dimensions, 4 + 4 * n_dimensions};
}

std::pair<Reader, std::size_t> idx_reader(unsigned char type) {
  switch (type) {
    case 0x08:
      return {value_at<std::uint8_t>, 1};
    case 0x09:
      return {value_at<std::int8_t>, 1};
    case 0x0B:
      return {value_at<std::int16_t>, 2};
    case 0x0C:
      return {value_at<std::int32_t>, 4};
    case 0x0D:
      return {value_at<float>, 4};
    case 0x0E:
      return {value_at<double>, 8};
    default:
      return {nullptr, 0};
  }
}

/// Reads the labels beside the images, or says in the table why there are none.
void read_idx_labels(const std::filesystem::path& images, Table& table) {
  const std::size_t n_rows = table.n_rows;
  std::string name = images.filename().string();
  const auto replaced = [&name](const std::string& from, const std::string& to) {
    const std::size_t at = name.find(from);
    if (at == std::string::npos) return false;
    name.replace(at, from.size(), to);
    return true;
  };
  if (!replaced("images-idx3", "labels-idx1") && !replaced("images.idx3", "labels.idx1")) {
    table.no_labels = "IDX images need a name with images-idx3, so that their labels-idx1 file can be found";
    return;
  }
  const std::filesystem::path path = images.parent_path() / name;
  if (!std::filesystem::exists(path)) {
    table.no_labels = fmt::format("its labels {} are not there", path.filename().string());
    return;
  }
  const std::string bytes = read_bytes(path);
  if (bytes.size() < 8 || bytes[2] != 0x08) refuse(path.string(), "is not an IDX file of labels");
  const auto [dimensions, begin] = idx_header(bytes, path.string());
  if (dimensions.size() != 1 || bytes.size() - begin < dimensions[0])
    refuse(path.string(), "is cut off, or is not a list of labels");
  if (dimensions[0] != n_rows) refuse(path.string(), fmt::format("has {} labels for {} images", dimensions[0], n_rows));
  table.hash = hash_bytes(bytes, table.hash);
  table.idx_labels.resize(n_rows);
  for (std::size_t r = 0; r < n_rows; ++r) table.idx_labels[r] = static_cast<unsigned char>(bytes[begin + r]);
}

}  // namespace

Table read_npy(const std::string& bytes, const std::string& file) {
  if (bytes.size() < 12) refuse(file, "is cut off in its NPY header");
  const bool long_header = bytes[6] >= 2;
  std::size_t n =
      static_cast<unsigned char>(bytes[8]) | (static_cast<std::size_t>(static_cast<unsigned char>(bytes[9])) << 8);
  if (long_header) {
    n |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[10])) << 16;
    n |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[11])) << 24;
  }
  const std::size_t begin = (long_header ? 12 : 10) + n;
  if (bytes.size() < begin) refuse(file, "is cut off in its NPY header");
  const std::string_view header = std::string_view(bytes).substr(long_header ? 12 : 10, n);
  const std::string_view quoted = header_value(header, "descr");
  if (!quoted.starts_with('\'')) refuse(file, "holds records, not a plain array");
  const std::string type(quoted.substr(1, quoted.find('\'', 1) - 1));
  const auto [read, size] = reader_of(type);
  if (read == nullptr)
    refuse(
        file,
        fmt::format("has values of type {}; floats of 4 or 8 bytes, whole numbers and truth values can be read", type));
  const bool fortran = header_value(header, "fortran_order").starts_with("True");
  const std::vector<std::size_t> shape = shape_of_header(header_value(header, "shape"));
  if (shape.empty() || shape.size() > 2) refuse(file, fmt::format("has {} dimensions; a table has 2", shape.size()));
  const std::size_t n_rows = shape[0];
  const std::size_t n_columns = shape.size() == 2 ? shape[1] : 1;
  if (n_columns != 0 && (bytes.size() - begin) / size / n_columns < n_rows)
    refuse(file, "is cut off: it holds fewer values than its header says");
  const bool swap = type[0] == '>' && std::endian::native == std::endian::little;
  Table table = table_of(file, n_rows, n_columns);
  for (std::size_t r = 0; r < n_rows; ++r) {
    for (std::size_t c = 0; c < n_columns; ++c) {
      const std::size_t at = fortran ? c * n_rows + r : r * n_columns + c;
      const double value = read(bytes.data() + begin + at * size, swap);
      if (std::isinf(value)) refuse(file, fmt::format("row {}, column {}: is not a finite number", r, c));
      table.columns[c].numbers[r] = value;
    }
  }
  return table;
}

Table read_idx(const std::string& bytes, const std::filesystem::path& path) {
  const std::string file = path.string();
  const auto [read, size] = idx_reader(static_cast<unsigned char>(bytes[2]));
  if (read == nullptr) refuse(file, "is not a table: neither text nor NPY nor IDX");
  const auto [dimensions, begin] = idx_header(bytes, file);
  std::size_t n_columns = 1;
  bool fits = true;
  for (std::size_t d = 1; d < dimensions.size() && fits; ++d) {
    n_columns *= dimensions[d];
    fits = n_columns <= bytes.size();  // before the product of many dimensions overflows
  }
  if (!fits || (n_columns != 0 && (bytes.size() - begin) / size / n_columns < dimensions[0]))
    refuse(file, "is cut off: it holds fewer values than its header says");
  const bool swap = std::endian::native == std::endian::little;
  Table table = table_of(file, dimensions[0], n_columns);
  for (std::size_t r = 0; r < table.n_rows; ++r) {
    for (std::size_t c = 0; c < n_columns; ++c) {
      table.columns[c].numbers[r] = read(bytes.data() + begin + (r * n_columns + c) * size, swap);
    }
  }
  table.is_images = dimensions.size() > 1;
  if (table.is_images) read_idx_labels(path, table);
  return table;
}

}  // namespace shoal::data
