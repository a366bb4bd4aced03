#include <cstdint>
#include <fmt/format.h>

#include "data/array_values.hpp"
#include "data/file_bytes.hpp"
#include "data/table.hpp"

namespace shoal::data {
namespace {

constexpr bool kSwap = std::endian::native == std::endian::little;  // IDX is big-endian

std::size_t big_endian(const std::string& bytes, std::size_t at) {
  std::size_t value = 0;
  for (std::size_t k = 0; k < 4; ++k) value = (value << 8) | static_cast<unsigned char>(bytes[at + k]);
  return value;
}

ValueReader reader_of(unsigned char type) {
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

struct Header {
  std::vector<std::size_t> dimensions;
  std::size_t begin = 0;  ///< of the values
};

Header idx_header(const std::string& bytes, const std::string& file) {
  const auto n_dimensions = static_cast<std::size_t>(static_cast<unsigned char>(bytes[3]));
  if (n_dimensions == 0 || bytes.size() < 4 + 4 * n_dimensions) refuse(file, "is cut off in its IDX header");
  Header header;
  for (std::size_t d = 0; d < n_dimensions; ++d) header.dimensions.push_back(big_endian(bytes, 4 + 4 * d));
  header.begin = 4 + 4 * n_dimensions;
  return header;
}

/// The labels file that belongs to images of this name: labels-idx1 for images-idx3, packed or not; empty: the name is
/// another one.
std::filesystem::path labels_beside(const std::filesystem::path& images) {
  std::string name = images.filename().string();
  constexpr std::string_view kImages = "images";
  const std::size_t at = name.rfind(kImages);
  const std::size_t idx = at == std::string::npos ? at : at + kImages.size();
  if (idx == std::string::npos || idx + 5 > name.size() || (name[idx] != '-' && name[idx] != '.') ||
      name.compare(idx + 1, 3, "idx") != 0) {
    return {};
  }
  name[idx + 4] = '1';
  name.replace(at, kImages.size(), "labels");
  std::filesystem::path path = images.parent_path() / name;
  if (std::filesystem::exists(path)) return path;
  std::filesystem::path other = path;
  if (path.extension() == ".gz") {
    other.replace_extension();
  } else {
    other += ".gz";
  }
  return std::filesystem::exists(other) ? other : path;
}

/// Reads the labels beside the images, or says in the table why there are none.
void read_labels(const std::filesystem::path& images, Table& table) {
  const std::filesystem::path path = labels_beside(images);
  if (path.empty()) {
    table.no_labels = "IDX images need a name with images-idx3, so that their labels-idx1 file can be found";
    return;
  }
  if (!std::filesystem::exists(path)) {
    table.no_labels = fmt::format("its labels {} are not there", path.filename().string());
    return;
  }
  const std::string bytes = read_bytes(path);
  if (bytes.size() < 8 || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 0x08) {
    refuse(path.string(), "is not an IDX file of labels");
  }
  const auto [dimensions, begin] = idx_header(bytes, path.string());
  if (dimensions.size() != 1 || bytes.size() - begin < dimensions[0]) {
    refuse(path.string(), "is cut off, or is not a list of labels");
  }
  if (dimensions[0] != table.n_rows) {
    refuse(path.string(), fmt::format("has {} labels for {} images", dimensions[0], table.n_rows));
  }
  table.hash = hash_bytes(bytes, table.hash);
  table.idx_labels.resize(table.n_rows);
  for (std::size_t r = 0; r < table.n_rows; ++r) {
    table.idx_labels[r] = static_cast<unsigned char>(bytes[begin + r]);
  }
}

}  // namespace

Table read_idx(const std::string& bytes, const std::filesystem::path& path) {
  const std::string file = path.string();
  const ValueReader reader = reader_of(static_cast<unsigned char>(bytes[2]));
  if (reader.first == nullptr) refuse(file, "is not a table: neither text nor NPY nor IDX");
  const auto [dimensions, begin] = idx_header(bytes, file);
  std::size_t n_columns = 1;
  bool fits = true;
  for (std::size_t d = 1; d < dimensions.size() && fits; ++d) {
    n_columns *= dimensions[d];
    fits = n_columns <= bytes.size();  // before the product of many dimensions overflows
  }
  if (!fits || (n_columns != 0 && (bytes.size() - begin) / reader.second / n_columns < dimensions[0])) {
    refuse(file, "is cut off: it holds fewer values than its header says");
  }
  Table table = table_of_shape(file, dimensions[0], n_columns);
  fill_columns(bytes.data() + begin, reader, kSwap, n_columns, 1, table);
  refuse_infinite(table);
  // Two dimensions are a table like any other, unless labels lie beside it.
  table.is_images = dimensions.size() > 2 || (dimensions.size() == 2 && !labels_beside(path).empty());
  if (table.is_images) read_labels(path, table);
  return table;
}

}  // namespace shoal::data
