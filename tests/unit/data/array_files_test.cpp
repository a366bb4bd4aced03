#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>
#include <zlib.h>

#include "data/table.hpp"
#include "shoal/error.hpp"
#include "table_folder.hpp"

namespace shoal::data {
namespace {

using Numbers = std::vector<double>;
using test::TableFolder;

template <class T>
std::string bytes_of(const std::vector<T>& values, bool big) {
  std::string bytes;
  for (const T value : values) {
    std::string one(sizeof(T), '\0');
    std::memcpy(one.data(), &value, sizeof(T));
    if (big == (std::endian::native == std::endian::little)) std::ranges::reverse(one);
    bytes += one;
  }
  return bytes;
}

std::string npy(const std::string& type, const std::string& shape, const std::string& values, bool fortran = false,
                char version = 1) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
  header.resize(118, ' ');
  header += '\n';
  const std::string length = bytes_of(std::vector<std::uint32_t>{static_cast<std::uint32_t>(header.size())}, false);
  return "\x93NUMPY" + std::string{version, '\0'} + length.substr(0, version == 1 ? 2 : 4) + header + values;
}

/// The values 1, 2, 3, 4, 5, 6 as 3 rows of 2, whatever they are stored as.
void expect_three_rows(const Table& table, const std::string& what) {
  ASSERT_EQ(table.columns.size(), 2U) << what;
  EXPECT_EQ(table.columns[0].numbers, (Numbers{1, 3, 5})) << what;
  EXPECT_EQ(table.columns[1].numbers, (Numbers{2, 4, 6})) << what;
}

template <class T>
void expect_npy_type(const std::string& kind) {
  for (const bool big : {false, true}) {
    const std::string type = (sizeof(T) == 1 ? "|" : big ? ">" : "<") + kind;
    expect_three_rows(read_npy(npy(type, "(3, 2)", bytes_of<T>({1, 2, 3, 4, 5, 6}, big)), "t"), type);
    expect_three_rows(read_npy(npy(type, "(3, 2)", bytes_of<T>({1, 3, 5, 2, 4, 6}, big), true, 2), "t"), type);
  }
}

TEST(NpyReader, ReadsEveryTypeInBothByteOrdersAndLayouts) {
  expect_npy_type<float>("f4");
  expect_npy_type<double>("f8");
  expect_npy_type<std::int8_t>("i1");
  expect_npy_type<std::int16_t>("i2");
  expect_npy_type<std::int32_t>("i4");
  expect_npy_type<std::int64_t>("i8");
  expect_npy_type<std::uint8_t>("u1");
  expect_npy_type<std::uint16_t>("u2");
  expect_npy_type<std::uint32_t>("u4");
  expect_npy_type<std::uint64_t>("u8");
}

TEST(NpyReader, ReadsTheLongHeadersOfVersion3) {
  expect_three_rows(read_npy(npy("<f4", "(3, 2)", bytes_of<float>({1, 2, 3, 4, 5, 6}, false), false, 3), "t"), "");
}

std::string idx(char type, const std::vector<std::uint32_t>& dimensions, const std::string& values) {
  return std::string{'\0', '\0', type, static_cast<char>(dimensions.size())} + bytes_of(dimensions, true) + values;
}

TEST(IdxReader, ReadsEveryType) {
  const TableFolder folder;
  const auto read = [&](char type, const std::string& values) {
    return read_table(folder.write("t.idx", idx(type, {3, 2}, values)));
  };
  expect_three_rows(read(8, bytes_of<std::uint8_t>({1, 2, 3, 4, 5, 6}, true)), "u1");
  expect_three_rows(read(9, bytes_of<std::int8_t>({1, 2, 3, 4, 5, 6}, true)), "i1");
  expect_three_rows(read(11, bytes_of<std::int16_t>({1, 2, 3, 4, 5, 6}, true)), "i2");
  expect_three_rows(read(12, bytes_of<std::int32_t>({1, 2, 3, 4, 5, 6}, true)), "i4");
  expect_three_rows(read(13, bytes_of<float>({1, 2, 3, 4, 5, 6}, true)), "f4");
  expect_three_rows(read(14, bytes_of<double>({1, 2, 3, 4, 5, 6}, true)), "f8");
}

std::string gzipped(const TableFolder& folder, const std::string& name, const std::string& bytes) {
  const std::filesystem::path path = folder.write(name, "");
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  return path;
}

const std::string kImages = idx(8, {3, 1, 2}, {1, 2, 3, 4, 5, 6});
const std::string kLabels = idx(8, {3}, {7, 9, 7});

TEST(IdxReader, FindsLabelsWhetherTheyOrTheImagesArePacked) {
  for (const bool images_packed : {false, true}) {
    for (const bool labels_packed : {false, true}) {
      const TableFolder folder;
      const std::string images = images_packed ? gzipped(folder, "a-images-idx3-ubyte.gz", kImages)
                                               : folder.write("a-images-idx3-ubyte", kImages).string();
      if (labels_packed) {
        gzipped(folder, "a-labels-idx1-ubyte.gz", kLabels);
      } else {
        (void)folder.write("a-labels-idx1-ubyte", kLabels);
      }
      const Table table = read_table(images);
      EXPECT_EQ(table.idx_labels, (std::vector<std::int32_t>{7, 9, 7})) << images_packed << labels_packed;
      expect_three_rows(table, "");
    }
  }
}

TEST(IdxReader, FindsLabelsOfDottedNamesAndOfColourImages) {
  const TableFolder folder;
  (void)folder.write("a-labels.idx1-ubyte", kLabels);
  EXPECT_EQ(read_table(folder.write("a-images.idx3-ubyte", kImages)).idx_labels.size(), 3U);
  (void)folder.write("b-labels-idx1-ubyte", kLabels);
  EXPECT_EQ(read_table(folder.write("b-images-idx4-ubyte", idx(8, {3, 1, 1, 2}, {1, 2, 3, 4, 5, 6}))).idx_labels.size(),
            3U);
}

std::string refusal_of(const std::filesystem::path& path) {
  try {
    (void)read_table(path);
  } catch (const InputError& error) {
    const std::string text = error.what();
    return text.substr(text.rfind('/') + 1);
  }
  return "no error";
}

TEST(IdxReader, RefusesLabelsThatAreNone) {
  const TableFolder folder;
  const std::filesystem::path images = folder.write("a-images-idx3-ubyte", kImages);
  (void)folder.write("a-labels-idx1-ubyte", "1,2,3,4,5,6\n");
  EXPECT_EQ(refusal_of(images), "a-labels-idx1-ubyte: is not an IDX file of labels");
  (void)folder.write("a-labels-idx1-ubyte", kImages);
  EXPECT_EQ(refusal_of(images), "a-labels-idx1-ubyte: is cut off, or is not a list of labels");
  (void)folder.write("a-labels-idx1-ubyte", kLabels.substr(0, kLabels.size() - 1));
  EXPECT_EQ(refusal_of(images), "a-labels-idx1-ubyte: is cut off, or is not a list of labels");
  EXPECT_EQ(refusal_of(folder.write(
                "t.idx", idx(13, {1, 2}, bytes_of<float>({1, std::numeric_limits<float>::infinity()}, true)))),
            "t.idx: row 0, column 1: is not a finite number");
  EXPECT_EQ(refusal_of(folder.write("t.idx", idx(8, {3}, {}).substr(0, 6))), "t.idx: is cut off in its IDX header");
}

TEST(ReadTable, NamesTheFormatsOfOtherTools) {
  const TableFolder folder;
  EXPECT_EQ(
      refusal_of(folder.write("t.xlsx", "PK\x03\x04 and so on")),
      "t.xlsx: is a ZIP archive, as .xlsx, .ods and .npz are; save the table as CSV or NPY, packed with gzip or not");
  EXPECT_EQ(refusal_of(folder.write("t.parquet", "PAR1 and so on")),
            "t.parquet: is a Parquet file; save the table as CSV or NPY, packed with gzip or not");
  EXPECT_EQ(refusal_of(folder.write("t.npy", "\x93NUMPY\x01\x00 and so on, without any of a header's words")),
            "t.npy: is cut off in its NPY header");
  EXPECT_EQ(refusal_of(folder.write("t.npy", std::string("\x93NUMPY\x01\x00\x04\x00", 10) + "{}  ")),
            "t.npy: has no NPY header as numpy writes it");
  EXPECT_EQ(refusal_of(folder.write("t.npy", npy("<f4", "()", "1234"))), "t.npy: has 0 dimensions; a table has 2");
  EXPECT_EQ(refusal_of(folder.write("t.npy", npy("|O", "(1, 1)", "12345678"))),
            "t.npy: has values of type |O; floats of 4 or 8 bytes, whole numbers and truth values can be read");
  EXPECT_EQ(refusal_of(folder.write("t.csv.gz", "\x1F\x8B\x08 and no more that zlib would know")),
            "t.csv.gz: cannot be unpacked: unknown header flags set");
}

TEST(ReadTable, SaysThatAFileMayNotBeRead) {
  const TableFolder folder;
  const std::filesystem::path path = folder.write("t.csv", "a,b\n1,2\n");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  if (::geteuid() == 0) GTEST_SKIP() << "root reads every file";
  EXPECT_EQ(refusal_of(path), "t.csv: cannot be read: Permission denied");
}

TEST(ReadTable, ReadsAPipe) {
  const TableFolder folder;
  const std::filesystem::path path = folder.write("unused", "").parent_path() / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const std::string text = "a,b\n1,2\n3,4\n";
  const pid_t writer = ::fork();
  if (writer == 0) {
    std::ofstream(path) << text;
    ::_exit(0);
  }
  const Table table = read_table(path);
  EXPECT_EQ(table.columns[1].numbers, (Numbers{2, 4}));
  EXPECT_EQ(::waitpid(writer, nullptr, 0), writer);
}

}  // namespace
}  // namespace shoal::data
