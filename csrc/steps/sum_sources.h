// Where the numbers of a step come from: convolutions, a tile of output rows x 64 channels at a time.
#pragma once

#include <memory>
#include <vector>

#include "binmorph/step.h"

namespace binmorph {

// Rows [row_begin, row_end) of block `block` of 64 output channels, or of all channels if the source has one
// block.
struct SumTile {
  std::size_t row_begin, row_end, block;
};

class SumSource {
 public:
  virtual ~SumSource() = default;

  // Work for the whole image that comes before any tile, into `shared`; `pieces` as for sums.
  virtual void prepare(const StepInput& in, std::uint64_t* shared, std::uint64_t* pieces,
                       std::size_t piece_words) const = 0;

  // A tile, int32, int16 or float32, to `to`: its pixels lie `pitch` elements apart. Tiles may be computed at
  // the same time, each with its own scratch.
  virtual void sums(const std::uint64_t* x, const std::uint64_t* shared, const SumTile& tile, void* to,
                    std::size_t pitch, std::uint64_t* scratch) const = 0;

  std::size_t shared_words = 0, scratch_words = 0, blocks = 1;
  double cycles = 0;         // of one image
  bool int16 = false;        // the sums of a convolution over bits; else int32
  bool large_tiles = false;  // a tile costs something by itself: they should be few
  // Steps from the sums to the node's value. They may use one stream, at the start of `shared`.
  std::vector<kernels::ElementwiseStep> steps;
};

// Null if the operation of the node is no convolution. Names of kernels are added to `step`. `int16`: sums of
// 16 bits will do where they fit.
std::unique_ptr<SumSource> make_sum_source(const Operation& operation, const ValueType& in,
                                           const ValueType& out, bool int16, const Target& target,
                                           Step& step);

// The float dense layer is a 1 x 1 convolution of one pixel.
std::unique_ptr<SumSource> make_sum_source(const Linear& op, const ValueType& in, const Target& target,
                                           Step& step);

}  // namespace binmorph
