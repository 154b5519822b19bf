// Convolutions of random neurons, and what the CPU's reference says of them.
#pragma once

#include <cmath>

#include "kernels/threshold_conv2d/pack.cpp"
#include "kernels/threshold_conv2d/reference.cpp"
#include "kernels/window/reference.cpp"
#include "window_testing.h"

namespace binmorph::cuda::testing {

using kernels::Border;
using kernels::ConvForm;

// Neurons of one convolution: masks of every output, a threshold for each class.
struct Neurons {
  std::vector<std::uint64_t> plus, minus;
  std::vector<std::int32_t> threshold;
  std::vector<std::uint8_t> invert;
};

inline Neurons random_neurons(const ConvGeometry& g, ConvForm form, std::size_t classes) {
  const std::size_t inputs = std::size_t{group_channels(g)} * taps(g), words = words_for(inputs);
  Neurons n{random_rows(g.out_channels, inputs), random_rows(g.out_channels, inputs), {}, {}};
  for (std::size_t i = 0; i < n.plus.size(); ++i) {
    const std::uint64_t live = i % words + 1 == words ? tail_mask(inputs) : ~std::uint64_t{0};
    if (form == ConvForm::sign) n.minus[i] = ~n.plus[i] & live;
    if (form == ConvForm::mask) n.minus[i] = 0;
    n.minus[i] &= ~n.plus[i];
  }
  // About what a random window counts, and now and then the extremes.
  const auto spread = static_cast<std::uint32_t>(std::sqrt(static_cast<double>(inputs))) + 1;
  for (std::size_t i = 0; i < classes * g.out_channels; ++i) {
    const auto centre = static_cast<std::int32_t>(form == ConvForm::mask ? inputs / 4 : 0);
    n.threshold.push_back(centre + static_cast<std::int32_t>(below(2 * spread)) -
                          static_cast<std::int32_t>(spread));
  }
  for (std::uint32_t o = 0; o < g.out_channels; ++o) n.invert.push_back(static_cast<std::uint8_t>(below(2)));
  return n;
}

// The counts and bits of the CPU's reference, which sees a replicated border as an image already extended.
struct Expected {
  std::vector<std::int32_t> counts;
  std::vector<std::uint64_t> bits;
};

inline Expected reference(const ConvGeometry& g, const Neurons& n, const ClassCase& classes,
                          const std::vector<std::uint64_t>& x) {
  const bool replicate = g.border == Border::replicate;
  const std::size_t top = static_cast<std::size_t>(g.top), left = static_cast<std::size_t>(g.left);
  const std::size_t rows = replicate ? top : 0, columns = replicate ? left : 0, words = words_for(g.channels);
  // What the last windows reach beyond the image; rows that no window reads do not matter.
  const auto behind = [](std::size_t outputs, std::size_t stride, std::size_t window, std::size_t size) {
    const std::size_t end = (outputs - 1) * stride + window;
    return end > size ? end - size : 0;
  };
  const std::size_t bottom =
      behind(g.out_height, g.stride_h, g.dilation_h * (g.kernel_h - 1) + 1, g.height + top + rows);
  const std::size_t right =
      behind(g.out_width, g.stride_w, g.dilation_w * (g.kernel_w - 1) + 1, g.width + left + columns);
  const kernels::ConvShape shape{g.height + 2 * rows,
                                 g.width + 2 * columns,
                                 g.channels,
                                 g.out_channels,
                                 g.groups,
                                 g.kernel_h,
                                 g.kernel_w,
                                 g.stride_h,
                                 g.stride_w,
                                 g.dilation_h,
                                 g.dilation_w,
                                 top - rows,
                                 bottom,
                                 left - columns,
                                 right,
                                 g.border == Border::ones};
  const kernels::ConvNeurons neurons{n.plus.data(), n.minus.data(),     n.threshold.data(),   n.invert.data(),
                                     classes.count, classes.row.data(), classes.column.data()};
  const kernels::ConvPack pack(shape, neurons, kernels::ConvLayout::rows, false);
  const kernels::ConvProgram program = pack.program();
  const kernels::ConvRange range{0, g.out_height, 0, kernels::conv_blocks(program)};
  const std::size_t out = std::size_t{g.out_height} * g.out_width;
  Expected result{std::vector<std::int32_t>(g.images * out * g.out_channels),
                  std::vector<std::uint64_t>(g.images * out * words_for(g.out_channels))};
  std::vector<std::uint64_t> extended(shape.height * shape.width * words);
  for (std::size_t i = 0; i < g.images; ++i) {
    const std::uint64_t* image = x.data() + i * g.height * g.width * words;
    kernels::window_planes_u64_u64__reference(
        {1, g.height, g.width, 2 * rows + 1, 2 * columns + 1, Border::replicate}, words, image,
        extended.data());
    kernels::accumulate_conv2d_u64_i32__reference(program, extended.data(),
                                                  result.counts.data() + i * out * g.out_channels,
                                                  g.out_channels, range, nullptr);
    kernels::threshold_conv2d_u64_u64__reference(
        program, extended.data(), result.bits.data() + i * out * words_for(g.out_channels), range, nullptr);
  }
  return result;
}

inline std::string label_of(const char* op, const ConvGeometry& g, ConvForm form) {
  return std::string(op) + " by warpgroups, form " + std::to_string(static_cast<int>(form)) + ": " +
         describe(g);
}

struct Case {
  ConvGeometry g;
  ConvForm form;
  ClassCase classes{g};
  std::vector<std::uint64_t> x = random_rows(std::size_t{g.images} * g.height * g.width, g.channels);
  Neurons neurons = random_neurons(g, form, classes.count);
  Expected want = reference(g, neurons, classes, x);

  // For every count, constant of its class and output.
  template <class T, class Value>
  std::vector<T> values(const std::vector<std::int32_t>& constant, Value value) const {
    std::vector<T> result;
    for (std::size_t i = 0; i < want.counts.size(); ++i) {
      const std::size_t o = i % g.out_channels,
                        c = classes.of(g, static_cast<std::uint32_t>(i / g.out_channels));
      result.push_back(value(want.counts[i], constant[c * g.out_channels + o], o, c));
    }
    return result;
  }
};

inline std::vector<std::int32_t> random_constants(std::size_t count) {
  std::vector<std::int32_t> constants(count);
  for (std::int32_t& v : constants) v = static_cast<std::int32_t>(below(201)) - 100;
  return constants;
}

}  // namespace binmorph::cuda::testing
