// Packs dense threshold neurons for the kernels of this folder; offline, portable.
#pragma once

#include <vector>

#include "kernels/threshold_dense/threshold_dense.h"

namespace binmorph::kernels {

class DensePack {
 public:
  // Masks: [outputs][words_for(inputs)], tails zero, plus and minus disjoint; threshold and invert (0 or 1):
  // [outputs].
  DensePack(std::size_t inputs, std::size_t outputs, const std::uint64_t* plus, const std::uint64_t* minus,
            const std::int32_t* threshold, const std::uint8_t* invert);
  DenseProgram program() const;

 private:
  DenseProgram program_;                              // without its arrays
  std::vector<std::uint64_t> rows_, start_, invert_;  // rows_: from the first cache line on
};

}  // namespace binmorph::kernels
