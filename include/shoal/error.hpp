#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace shoal {

/// Anything that stops a call; what() is one complete sentence for a person.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One fault in what the user wrote.
struct Diagnostic {
  std::string file;     ///< as the user named it; empty when the fault is not in a file
  int line = 0;         ///< 1-based; 0 when no line applies
  std::string path;     ///< `parameters.alpha.values[2]` or `column 'age'`; may be empty
  std::string message;  ///< `must be at least 0, is -1`

  /// `file:line: path: message`, leaving out what is empty.
  [[nodiscard]] std::string text() const;
};

/// Wrong input: every fault that one reading found, in the order of the file. what() is all of them, a line each.
class InputError : public Error {
 public:
  explicit InputError(std::vector<Diagnostic> diagnostics);
  explicit InputError(Diagnostic diagnostic);

  [[nodiscard]] const std::vector<Diagnostic>& diagnostics() const noexcept { return diagnostics_; }

 private:
  std::vector<Diagnostic> diagnostics_;
};

/// The machine or the build cannot do what was asked: an engine or a precision that is not there.
class UnavailableError : public Error {
 public:
  using Error::Error;
};

/// What was told to stop had nothing to keep yet.
class StoppedError : public Error {
 public:
  using Error::Error;
};

/// The memory that networks were to take is not there. The engine can be prepared anew with fewer of them.
class OutOfMemoryError : public Error {
 public:
  using Error::Error;
};

}  // namespace shoal
