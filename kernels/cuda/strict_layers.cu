#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/cuda/strict_layers.cuh"
#include "kernels/cuda/strict_tile.cuh"

namespace shoal::cuda {
namespace {

/// 16 multiply-adds for each 16 bytes from shared memory; half as many, with four times the blocks, where those of the
/// first would leave multiprocessors idle.
using LargeTiles = Tiling<128, 8, 8>;
using SmallTiles = Tiling<64, 4, 16>;
constexpr std::uint64_t kBlocksWanted = 132;  // the multiprocessors of an H200

/// A block's network, layer and place in the product.
struct TilePlace {
  const CohortNetwork* net;
  const CohortLayer* layer;
  std::uint32_t network, first_row, first_column;
};
template <class T>
SHOAL_DEVICE TilePlace tile_place(const CohortTask<float>& task, std::uint32_t l, WideDivisor parts,
                                  WideDivisor across) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const auto [down, along] = across.split(part.number);
  return {&net, net.layers + l, part.network, down * T::tile, along * T::tile};
}

SHOAL_DEVICE const float* input_of(const CohortTask<float>& task, const TilePlace& place, std::uint32_t l) {
  return l == 0 ? task.input : task.values + place.net->values + place.layer->values;
}
SHOAL_DEVICE const float* weights_of(const CohortTask<float>& task, const TilePlace& place) {
  return task.weights + place.net->parameters + place.layer->first_parameter;
}

/// across: tiles side by side along the largest product's columns.
template <class T>
SHOAL_KERNEL_OF(T::n_threads, 2)
void strict_forward_kernel(CohortTask<float> task, StrictLayer of, WideDivisor parts, WideDivisor across) {
  const TilePlace place = tile_place<T>(task, of.l, parts, across);
  const CohortLayer& layer = *place.layer;
  if (place.first_column >= layer.n_out) return;
  const bool is_hidden = of.l + 1 < task.n_layers;
  const bool dropped = of.drops && task.rules[place.network].dropout > 0.0 && is_hidden;
  const bool stores_z = !is_hidden || dropped || math::stores_slope(layer.activation);
  const math::Dropout dropout = dropout_of(task, place.network, of.drops, 0);
  const float* const w = weights_of(task, place);
  float* const z = task.z + place.net->z + layer.z;
  float* const a = is_hidden ? task.values + place.net->values + place.net->layers[of.l + 1].values : nullptr;
  strict_tile<T>(
      TermsInRows{input_of(task, place, of.l), layer.columns, of.n_rows, layer.n_in}, place.first_row,
      TermsInRows{w, layer.columns, layer.n_out, layer.n_in}, place.first_column,
      [&](std::uint32_t o) { return w[static_cast<std::size_t>(o) * layer.columns + layer.n_in]; },
      [&](std::uint32_t r, std::uint32_t o, float sum) {
        const std::size_t at = static_cast<std::size_t>(r) * layer.stride + o;
        if (stores_z) z[at] = sum;
        if (!is_hidden) return;
        float value = activate(layer.activation, sum);
        if (dropped) {
          const float keep = dropout.factor(of.l, r * layer.n_out + o);
          value = keep > 0.0F ? value * keep : 0.0F;
        }
        a[at] = value;
      });
}

template <class T>
SHOAL_KERNEL void strict_backward_kernel(CohortTask<float> task, StrictLayer of, const float* delta, float* below,
                                         WideDivisor parts, WideDivisor across) {
  const TilePlace place = tile_place<T>(task, of.l, parts, across);
  const CohortLayer& layer = *place.layer;
  if (place.first_column >= layer.n_in) return;
  const CohortLayer& under = place.net->layers[of.l - 1];
  const bool dropped = of.drops && task.rules[place.network].dropout > 0.0;
  // output_kernel has begun the step.
  const math::Dropout dropout = dropout_of(task, place.network, of.drops, 1);
  const bool from_z = math::stores_slope(under.activation);
  const float* const z = task.z + place.net->z + under.z;
  const float* const a = input_of(task, place, of.l);
  strict_tile<T>(
      TermsInRows{delta + place.net->delta + layer.delta, layer.stride, of.n_rows, layer.n_out}, place.first_row,
      ElementsInRows{weights_of(task, place), layer.columns, layer.n_in, layer.n_out}, place.first_column,
      [](std::uint32_t) { return 0.0F; },
      [&](std::uint32_t r, std::uint32_t o, float sum) {
        const std::size_t at = static_cast<std::size_t>(r) * under.stride + o;
        const float from = from_z    ? derive_from(under.activation, z[at], 0.0F)
                           : dropped ? activate(under.activation, z[at])
                                     : a[at];
        float e = derive(under.activation, from, sum);
        if (dropped) {
          const float keep = dropout.factor(of.l - 1, r * under.n_out + o);
          e = keep > 0.0F ? e * keep : 0.0F;
        }
        below[place.net->delta + at] = e;
      });
}

template <class T>
SHOAL_KERNEL_OF(T::n_threads, 2)
void strict_gradient_kernel(CohortTask<float> task, StrictLayer of, const float* delta, WideDivisor parts,
                            WideDivisor across) {
  const TilePlace place = tile_place<T>(task, of.l, parts, across);
  const CohortLayer& layer = *place.layer;
  if (place.first_row >= layer.n_out || place.first_column > layer.n_in) return;
  float* const gradient = task.gradient + place.net->parameters + layer.first_parameter;
  // The column of ones: fma(1, delta, g) is g + delta.
  strict_tile<T>(
      ElementsInRows{delta + place.net->delta + layer.delta, layer.stride, layer.n_out, of.n_rows}, place.first_row,
      ElementsInRows{input_of(task, place, of.l), layer.columns, layer.n_in + 1, of.n_rows}, place.first_column,
      [](std::uint32_t) { return 0.0F; },
      [&](std::uint32_t o, std::uint32_t i, float sum) {
        gradient[static_cast<std::size_t>(o) * layer.columns + i] = sum;
      });
}

/// Tiles of the largest product.
template <class T>
struct Tiles {
  std::uint32_t down, across;
  Tiles(std::uint32_t n_rows, std::uint32_t n_columns)
      : down(n_parts(n_rows, T::tile)), across(n_parts(n_columns, T::tile)) {}
  [[nodiscard]] std::uint32_t count() const { return down * across; }
};

bool large_tiles_suffice(const CohortTask<float>& task, std::uint32_t n_rows, std::uint32_t n_columns) {
  return std::uint64_t{Tiles<LargeTiles>(n_rows, n_columns).count()} * task.n_networks >= kBlocksWanted;
}

}  // namespace

void launch_strict_forward(const CohortTask<float>& task, const StrictLayer& layer, cudaStream_t stream) {
  const auto with = [&]<class T>(T) {
    const Tiles<T> tiles(layer.n_rows, layer.largest_n_out);
    launch({"strict_forward_kernel", n_blocks(task.n_networks, tiles.count()), T::n_threads, T::shared_bytes, stream},
           &strict_forward_kernel<T>, task, layer, WideDivisor(tiles.count()), WideDivisor(tiles.across));
  };
  large_tiles_suffice(task, layer.n_rows, layer.largest_n_out) ? with(LargeTiles{}) : with(SmallTiles{});
}

void launch_strict_backward(const CohortTask<float>& task, const StrictLayer& layer, const float* delta, float* below,
                            cudaStream_t stream) {
  const auto with = [&]<class T>(T) {
    const Tiles<T> tiles(layer.n_rows, layer.largest_n_in);
    launch({"strict_backward_kernel", n_blocks(task.n_networks, tiles.count()), T::n_threads, T::shared_bytes, stream},
           &strict_backward_kernel<T>, task, layer, delta, below, WideDivisor(tiles.count()),
           WideDivisor(tiles.across));
  };
  large_tiles_suffice(task, layer.n_rows, layer.largest_n_in) ? with(LargeTiles{}) : with(SmallTiles{});
}

void launch_strict_gradient(const CohortTask<float>& task, const StrictLayer& layer, const float* delta,
                            cudaStream_t stream) {
  const auto with = [&]<class T>(T) {
    const Tiles<T> tiles(layer.largest_n_out, layer.largest_n_in + 1);
    launch({"strict_gradient_kernel", n_blocks(task.n_networks, tiles.count()), T::n_threads, T::shared_bytes, stream},
           &strict_gradient_kernel<T>, task, layer, delta, WideDivisor(tiles.count()), WideDivisor(tiles.across));
  };
  large_tiles_suffice(task, layer.largest_n_out, layer.largest_n_in + 1) ? with(LargeTiles{}) : with(SmallTiles{});
}

}  // namespace shoal::cuda
