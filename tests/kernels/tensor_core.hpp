#pragma once

#include <cstdint>
#include <vector>

/// sum + left right by a warp's tensor cores: left 16 x K, right K x 8 and sum 16 x 8, row after row; K is 8 for tf32
/// and 16 for bf16.
std::vector<float> tf32_product(const std::vector<float>& left, const std::vector<float>& right,
                                const std::vector<float>& sum);
std::vector<float> bf16_product(const std::vector<float>& left, const std::vector<float>& right,
                                const std::vector<float>& sum);

/// What 32 lanes get of four 8 x 8 matrices of 16-bit numbers, two in a word, row after row: [lane][matrix].
std::vector<std::uint32_t> loaded_matrices(const std::vector<std::uint32_t>& matrices, bool transposed);
