// Convolution by threshold neurons: channel-packed bits of one image in, channel-packed bits out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/conv_shape.h"
#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// All forms count matches, of which popcount(x AND plus) - popcount(x AND minus) is a constant less:
enum class ConvForm : std::uint8_t {
  mask,     // popcount(x AND plus): no minus mask
  sign,     // popcount(x XOR minus): minus is the complement of plus
  ternary,  // popcount((x XOR minus) AND (plus OR minus)), or popcount(x AND plus) + popcount(minus AND NOT
            // x)
};

// How a kernel wants its weights. Outputs are padded per group to lanes that never fire.
enum class ConvLayout : std::uint8_t {
  rows,   // [groups][lanes][kernel_h][kernel_w][words] 64-bit words; ternary: minus, then plus OR minus, per
          // lane
  words,  // [groups][lanes / 32][kernel_h][kernel_w][quarter words][32] 16-bit words: one vector, 32 outputs;
          // ternary: minus, then plus OR minus, per vector
  nibbles,  // [groups][lanes / 32][rows of the window][steps][32] bytes: one vector, 32 outputs, 4 inputs a
            // step (nibbles.h); ternary: the steps of plus, then those of minus
  sextets,  // [groups][lanes / 64][words of channels][copies][kernel_h][kernel_w][steps][64] bytes: one
            // vector, 64 outputs, 6 inputs a step (sextets.h); copies, but for sign: minus, then NOT plus
  windows,  // [groups][lanes / 64][units][64] 32-bit words: 32 inputs of 64 outputs, of windows that fit in a
            // word (windows.h); ternary: minus, then plus OR minus, per unit
};

// Threshold neurons packed for one layout. Count >= threshold, XOR invert; count - offset is the accumulator.
// Class of an output pixel (for neurons whose threshold depends on how much of their window is padding):
// row_class[y] + column_class[x].
struct ConvProgram {
  ConvShape shape;
  ConvForm form;
  ConvLayout layout;
  std::size_t group_lanes;        // outputs of a group, rounded up
  const void* weights;            // as `layout` says
  const std::int32_t* threshold;  // [classes][groups][group_lanes], in 0 .. inputs + 1
  // The thresholds less one, for layouts words and nibbles; there in the order of the bytes (nibble_byte), of
  // each vector the 16 even ones first.
  const std::int16_t* threshold16;
  // Layout sextets: the bits of the sums' thresholds, [classes][lanes / 64][16 planes], a lane a bit.
  const std::uint64_t* threshold_planes;
  const std::int32_t* offset;         // [groups][group_lanes]
  const std::int32_t* constant;       // [classes][groups][group_lanes], what AccumulateConv2d adds
  const std::int16_t* constant16;     // the same modulo 2^16
  unsigned shift;                     // after it has shifted the count to the left by this
  const std::uint8_t* invert;         // [groups][group_lanes / 8]
  const std::uint32_t* row_class;     // [out_height]
  const std::uint32_t* column_class;  // [out_width]
  std::size_t scratch_words;          // that a kernel of this layout needs, whatever the range
  std::size_t lanes() const { return shape.groups * group_lanes; }
};

// A piece of the work: output rows, and blocks of 64 lanes (of all groups, in order). Pieces of different
// blocks may run at the same time only if conv_blocks(program) > 1.
struct ConvRange {
  std::size_t row_begin, row_end;
  std::size_t block_begin, block_end;
};

inline constexpr std::size_t kConvBlock = 64;

// Whether the lanes of a pixel are its output channels, no more, in whole words. Otherwise the kernel writes
// lanes to scratch and moves the channels from there.
inline bool conv_lanes_are_outputs(const ConvProgram& p) {
  return p.shape.out_channels % 64 == 0 && p.lanes() == p.shape.out_channels;
}

inline std::size_t conv_blocks(const ConvProgram& p) {
  return conv_lanes_are_outputs(p) && p.group_lanes % kConvBlock == 0 ? p.lanes() / kConvBlock : 1;
}

// x: [height][width][words_for(channels)], least significant bit first, tails zero.
// y: [out_height][out_width][words_for(out_channels)], the same; scratch: program.scratch_words.
using ThresholdConv2d = void(const ConvProgram& program, const std::uint64_t* x, std::uint64_t* y,
                             const ConvRange& range, std::uint64_t* scratch);

// The accumulators themselves, (count << shift) + constant of the pixel's class. y: those of the first output
// channel of range.block_begin at row range.row_begin, the next pixel y_pitch elements further on.
template <class Sum>
using Accumulate = void(const ConvProgram& program, const std::uint64_t* x, Sum* y, std::size_t y_pitch,
                        const ConvRange& range, std::uint64_t* scratch);
using AccumulateConv2d = Accumulate<std::int32_t>;
using AccumulateConv2dI16 = Accumulate<std::int16_t>;  // only where sums fit (pack.h)

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/threshold_conv2d/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
