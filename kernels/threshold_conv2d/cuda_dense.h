// Large fully connected layers (and 1x1 convolutions) on warpgroup products: weights and inputs both stream.
//
// A block makes 128 rows x 256 columns at a time, in slices of 1024 bits of the common dimension. A slice of
// a matrix is rows of 128 bytes whose 16-byte chunks are exchanged by the 128-byte swizzle: chunk c of row r
// lies at c ^ (r % 8). Weights are packed so; each slice of a block of columns is one bulk copy.
#pragma once

#include <optional>
#include <vector>

#include "kernels/threshold_conv2d/cuda_threshold_conv2d.h"

namespace binmorph::cuda {

inline constexpr std::uint32_t kDenseRows = 128, kDenseColumns = 256, kSliceWords = 16, kDenseThreads = 384;
inline constexpr std::uint32_t kRowsBytes = kDenseRows * kSliceWords * 8;
inline constexpr std::uint32_t kColumnsBytes = kDenseColumns * kSliceWords * 8;

struct DensePlan {
  std::uint32_t slices, blocks;  // of the common dimension, of columns
  std::uint32_t max_blocks;      // of threads
};

template <class Params>
struct Dense {
  Params conv;
  DensePlan plan;
  const unsigned char* packed;  // [blocks][slices][256 rows][128 bytes], then thresholds [blocks]
};
using ThresholdDenseParams = Dense<ThresholdConv2dParams>;
using CountDenseParams = Dense<CountConv2dParams>;

constexpr std::uint32_t dense_outputs(kernels::ConvForm form) {
  return form == kernels::ConvForm::ternary ? kDenseColumns / 2 : kDenseColumns;
}

// Numbers need room to cross a warp, and have a stage less.
template <class Params>
inline constexpr std::uint32_t kDenseStages = 3;
template <>
inline constexpr std::uint32_t kDenseStages<ThresholdConv2dParams> = 4;
inline constexpr std::uint32_t kDenseRoom = kDenseThreads / 32 * 2 / 3 * 8 * (kDenseColumns + 1) * 4;

template <class Params>
LaunchShape launch_dense(const Dense<Params>& p) {
  const std::uint64_t tiles = blocks_for(out_pixels(p.conv.windows.geometry), kDenseRows) * p.plan.blocks;
  constexpr std::uint32_t kStages = kDenseStages<Params>;
  const std::uint32_t bytes = 1024 + kStages * (kRowsBytes + kColumnsBytes) + kDenseRows * 16 + 128;
  return {static_cast<std::uint32_t>(tiles < p.plan.max_blocks ? tiles : p.plan.max_blocks), 1, 1,
          kDenseThreads, bytes + (kStages == 4 ? 0 : kDenseRoom)};
}

// Nothing where a window is more than a pixel, or pixels do not begin at 16 bytes.
std::optional<DensePlan> plan_dense(const ConvGeometry& g, kernels::ConvForm form, std::uint32_t max_blocks);

// threshold: [out_channels], or null.
std::vector<unsigned char> pack_dense(const ConvGeometry& g, kernels::ConvForm form, const DensePlan& plan,
                                      const std::uint64_t* plus, const std::uint64_t* minus,
                                      const std::int32_t* threshold);

}  // namespace binmorph::cuda
