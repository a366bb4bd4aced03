#include "engine/cuda/kernel_text.hpp"

namespace shoal::cuda {
namespace {

constexpr HeaderText kHeaders[] = {
    {"cmath", ""},
    {"cstring", ""},
    {"cstddef", "namespace std { using size_t = unsigned long; }\n"},
    {"cstdint", R"(#define UINT32_MAX 0xFFFFFFFFU
namespace std {
using int8_t = signed char;
using uint8_t = unsigned char;
using uint16_t = unsigned short;
using int32_t = int;
using uint32_t = unsigned;
using int64_t = long;
using uint64_t = unsigned long;
}
)"},
    {"concepts", R"(#pragma once
namespace std {
template <class A, class B> inline constexpr bool is_same_v = false;
template <class A> inline constexpr bool is_same_v<A, A> = true;
template <class A, class B> concept same_as = is_same_v<A, B>;
}
)"},
    {"type_traits", R"(#pragma once
namespace std {
template <class T> inline constexpr bool is_trivially_default_constructible_v = __is_trivially_constructible(T);
}
)"},
#include "engine/cuda/kernel_text.inc"
};

}  // namespace

std::span<const HeaderText> kernel_text() { return kHeaders; }

}  // namespace shoal::cuda
