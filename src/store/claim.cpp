#include "store/claim.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "shoal/error.hpp"

namespace shoal::store {
namespace {

// is_claimed() holds a lock for a moment, which must not keep a run from beginning.
constexpr int kTries = 10;
constexpr std::chrono::milliseconds kPause{10};

}  // namespace

Claim::Claim(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / kLockFile;
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw Error("cannot write " + file.string() + ": " + std::system_category().message(errno));
  int error = 0;
  for (int i = 0; i < kTries; ++i) {
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    error = errno;
    if (error != EWOULDBLOCK) break;
    std::this_thread::sleep_for(kPause);
  }
  ::close(descriptor_);
  if (error == EWOULDBLOCK) throw Error(directory.string() + " is being written by another run");
  throw Error("cannot lock " + file.string() + ": " + std::system_category().message(error));
}

Claim::~Claim() { ::close(descriptor_); }

bool is_claimed(const std::filesystem::path& directory) {
  const int descriptor = ::open((directory / kLockFile).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  // Another error says nothing of a run, as where a file system has no locks.
  const bool is_held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return is_held;
}

}  // namespace shoal::store
