// Loaded before the C library: counts what a process writes below the folder IO_FAULT_FOLDER, and lets one step go
// wrong. Steps are calls that change files: open for writing, write, sync, rename, remove, cut.
//   IO_FAULT_STEP   the step, from 1; without it none goes wrong
//   IO_FAULT_KIND   kill: the process is killed before it; torn: in the middle, with half of the bytes written;
//                   fail: the call fails as on a full disk, or a broken one where it syncs; from_then: and all later
//                   ones
//   IO_FAULT_LOG    a line a step: its number, the call, the file, and the first line of what is written to `epochs`
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <unistd.h>

namespace {

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string file_of(int descriptor) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t n = readlink(link.c_str(), path.data(), path.size());
  return n > 0 ? std::string(path.data(), static_cast<std::size_t>(n)) : "";
}

enum class Verdict { go_on, torn, fail };

void log(long step, const char* call, const std::string& file, std::string_view content) {
  const std::string path(variable("IO_FAULT_LOG"));
  if (path.empty()) return;
  static const auto real_open = next<int(const char*, int, ...)>("open");
  static const auto real_write = next<ssize_t(int, const void*, std::size_t)>("write");
  static const int descriptor = real_open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const std::string line = std::to_string(step) + ' ' + call + ' ' + file + ' ' + std::string(content) + '\n';
  static_cast<void>(!real_write(descriptor, line.data(), line.size()));
}

/// Counts a step on a file and says what is to become of it.
Verdict step(const char* call, const std::string& file, std::string_view content = {}) {
  static std::atomic<long> n_steps = 0;
  static const std::string folder(variable("IO_FAULT_FOLDER"));
  static const long wanted = std::atol(std::string(variable("IO_FAULT_STEP")).c_str());
  static const std::string_view kind = variable("IO_FAULT_KIND");
  if (folder.empty() || !file.starts_with(folder)) return Verdict::go_on;
  const long number = ++n_steps;
  const bool is_count = file.ends_with("/epochs");
  log(number, call, file, is_count ? content.substr(0, content.find('\n')) : "");
  if (wanted == 0 || number < wanted || (number > wanted && kind != "from_then")) return Verdict::go_on;
  if (kind == "kill") std::raise(SIGKILL);
  return kind == "torn" ? Verdict::torn : Verdict::fail;
}

int failed(int error) {
  errno = error;
  return -1;
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  static const auto real = next<ssize_t(int, const void*, std::size_t)>("write");
  const Verdict verdict = step("write", file_of(descriptor), {static_cast<const char*>(bytes), count});
  if (verdict == Verdict::fail) return failed(ENOSPC);
  if (verdict == Verdict::torn) {
    static_cast<void>(!real(descriptor, bytes, count / 2));
    std::raise(SIGKILL);
  }
  return real(descriptor, bytes, count);
}

ssize_t pwrite64(int descriptor, const void* bytes, std::size_t count, off64_t offset) {
  static const auto real = next<ssize_t(int, const void*, std::size_t, off64_t)>("pwrite64");
  const Verdict verdict = step("pwrite", file_of(descriptor), {static_cast<const char*>(bytes), count});
  if (verdict == Verdict::fail) return failed(ENOSPC);
  if (verdict == Verdict::torn) {
    static_cast<void>(!real(descriptor, bytes, count / 2, offset));
    std::raise(SIGKILL);
  }
  return real(descriptor, bytes, count, offset);
}
ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) {
  return pwrite64(descriptor, bytes, count, offset);
}

int fsync(int descriptor) {
  static const auto real = next<int(int)>("fsync");
  return step("fsync", file_of(descriptor)) == Verdict::go_on ? real(descriptor) : failed(EIO);
}
int fdatasync(int descriptor) {
  static const auto real = next<int(int)>("fdatasync");
  return step("fdatasync", file_of(descriptor)) == Verdict::go_on ? real(descriptor) : failed(EIO);
}

int ftruncate64(int descriptor, off64_t length) {
  static const auto real = next<int(int, off64_t)>("ftruncate64");
  return step("ftruncate", file_of(descriptor)) == Verdict::go_on ? real(descriptor, length) : failed(ENOSPC);
}
int ftruncate(int descriptor, off_t length) { return ftruncate64(descriptor, length); }

int rename(const char* from, const char* to) {
  static const auto real = next<int(const char*, const char*)>("rename");
  return step("rename", to) == Verdict::go_on ? real(from, to) : failed(ENOSPC);
}

int unlink(const char* path) {
  static const auto real = next<int(const char*)>("unlink");
  return step("unlink", path) == Verdict::go_on ? real(path) : failed(EIO);
}
int remove(const char* path) {
  static const auto real = next<int(const char*)>("remove");
  return step("remove", path) == Verdict::go_on ? real(path) : failed(EIO);
}

int open64(const char* path, int flags, ...) {
  static const auto real = next<int(const char*, int, ...)>("open64");
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    std::va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    if (step("open", path) != Verdict::go_on) return failed(ENOSPC);
  }
  return real(path, flags, mode);
}
int open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open64(path, flags, mode);
}

}  // extern "C"
