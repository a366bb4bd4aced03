#include "store/claim.hpp"

#include <cerrno>
#include <dlfcn.h>
#include <optional>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.hpp"

namespace {

/// What every lock fails with while it is not 0, as on a file system without locks.
int lock_failure = 0;

}  // namespace

/// Stands before the C library's.
extern "C" int flock(int descriptor, int operation) noexcept {
  if (lock_failure != 0) {
    errno = lock_failure;
    return -1;
  }
  static const auto real = reinterpret_cast<int (*)(int, int)>(::dlsym(RTLD_NEXT, "flock"));
  return real(descriptor, operation);
}

namespace shoal::store {
namespace {

struct ClaimTest : StoreTest {
  ~ClaimTest() override { lock_failure = 0; }
};

TEST_F(ClaimTest, IsNobodysWhereNoLockIsHeld) {
  EXPECT_FALSE(is_claimed(folder / "nothing"));
  EXPECT_FALSE(is_claimed(folder)) << "there is no lock file";
  { const Claim claim(folder); }
  EXPECT_TRUE(std::filesystem::exists(folder / kLockFile));
  EXPECT_FALSE(is_claimed(folder)) << "the file stays, its lock has gone";
}

TEST_F(ClaimTest, IsSomebodysAsLongAsItLives) {
  std::optional<Claim> claim(folder);
  EXPECT_TRUE(is_claimed(folder));
  EXPECT_TRUE(is_claimed(folder)) << "to look takes nothing away";
  EXPECT_EQ(message_of([&] { const Claim second(folder); }), folder.string() + " is being written by another run");
  claim.reset();
  EXPECT_FALSE(is_claimed(folder));
  EXPECT_EQ(message_of([&] { const Claim second(folder); }), "");
}

TEST_F(ClaimTest, GoesWithItsProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    const Claim claim(folder);
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(is_claimed(folder));
}

TEST_F(ClaimTest, IsRefusedButNotSeenWhereAFileSystemHasNoLocks) {
  lock_failure = ENOLCK;
  EXPECT_EQ(message_of([&] { const Claim claim(folder); }),
            "cannot lock " + (folder / ".lock").string() + ": No locks available");
  EXPECT_TRUE(std::filesystem::exists(folder / ".lock"));
  EXPECT_FALSE(is_claimed(folder));
  lock_failure = 0;
  EXPECT_EQ(message_of([&] { const Claim claim(folder); }), "");
}

}  // namespace
}  // namespace shoal::store
