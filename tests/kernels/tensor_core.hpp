#pragma once

#include <vector>

/// sum + left right by a warp's tensor cores: left 16 x K, right K x 8 and sum 16 x 8, row after row; K is 8 for tf32
/// and 16 for bf16.
std::vector<float> tf32_product(const std::vector<float>& left, const std::vector<float>& right,
                                const std::vector<float>& sum);
std::vector<float> bf16_product(const std::vector<float>& left, const std::vector<float>& right,
                                const std::vector<float>& sum);
