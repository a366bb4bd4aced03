#include "data/scaling.hpp"

namespace shoal {

void scale_inputs(const InputScaling& scaling, std::span<const float> raw, std::span<float> scaled) {
  const std::size_t n = scaling.offset.size();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const std::size_t j = i % n;
    scaled[i] = raw[i] != raw[i] ? scaling.fill[j] : (raw[i] - scaling.offset[j]) * scaling.factor[j];
  }
}

}  // namespace shoal
