// How many ones every window has, whatever its weights: popcounts of pixels, added up.
#pragma once

#include <vector>

#include "convolution.h"
#include "kernels/common/conv_shape.h"

namespace binmorph {

class WindowTotals {
 public:
  // constant: one per class.
  WindowTotals(const kernels::ConvShape& shape, std::int32_t factor,
               const std::vector<std::int32_t>& constant, const PixelClasses& classes);

  // totals [out height][out width][groups] = factor * popcount of the window's channels of the group +
  // constant. scratch: scratch_words.
  void run(const std::uint64_t* x, std::int32_t* totals, std::uint64_t* scratch) const;

  std::size_t scratch_words;
  double cycles;  // of one image

 private:
  kernels::ConvShape shape_;
  std::int32_t factor_;
  std::vector<std::int32_t> constant_;
  PixelClasses classes_;
};

}  // namespace binmorph
