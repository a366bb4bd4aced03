#include "store/atomic_file.hpp"

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
