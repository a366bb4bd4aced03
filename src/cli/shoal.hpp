#pragma once

namespace shoal::cli {

/// The whole program. Exit code: 0 done, 1 failed, 2 wrong use, 3 stopped by the user with the run resumable.
/// Errors are lines `shoal: ...` on stderr; no exception leaves it.
int run(int argc, char** argv);

}  // namespace shoal::cli
