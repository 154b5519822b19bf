// Threshold neurons with few taps: lists of taps, and thresholds compared in planes.
#pragma once

#include <memory>

#include "binmorph/step.h"
#include "kernels/sparse_conv2d/pack.h"

namespace binmorph {

struct PixelClasses;

class SparseThresholdConv {
 public:
  // Null unless the masks have so few ones that this takes fewer than `dense_cycles`.
  static std::unique_ptr<SparseThresholdConv> make(const kernels::ConvShape& shape, const ThresholdConv2d& op,
                                                   const std::vector<std::int32_t>& threshold,
                                                   const PixelClasses& classes, double dense_cycles,
                                                   const Target& target, Step& step);

  void run(const std::uint64_t* x, std::uint64_t* y, ThreadPool* pool, std::uint64_t* scratch) const;

  std::size_t scratch_words = 0;
  double cycles = 0;

 private:
  SparseThresholdConv(const kernels::ConvShape& shape, const ThresholdConv2d& op,
                      const std::vector<std::int32_t>& threshold, const PixelClasses& classes,
                      const Target& target, Step& step);

  kernels::SparsePack pack_;
  kernels::SparseThresholdPack thresholds_;
  std::size_t plane_words_, piece_words_;
  kernels::ImagesToPlanes* to_planes_;
  kernels::SparseThreshold* run_;
};

}  // namespace binmorph
