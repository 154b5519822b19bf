// Convolutions that add up products: what conv2d (float32) and pixel_conv2d (int16 pairs) share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/conv_shape.h"

namespace binmorph::kernels {

inline constexpr std::size_t kSumLanes = 16;  // outputs of a lane block
inline constexpr std::size_t kSumBlock = 64;  // output channels of a block of the work

// Sums of one kind, packed. The image that a kernel reads is extended:
// [extended_height][extended_width][channels] of Weight, with its padding, plus kSumStep - 1 elements that
// may hold anything. A window is read as runs of elements that lie together (conv_runs), a run in steps of
// four bytes; a step past the end of its run has weight 0. `depthwise`: one input and one output per group;
// the groups are then the lanes.
template <class Weight, class Sum>
struct ConvSums {
  static constexpr std::size_t kStep = 4 / sizeof(Weight);  // elements of a step
  ConvShape shape;
  bool depthwise;
  std::size_t group_lanes;  // outputs of a group, rounded up to kSumLanes; of all groups where depthwise
  const Weight* weights;    // [lane groups][group_lanes / 16][runs][steps][16][kStep]
  // What the sums start from, [classes][lane groups][group_lanes]; the class of a pixel is row_class[y] +
  // column_class[x].
  const Sum* start;
  const std::uint32_t* row_class;     // [out_height]
  const std::uint32_t* column_class;  // [out_width]
  std::size_t lane_groups() const { return depthwise ? 1 : shape.groups; }
  std::size_t lane_outputs() const { return shape.out_channels / lane_groups(); }
  std::size_t lanes() const { return lane_groups() * group_lanes; }
  // Blocks of 64 output channels that can be asked for apart; 1 where groups do not end on blocks.
  std::size_t blocks() const {
    const bool apart = lane_groups() == 1 || lane_outputs() % kSumBlock == 0;
    return apart ? (shape.out_channels + kSumBlock - 1) / kSumBlock : 1;
  }
};

// A piece of the work: output rows, and blocks of output channels.
struct SumRange {
  std::size_t row_begin, row_end;
  std::size_t block_begin, block_end;
};

// Elements from a pixel of the extended image to the taps of its window, as runs of the same length.
struct SumRuns {
  std::size_t count, columns;  // columns: runs in a row of the window
  std::size_t elements;        // of a run
  std::size_t row_step, column_step;
  std::size_t operator[](std::size_t r) const { return r / columns * row_step + r % columns * column_step; }
};

inline SumRuns conv_runs(const ConvShape& s) {
  const bool joined = s.groups == 1 && s.dilation_w == 1;
  const std::size_t columns = joined ? 1 : s.kernel_w;
  return {s.kernel_h * columns, columns, joined ? s.kernel_w * s.channels : s.group_channels(),
          s.dilation_h * s.extended_width() * s.channels, s.dilation_w * s.channels};
}

}  // namespace binmorph::kernels
