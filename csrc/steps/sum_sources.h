// Where the numbers of a step come from: convolutions, a tile of output rows at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "binmorph/step.h"

namespace binmorph {

class SumSource {
 public:
  virtual ~SumSource() = default;

  // Work for the whole image that comes before any tile, into `shared`: for two-valued weights that is first
  // of all the sums of whole windows, int32 [pixels][groups].
  virtual void prepare(const StepInput& in, std::uint64_t* shared) const = 0;

  // Output rows [begin, end) to tile [rows][out width][outputs], int32 or float32: float32 for Conv2d. Tiles
  // may be computed at the same time, each with its own scratch.
  virtual void rows(const std::uint64_t* x, const std::uint64_t* shared, std::size_t begin, std::size_t end,
                    void* tile, std::uint64_t* scratch) const = 0;

  std::size_t shared_words = 0, scratch_words = 0;
  double cycles = 0;  // of one image
};

// Null if the operation of the node is no convolution. Names of kernels are added to `step`.
std::unique_ptr<SumSource> make_sum_source(const Operation& operation, const ValueType& in,
                                           const ValueType& out, const Target& target, Step& step);

// The float dense layer is a 1 x 1 convolution of one pixel.
std::unique_ptr<SumSource> make_sum_source(const Linear& op, const ValueType& in, const Target& target,
                                           Step& step);

// The class of a pixel is rows[y] + columns[x]; empty where there is one class.
struct PixelClasses {
  std::vector<std::uint32_t> rows, columns;
};
PixelClasses pixel_classes(const Window& w, const ValueType& in, std::size_t classes);

kernels::ConvShape conv_shape(const Window& w, const ValueType& in, std::size_t outputs);

}  // namespace binmorph
