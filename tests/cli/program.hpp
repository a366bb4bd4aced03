#pragma once

#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace shoal::cli {

/// What a finished program left.
struct Outcome {
  int code = -1;  ///< exit code; 128 + N for one that signal N ended
  std::string out;
  std::string err;
};

/// A program that runs in its own process, its stdout and stderr in files.
class Program {
 public:
  Program(const std::string& binary, const std::vector<std::string>& arguments) {
    for (std::string* file : {&out_, &err_}) {
      *file = "/tmp/shoal_cli_XXXXXX";
      ::close(::mkstemp(file->data()));
    }
    child_ = ::fork();
    if (child_ != 0) return;
    std::vector<char*> words{const_cast<char*>(binary.c_str())};
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    ::dup2(::open(out_.c_str(), O_WRONLY), STDOUT_FILENO);
    ::dup2(::open(err_.c_str(), O_WRONLY), STDERR_FILENO);
    ::execv(binary.c_str(), words.data());
    ::_exit(127);
  }
  ~Program() {
    ::unlink(out_.c_str());
    ::unlink(err_.c_str());
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void signal(int number) const { ::kill(child_, number); }
  [[nodiscard]] std::string out() const { return content(out_); }
  /// Waits up to 10 s for `text` on stdout.
  [[nodiscard]] bool says(const std::string& text) const {
    for (int i = 0; i < 1000; ++i) {
      if (out().find(text) != std::string::npos) return true;
      ::usleep(10000);
    }
    return false;
  }
  Outcome wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    return {
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), .out = out(), .err = content(err_)};
  }

 private:
  static std::string content(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  std::string out_, err_;
  pid_t child_ = -1;
};

}  // namespace shoal::cli
