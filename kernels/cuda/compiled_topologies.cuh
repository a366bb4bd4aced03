#pragma once

#include <array>
#include <tuple>

#include "kernels/cuda/thread_variants.cuh"

/// What the program has of thread_per_network: topologies, and for each of them variants.
namespace shoal::cuda {

template <class... Ts>
struct Types {};

/// Without hidden layers all activations are one.
template <class S>
constexpr auto variants_of() {
  if constexpr (S::n_layers == 1) {
    return Types<Plain<Relu, Sgd>, Plain<Relu, Adam>, Anything>{};
  } else {
    return Types<Plain<Relu, Sgd>, Plain<Relu, Adam>, Plain<Tanh, Sgd>, Plain<Tanh, Adam>, Anything>{};
  }
}

/// Every network of a few units is trained so fast by a kernel of its own that no block can follow; from some 40 to 70
/// parameters on, as layers are many or few, registers hold no longer what a row needs.
using CompiledTopologies =
    Types<FixedShape<2, 1>, FixedShape<1, 4, 1>, FixedShape<1, 8, 1>, FixedShape<2, 4, 1>, FixedShape<2, 8, 1>,
          FixedShape<2, 4, 2>, FixedShape<4, 4, 3>, FixedShape<1, 2, 2, 1>, FixedShape<1, 4, 4, 1>,
          FixedShape<2, 4, 4, 1>, FixedShape<2, 3, 3, 2>, FixedShape<1, 3, 3, 3, 1>, FixedShape<1, 2, 2, 2, 2, 1>>;

template <template <class, class> class Of, class S, class... Vs>
auto values_of(Types<Vs...>) {
  return std::array{Of<S, Vs>::value()...};
}
template <template <class, class> class Of, class... Ss>
auto values_of_all(Types<Ss...>) {
  return std::apply([](auto... values) { return std::array{values...}; },
                    std::tuple_cat(values_of<Of, Ss>(variants_of<Ss>())...));
}
/// Of<topology, variant>::value() of everything that is compiled.
template <template <class, class> class Of>
auto compiled() {
  return values_of_all<Of>(CompiledTopologies{});
}

}  // namespace shoal::cuda
