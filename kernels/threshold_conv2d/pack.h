// Packs threshold neurons for the kernels of this folder; offline, portable.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "kernels/threshold_conv2d/threshold_conv2d.h"

namespace binmorph::kernels {

// Neurons of a convolution, one per output channel. Masks: [out_channels][words_for(inputs)], inputs in the
// order [channel of the group][kernel row][kernel column].
struct ConvNeurons {
  const std::uint64_t* plus;
  const std::uint64_t* minus;     // null: all zero
  const std::int32_t* threshold;  // [classes][out_channels]
  const std::uint8_t* invert;     // [out_channels], 0 or 1
  // The class of an output pixel is row_class[y] + column_class[x]; null stands for zeros.
  std::size_t classes;
  const std::uint32_t* row_class;
  const std::uint32_t* column_class;
  // For AccumulateConv2d: factor * (popcount(x AND plus) - popcount(x AND minus)) + constant.
  const std::int32_t* constant = nullptr;  // [classes][out_channels]; null: all zero
  std::int32_t factor = 1;                 // 1 or 2
};

class ConvPack {
 public:
  // `accumulate`: for an AccumulateConv2d kernel, which needs more scratch.
  ConvPack(const ConvShape& shape, const ConvNeurons& neurons, ConvLayout layout, bool accumulate);
  ConvProgram program() const;
  std::size_t weight_words() const { return weight_words_; }

 private:
  ConvShape shape_;
  ConvForm form_;
  ConvLayout layout_;
  std::size_t group_lanes_, weight_words_, scratch_words_;
  std::vector<std::uint64_t> weights_;  // from the first cache line on
  std::vector<std::int32_t> threshold_, offset_, constant_;
  unsigned shift_;
  std::vector<std::int16_t> threshold16_, constant16_;
  std::vector<std::uint64_t> threshold_planes_;
  std::vector<std::uint8_t> invert_;
  std::vector<std::uint32_t> row_class_, column_class_;
};

// What the kernel of this name reads: the end of the name says so.
ConvLayout conv_layout(const std::string& kernel);

// Whether kernels of the layout can run this shape.
bool conv_supports(ConvLayout layout, const ConvShape& shape);

// Whether every accumulator fits AccumulateConv2dI16, whatever the image and the masks.
bool conv_sums_fit_16_bits(const ConvShape& shape, const ConvNeurons& neurons);

ConvForm conv_form(const ConvShape& shape, const ConvNeurons& neurons);

// Outputs of a group are rounded up to a multiple of this.
std::size_t conv_lane_multiple(ConvLayout layout);

// How often a kernel of the layout does what takes its time: is called; copies a unit of the image as it
// lies, or moves one; starts a pixel, and moves a lane, of those whose lanes are not its outputs; finishes a
// result; parks one between passes; starts a run; takes a step; makes a table (costs.cpp).
using ConvTerms = std::array<double, 10>;
ConvTerms conv_terms(ConvLayout layout, const ConvShape& shape, ConvForm form);

// Estimated cycles of ThresholdConv2d for one image, to choose between kernels: the terms times what
// benchmarks/fit_costs.py has measured (costs.inc).
double conv_cycles(ConvLayout layout, const ConvShape& shape, ConvForm form);

}  // namespace binmorph::kernels
