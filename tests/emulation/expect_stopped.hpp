#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <string>

namespace shoal::emulation {

/// An access outside of memory: AddressSanitizer ends the program, and without it a write is the fault `text`, which
/// `fault_of` gives back.
inline void expect_stopped_write(const std::function<std::string()>& fault_of,
                                 [[maybe_unused]] const std::string& text) {
#if defined(__SANITIZE_ADDRESS__)
  EXPECT_DEATH(fault_of(), "use-after-poison.*WRITE of size 4");
#else
  EXPECT_EQ(fault_of(), text);
#endif
}

inline void expect_stopped_read([[maybe_unused]] const std::function<std::string()>& fault_of) {
#if defined(__SANITIZE_ADDRESS__)
  EXPECT_DEATH(fault_of(), "use-after-poison.*READ of size 4");
#else
  GTEST_SKIP() << "reads outside of memory are AddressSanitizer's to find";
#endif
}

}  // namespace shoal::emulation
