#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/cuda/scaled_inputs.cuh"

namespace shoal::cuda {
namespace {

template <class T>
SHOAL_KERNEL void gather_kernel(CohortTask<T> task, RowSource from, std::uint32_t n_rows, std::uint32_t columns,
                                WideDivisor fours_in_columns) {
  struct Loaded {
    Four inputs;
    std::uint32_t row;
  };
  const std::uint32_t* list = from.list;
  if (list == nullptr) {
    list = task.order + static_cast<std::size_t>(task.cursor->epoch) * task.n_training + task.cursor->row;
  }
  const std::uint32_t n_in = task.networks[0].layers[0].n_in;
  Rows table = task.rows;
  if (from.inputs != nullptr) table.inputs = from.inputs;
  each_four_of_part(
      {0, block()}, n_rows * columns,
      [&](std::uint32_t element) {
        const auto [r, i] = place_of_four(element, fours_in_columns);
        const std::uint32_t row = list[r];
        const Four nothing{};
        return Loaded{i < n_in ? scaled_inputs(table, from.inputs != nullptr ? r : row, n_in, i) : nothing, row};
      },
      [&](std::uint32_t element, Loaded loaded) {
        const auto [r, i] = place_of_four(element, fours_in_columns);
        SHOAL_UNROLL
        for (std::uint32_t k = 0; k < kAtOnce; ++k) {
          if (i + k == n_in) loaded.inputs.x[k] = 1.0F;
        }
        store_floats(task.input + element, loaded.inputs);
        if (i == 0) task.row[r] = loaded.row;
      });
}

/// Units o to o + 3 of row r after dropout.
SHOAL_DEVICE void drop_units(const math::Dropout& dropout, std::uint32_t l, std::uint32_t first, Four& a) {
  SHOAL_UNROLL
  for (std::uint32_t k = 0; k < kAtOnce; ++k) {
    const float keep = dropout.factor(l, first + k);
    a.x[k] = keep > 0.0F ? a.x[k] * keep : 0.0F;
  }
}

/// kDrops: some network of the cohort may drop units. What that takes comes before the first load of any other.
template <class T, bool kDrops>
SHOAL_KERNEL void activation_kernel(CohortTask<T> task, std::uint32_t l, std::uint32_t n_rows, WideDivisor parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const CohortLayer layer = net.layers[l];
  const bool dropped = kDrops && task.rules[part.network].dropout > 0.0;
  const math::Dropout dropout = dropout_of(task, part.network, kDrops, 0);
  const float* const z = task.z + net.z + layer.z;
  T* const a = task.values + net.values + net.layers[l + 1].values;
  each_four_of_part(
      part, n_rows * layer.stride,
      [&](std::uint32_t element) {
        const Four nothing{};
        return place_of_four(element, layer.fours_in_stride).column < layer.n_out ? load<kAtOnce>(z + element)
                                                                                  : nothing;
      },
      [&](std::uint32_t element, Four four) {
        const auto [r, o] = place_of_four(element, layer.fours_in_stride);
        Four from;
        activate_all<kAtOnce>(layer.activation, four.x, from.x);
        if (dropped) drop_units(dropout, l, r * layer.n_out + o, four);
        SHOAL_UNROLL
        for (std::uint32_t k = 0; k < kAtOnce; ++k) {
          if (o + k >= layer.n_out) four.x[k] = o + k == layer.n_out ? 1.0F : 0.0F;
        }
        store_floats(a + element, four);
      });
}

template <class T>
SHOAL_KERNEL void ones_kernel(CohortTask<T> task, std::uint32_t l, WideDivisor parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const CohortLayer& layer = net.layers[l];
  T* const a = task.values + net.values + net.layers[l + 1].values;
  each_of_part(part, task.most_rows * layer.stride, [&](std::uint32_t element) {
    a[element] = math::stored_as<T>(element % layer.stride == layer.n_out ? 1.0F : 0.0F);
  });
}

}  // namespace

template <class T>
void launch_gather(const CohortTask<T>& task, RowSource from, std::uint32_t n_rows, std::uint32_t columns,
                   cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{n_rows} * columns;
  launch({"gather_kernel", n_parts(n_elements, kElementsInBlock), n_threads_for(n_elements / kAtOnce), 0, stream},
         &gather_kernel<T>, task, from, n_rows, columns, WideDivisor(columns / kAtOnce));
}

template <class T>
void launch_activation(const CohortTask<T>& task, std::uint32_t l, std::uint32_t n_rows, std::uint32_t largest_stride,
                       bool drops, cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{n_rows} * largest_stride;
  const std::uint32_t parts = n_parts(n_elements, kElementsInBlock);
  launch({"activation_kernel", n_blocks(task.n_networks, parts), n_threads_for(n_elements / kAtOnce), 0, stream},
         drops ? &activation_kernel<T, true> : &activation_kernel<T, false>, task, l, n_rows, WideDivisor(parts));
}

template <class T>
void launch_ones(const CohortTask<T>& task, std::uint32_t l, std::uint32_t largest_stride, cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{task.most_rows} * largest_stride;
  const std::uint32_t parts = n_parts(n_elements, kElementsInBlock);
  launch({"ones_kernel", n_blocks(task.n_networks, parts), n_threads_for(n_elements), 0, stream}, &ones_kernel<T>, task,
         l, WideDivisor(parts));
}

#define SHOAL_FOR_TYPE(T)                                                                                   \
  template void launch_gather(const CohortTask<T>&, RowSource, std::uint32_t, std::uint32_t, cudaStream_t); \
  template void launch_activation(const CohortTask<T>&, std::uint32_t, std::uint32_t, std::uint32_t, bool,  \
                                  cudaStream_t);                                                            \
  template void launch_ones(const CohortTask<T>&, std::uint32_t, std::uint32_t, cudaStream_t);
SHOAL_FOR_TYPE(float)
SHOAL_FOR_TYPE(math::Bfloat16)
#undef SHOAL_FOR_TYPE

}  // namespace shoal::cuda
