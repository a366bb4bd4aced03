#pragma once

// Products of a 16 x K by a K x 8 matrix by a warp's tensor cores, summed in fp32 (PTX ISA, mma.sync m16n8k8 tf32 and
// m16n8k16 bf16; compute capability 8.0). Each lane holds a part of every matrix, its fragment; which one, the
// functions here alone know. And what fills fragments from rows in shared memory four registers at a time (ldmatrix).

#include "kernels/cuda/device.hpp"

#if defined(SHOAL_EMULATION)
#include <array>
#include <bit>
#include <cmath>
#include <string>
#endif

namespace shoal::cuda {

/// fp32 of which 10 bits of mantissa count.
struct Tf32 {
  static constexpr std::uint32_t kDepth = 8;    ///< K
  static constexpr std::uint32_t kPerWord = 1;  ///< numbers in a register
  SHOAL_DEVICE static std::uint32_t word(const float* numbers);
};
struct Bf16 {
  static constexpr std::uint32_t kDepth = 16;
  static constexpr std::uint32_t kPerWord = 2;
  SHOAL_DEVICE static std::uint32_t word(const float* numbers);
};

template <class Format>
struct LeftFragment {
  std::uint32_t words[4];
};
template <class Format>
struct RightFragment {
  std::uint32_t words[2];
};
struct SumFragment {
  float values[4];
};

struct Element {
  std::uint32_t row, column;
};
/// Where number i of a lane's fragment stands in the left, 16 x K matrix.
template <class Format>
SHOAL_DEVICE Element left_element(std::uint32_t of_lane, std::uint32_t i) {
  const std::uint32_t word = i / Format::kPerWord;
  return {of_lane / 4 + word % 2 * 8, (of_lane % 4 + word / 2 * 4) * Format::kPerWord + i % Format::kPerWord};
}
/// In the right, K x 8 matrix.
template <class Format>
SHOAL_DEVICE Element right_element(std::uint32_t of_lane, std::uint32_t i) {
  return {(of_lane % 4 + i / Format::kPerWord * 4) * Format::kPerWord + i % Format::kPerWord, of_lane / 4};
}
/// In the 16 x 8 sum.
SHOAL_DEVICE Element sum_element(std::uint32_t of_lane, std::uint32_t i) {
  return {of_lane / 4 + i / 2 * 8, of_lane % 4 * 2 + i % 2};
}

/// The lane's part of the matrix whose elements are at(row, column), rounded to Format.
template <class Format, class At>
SHOAL_DEVICE LeftFragment<Format> left_fragment(At at) {
  LeftFragment<Format> fragment;
  SHOAL_UNROLL
  for (std::uint32_t w = 0; w < 4; ++w) {
    float numbers[Format::kPerWord];
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < Format::kPerWord; ++i) {
      const Element e = left_element<Format>(lane(), w * Format::kPerWord + i);
      numbers[i] = at(e.row, e.column);
    }
    fragment.words[w] = Format::word(numbers);
  }
  return fragment;
}
template <class Format, class At>
SHOAL_DEVICE RightFragment<Format> right_fragment(At at) {
  RightFragment<Format> fragment;
  SHOAL_UNROLL
  for (std::uint32_t w = 0; w < 2; ++w) {
    float numbers[Format::kPerWord];
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < Format::kPerWord; ++i) {
      const Element e = right_element<Format>(lane(), w * Format::kPerWord + i);
      numbers[i] = at(e.row, e.column);
    }
    fragment.words[w] = Format::word(numbers);
  }
  return fragment;
}

/// What a lane has of four 8 x 8 matrices of 16-bit numbers: word j is of matrix j.
struct MatrixWords {
  std::uint32_t words[4];
};
inline constexpr std::uint32_t kRowWords = 4;  ///< of a row of such a matrix, or of an 8 x 4 matrix of 32-bit numbers

#if defined(SHOAL_EMULATION)

/// cvt.rna: ties away from zero.
inline std::uint32_t Tf32::word(const float* numbers) {
  constexpr std::uint32_t kHalf = 0x1000;
  constexpr std::uint32_t kDropped = 0x1FFF;
  const auto bits = std::bit_cast<std::uint32_t>(*numbers);
  if (std::isnan(*numbers)) return 0x7FFFE000;
  return (std::isinf(*numbers) ? bits : bits + kHalf) & ~kDropped;
}
/// cvt.rn: ties to even. The first number is the lower half.
inline std::uint32_t Bf16::word(const float* numbers) {
  const auto half = [](float number) -> std::uint32_t {
    const auto bits = std::bit_cast<std::uint32_t>(number);
    return std::isnan(number) ? 0x7FFF : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  };
  return half(numbers[0]) | half(numbers[1]) << 16;
}

template <class Format>
double number(std::uint32_t word, std::uint32_t i) {
  return static_cast<double>(std::bit_cast<float>(Format::kPerWord == 1 ? word : word >> i * 16 << 16));
}

/// What a tensor core does with the bits that tf32 has not is nobody's promise.
inline void check_rounded(std::uint32_t word) {
  const emulation::Block& block = emulation::Block::current();
  if ((word & 0x1FFF) == 0) return;
  throw emulation::KernelFault("a fragment holds a number that is not rounded to tf32", block.number(), block.thread());
}

template <class Format>
struct Product {
  SumFragment* sum;
  const LeftFragment<Format>* left;
  const RightFragment<Format>* right;
};
/// The sums of exact products, in double.
template <class Format>
void multiply_fragments(const std::array<void*, kWarpLanes>& lanes) {
  double left[16][Format::kDepth];
  double right[Format::kDepth][8];
  for (std::uint32_t l = 0; l < kWarpLanes; ++l) {
    const auto& product = *static_cast<const Product<Format>*>(lanes[l]);
    for (std::uint32_t i = 0; i < 4 * Format::kPerWord; ++i) {
      const Element e = left_element<Format>(l, i);
      left[e.row][e.column] = number<Format>(product.left->words[i / Format::kPerWord], i % Format::kPerWord);
    }
    for (std::uint32_t i = 0; i < 2 * Format::kPerWord; ++i) {
      const Element e = right_element<Format>(l, i);
      right[e.row][e.column] = number<Format>(product.right->words[i / Format::kPerWord], i % Format::kPerWord);
    }
  }
  for (std::uint32_t l = 0; l < kWarpLanes; ++l) {
    for (std::uint32_t i = 0; i < 4; ++i) {
      const Element e = sum_element(l, i);
      float& value = static_cast<const Product<Format>*>(lanes[l])->sum->values[i];
      auto sum = static_cast<double>(value);
      for (std::uint32_t k = 0; k < Format::kDepth; ++k) sum += left[e.row][k] * right[k][e.column];
      value = static_cast<float>(sum);
    }
  }
}

template <class Format>
void multiply_add(SumFragment& sum, const LeftFragment<Format>& left, const RightFragment<Format>& right,
                  CallSite site = CallSite::current()) {
  if constexpr (std::same_as<Format, Tf32>) {
    for (const std::uint32_t word : left.words) check_rounded(word);
    for (const std::uint32_t word : right.words) check_rounded(word);
  }
  Product<Format> product{&sum, &left, &right};
  emulation::Block::current().meet(
      {emulation::WarpOperation::collective, kFullWarp, 0, 0, site, multiply_fragments<Format>, &product});
}

/// What a lane brings, and what it gets for it.
struct MatrixRow {
  std::uint32_t words[kRowWords];
  MatrixWords loaded;
};
template <bool kTransposed>
void hand_out_matrices(const std::array<void*, kWarpLanes>& lanes) {
  const auto row = [&](std::uint32_t of) { return static_cast<MatrixRow*>(lanes[of]); };
  const auto half = [&](std::uint32_t matrix, std::uint32_t r, std::uint32_t column) {
    return row(matrix * 8 + r)->words[column / 2] >> column % 2 * 16 & 0xFFFF;
  };
  for (std::uint32_t l = 0; l < kWarpLanes; ++l) {
    for (std::uint32_t j = 0; j < 4; ++j) {
      const std::uint32_t a = l / 4;
      const std::uint32_t b = l % 4 * 2;
      row(l)->loaded.words[j] = kTransposed ? half(j, b, a) | half(j, b + 1, a) << 16 : row(j * 8 + a)->words[b / 2];
    }
  }
}
template <bool kTransposed>
MatrixWords load_matrices(const std::uint32_t* row, CallSite site = CallSite::current()) {
  emulation::Block& block = emulation::Block::current();
  const std::size_t bytes = kRowWords * sizeof(std::uint32_t);
  const char* const wrong = reinterpret_cast<std::uintptr_t>(row) % bytes != 0 ? "is not aligned to its 16 bytes"
                            : !block.is_shared(row, bytes)                     ? "lies outside of shared memory"
                                                                               : nullptr;
  if (wrong != nullptr) {
    throw emulation::KernelFault(std::string("a row of a matrix ") + wrong, block.number(), block.thread());
  }
  MatrixRow brought{{row[0], row[1], row[2], row[3]}, {}};
  block.meet({emulation::WarpOperation::collective, kFullWarp, 0, 0, site, hand_out_matrices<kTransposed>, &brought});
  return brought.loaded;
}

#elif defined(__CUDACC__)

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800

// A GPU without such tensor cores is never asked (cuda_engine.cpp), but the program is compiled for it.
SHOAL_DEVICE std::uint32_t Tf32::word(const float*) { return 0; }
SHOAL_DEVICE std::uint32_t Bf16::word(const float*) { return 0; }
template <class Format>
SHOAL_DEVICE void multiply_add(SumFragment&, const LeftFragment<Format>&, const RightFragment<Format>&) {
  __trap();
}

#else

SHOAL_DEVICE std::uint32_t Tf32::word(const float* numbers) {
  std::uint32_t word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(*numbers));
  return word;
}
SHOAL_DEVICE std::uint32_t Bf16::word(const float* numbers) {
  std::uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(numbers[1]), "f"(numbers[0]));
  return word;
}

/// sum += left right. All 32 lanes come here. How the products are rounded while they are summed is the hardware's own.
SHOAL_DEVICE void multiply_add(SumFragment& sum, const LeftFragment<Tf32>& left, const RightFragment<Tf32>& right) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(sum.values[0]), "+f"(sum.values[1]), "+f"(sum.values[2]), "+f"(sum.values[3])
      : "r"(left.words[0]), "r"(left.words[1]), "r"(left.words[2]), "r"(left.words[3]), "r"(right.words[0]),
        "r"(right.words[1]));
}
SHOAL_DEVICE void multiply_add(SumFragment& sum, const LeftFragment<Bf16>& left, const RightFragment<Bf16>& right) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(sum.values[0]), "+f"(sum.values[1]), "+f"(sum.values[2]), "+f"(sum.values[3])
      : "r"(left.words[0]), "r"(left.words[1]), "r"(left.words[2]), "r"(left.words[3]), "r"(right.words[0]),
        "r"(right.words[1]));
}

#endif

/// Loads four matrices; the lane gives row lane % 8 of matrix lane / 8, 16 aligned bytes of shared memory. Its word of
/// a matrix is word lane % 4 of row lane / 4: a fragment's, where rows are 32-bit numbers or pairs of 16-bit ones. If
/// kTransposed: rows lane % 4 * 2 and the next, both of column lane / 4. All 32 lanes come here.
template <bool kTransposed>
SHOAL_DEVICE MatrixWords load_matrices(const std::uint32_t* row) {
  const auto at = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  MatrixWords m;
  if constexpr (kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m.words[0]), "=r"(m.words[1]), "=r"(m.words[2]), "=r"(m.words[3])
                 : "r"(at)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m.words[0]), "=r"(m.words[1]), "=r"(m.words[2]), "=r"(m.words[3])
                 : "r"(at)
                 : "memory");
  }
  return m;
}

#endif

}  // namespace shoal::cuda
