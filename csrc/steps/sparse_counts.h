// Counts of convolutions by masks with few ones: the whole image at once, then scaled rows of it.
#pragma once

#include <memory>
#include <vector>

#include "binmorph/step.h"
#include "convolution.h"
#include "kernels/sparse_conv2d/pack.h"
#include "sum_sources.h"

namespace binmorph {

class SparseCounts {
 public:
  // Null unless the masks have so few ones that this takes fewer than `dense_cycles`. minus may be null.
  // constant: [classes][outputs].
  static std::unique_ptr<SparseCounts> make(const kernels::ConvShape& shape, const std::uint64_t* plus,
                                            const std::uint64_t* minus, std::int32_t factor,
                                            const std::vector<std::int32_t>& constant,
                                            const PixelClasses& classes, double dense_cycles,
                                            const Target& target, Step& step);

  // popcount(x AND plus) - popcount(x AND minus) of the whole image, into `memory` of `words` words.
  void prepare(const std::uint64_t* x, ThreadPool* pool, std::uint64_t* memory) const;

  // factor * count + constant of a tile; its pixels lie `pitch` elements apart.
  void sums(const std::uint64_t* memory, const SumTile& tile, std::int32_t* to, std::size_t pitch) const;

  std::size_t words = 0, blocks = 1;
  double cycles = 0;

 private:
  SparseCounts(const kernels::ConvShape& shape, const std::uint64_t* plus, const std::uint64_t* minus,
               std::int32_t factor, const std::vector<std::int32_t>& constant, const PixelClasses& classes,
               const Target& target);

  kernels::SparsePack pack_;
  std::int32_t factor_;
  std::vector<std::int32_t> constant_;
  PixelClasses classes_;
  std::size_t count_words_ = 0, plane_words_ = 0, piece_words_ = 0;  // in the order in which they lie
  kernels::ImagesToPlanes* to_planes_ = nullptr;
  kernels::SparseConv2d* run_ = nullptr;
};

}  // namespace binmorph
