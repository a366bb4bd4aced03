#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace shoal::store {

/// A file that appears under its name whole or not at all: written beside it, synced, then renamed over it, with the
/// permissions of what was there. Behind a symbolic link the file that it names. A device or a pipe is written to.
/// Error with the file's name and the system's reason where anything fails.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();  ///< without commit() the target keeps its old content
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  /// Returns once file and directory are on the disk.
  void commit();

 private:
  [[noreturn]] void fail() const;
  void drain();

  std::filesystem::path target_;
  std::filesystem::path temporary_;  ///< empty: it is the target itself that is written
  std::string buffer_;
  int descriptor_ = -1;
};

/// AtomicFile in one call.
void write_atomically(const std::filesystem::path& target, std::string_view bytes);
/// The whole file; Error if it cannot be read.
[[nodiscard]] std::string read_whole(const std::filesystem::path& file);
/// Makes renames and removals in a directory permanent.
void sync_directory(const std::filesystem::path& directory);
/// Whether a file of this name is what a dead process left of an AtomicFile.
[[nodiscard]] bool is_leftover(const std::filesystem::path& file);

}  // namespace shoal::store
