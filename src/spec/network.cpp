#include "shoal/network.hpp"

namespace shoal {

std::size_t Topology::n_parameters() const {
  std::size_t n = 0;
  for (std::size_t l = 0; l < n_layers(); ++l) n += n_parameters(l);
  return n;
}

}  // namespace shoal
