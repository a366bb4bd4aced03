#include "store/atomic_file.hpp"

#include <filesystem>
#include <sys/stat.h>
#include <thread>

#include "shoal/error.hpp"
#include "store_fixture.hpp"

namespace shoal::store {
namespace {

using AtomicFileTest = StoreTest;
using Names = std::vector<std::string>;

TEST_F(AtomicFileTest, AppearsUnderItsNameOnlyOnCommit) {
  AtomicFile file(folder / "a.txt");
  file.write("one ");
  file.write("two");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.txt"));
  file.commit();
  EXPECT_EQ(content(folder / "a.txt"), "one two");
  EXPECT_EQ(names_in(folder), Names{"a.txt"});
}

TEST_F(AtomicFileTest, KeepsTheOldContentWithoutCommit) {
  write_atomically(folder / "a.txt", "old");
  {
    AtomicFile file(folder / "a.txt");
    file.write("new");
  }
  EXPECT_EQ(content(folder / "a.txt"), "old");
  EXPECT_EQ(names_in(folder), Names{"a.txt"});
}

TEST_F(AtomicFileTest, KeepsTheOldContentWhenTheDiskIsFull) {
  write_atomically(folder / "a.txt", "old");
  std::string message;
  {
    const FullDisk full(1000);
    message = message_of([&] { write_atomically(folder / "a.txt", std::string(5000, 'x')); });
  }
  EXPECT_EQ(message, "cannot write " + (folder / "a.txt").string() + ": File too large");
  EXPECT_EQ(content(folder / "a.txt"), "old");
  EXPECT_EQ(names_in(folder), Names{"a.txt"});
}

TEST_F(AtomicFileTest, KeepsTheLinkAndThePermissions) {
  namespace fs = std::filesystem;
  write_atomically(folder / "a.txt", "old");
  fs::permissions(folder / "a.txt", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("a.txt", folder / "link");
  write_atomically(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(content(folder / "a.txt"), "new");
  EXPECT_EQ(fs::status(folder / "a.txt").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AtomicFileTest, WritesToADeviceAndAPipeInsteadOfReplacingThem) {
  EXPECT_EQ(message_of([] { write_atomically("/dev/full", "x"); }), "cannot write /dev/full: No space left on device");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
  write_atomically("/dev/null", "x");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  const std::filesystem::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string read;
  std::thread reader([&] { read = read_whole(pipe); });
  write_atomically(pipe, "through the pipe");
  reader.join();
  EXPECT_EQ(read, "through the pipe");
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST_F(AtomicFileTest, WritesMoreThanItsBuffer) {
  AtomicFile file(folder / "a.txt");
  for (int i = 0; i < 1000; ++i) file.write(std::string(1000, static_cast<char>('a' + i % 26)));
  file.commit();
  const std::string text = content(folder / "a.txt");
  EXPECT_EQ(text.size(), 1000000U);
  EXPECT_EQ(text[27 * 1000], 'b');
}

TEST_F(AtomicFileTest, NamesTheFileInAFolderThatIsNotThere) {
  EXPECT_EQ(message_of([&] { write_atomically(folder / "no" / "a", "x"); }),
            "cannot write " + (folder / "no" / "a").string() + ": No such file or directory");
  EXPECT_EQ(message_of([&] { (void)read_whole(folder / "no"); }),
            "cannot read " + (folder / "no").string() + ": No such file or directory");
  EXPECT_EQ(message_of([&] { (void)read_whole(folder); }), "cannot read " + folder.string() + ": Is a directory");
  EXPECT_THROW(sync_directory(folder / "no"), Error);
}

TEST_F(AtomicFileTest, RemovesItsPartWhenTheNameIsTakenByAFolder) {
  std::filesystem::create_directories(folder / "a" / "b");
  EXPECT_THROW(write_atomically(folder / "a", "x"), Error);
  EXPECT_EQ(names_in(folder), Names{"a"});
}

}  // namespace
}  // namespace shoal::store
