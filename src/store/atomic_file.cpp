#include "store/atomic_file.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "shoal/error.hpp"

namespace shoal::store {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18U;
constexpr std::string_view kLeftoverMark = ".part-";

std::string reason() { return std::system_category().message(errno); }

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)) {
  struct stat there {};
  const bool is_there = ::stat(target_.c_str(), &there) == 0;
  if (is_there && !S_ISREG(there.st_mode)) {
    descriptor_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail();
    return;
  }
  std::error_code ignored;
  if (is_there && std::filesystem::is_symlink(target_, ignored)) target_ = std::filesystem::canonical(target_);
  temporary_ = target_.parent_path() /
               ("." + target_.filename().string() + std::string(kLeftoverMark) + std::to_string(getpid()));
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail();
  if (is_there) static_cast<void>(::fchmod(descriptor_, there.st_mode & 07777U));  // another's file: its own rights
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail() const { throw Error("cannot write " + target_.string() + ": " + reason()); }

void AtomicFile::write(std::string_view bytes) {
  buffer_.append(bytes);
  if (buffer_.size() >= kBufferBytes) drain();
}

void AtomicFile::drain() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t n = ::write(descriptor_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail();
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  buffer_.clear();
}

void AtomicFile::commit() {
  drain();
  if (temporary_.empty()) {
    if (::close(std::exchange(descriptor_, -1)) != 0) fail();
    return;
  }
  if (::fsync(descriptor_) != 0) fail();
  // A full network disk may say so only now; the file is then not renamed.
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0 || ::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    errno = error;
    fail();
  }
  sync_directory(target_.parent_path());
}

void write_atomically(const std::filesystem::path& target, std::string_view bytes) {
  AtomicFile file(target);
  file.write(bytes);
  file.commit();
}

std::string read_whole(const std::filesystem::path& file) {
  const auto fail = [&] { throw Error("cannot read " + file.string() + ": " + reason()); };
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail();
  std::string bytes;
  std::array<char, 65536> block{};
  ssize_t n = 0;
  while ((n = ::read(descriptor, block.data(), block.size())) != 0) {
    if (n > 0) {
      bytes.append(block.data(), static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      const int error = errno;
      ::close(descriptor);
      errno = error;
      fail();
    }
  }
  ::close(descriptor);
  return bytes;
}

void sync_directory(const std::filesystem::path& directory) {
  const std::filesystem::path name = directory.empty() ? "." : directory;
  const int descriptor = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw Error("cannot open " + name.string() + ": " + reason());
  const int result = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  // Some file systems cannot sync a directory and say EINVAL; the rename itself is still atomic.
  if (result != 0 && error != EINVAL) {
    throw Error("cannot write " + name.string() + ": " + std::system_category().message(error));
  }
}

bool is_leftover(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with('.') && name.find(kLeftoverMark) != std::string::npos;
}

}  // namespace shoal::store
