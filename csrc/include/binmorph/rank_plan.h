// Rank filters on packed rows: how many of an element's points are 1, against a threshold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/morphology2d/morphology2d.h"
#include "kernels/threshold_planes/threshold_planes.h"

namespace binmorph {

class RankPlan {
 public:
  // 1 <= threshold <= points.size()
  RankPlan(std::vector<kernels::SePoint> points, std::uint32_t threshold);

  std::int32_t top() const { return top_; }
  std::uint32_t reach() const { return reach_; }
  std::size_t scratch_words(std::size_t row_words) const;

  // As kernels::Morphology2d: rows [begin, end) of the result, the first of them at dst.
  void run(kernels::ThresholdPlanes* count, const kernels::MorphShape& shape, const std::uint64_t* src,
           std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch) const;

 private:
  std::size_t band(std::size_t row_words) const;

  std::vector<kernels::SePoint> points_;  // dy from the topmost row, dx by its index in shifts_
  std::vector<std::int32_t> shifts_;      // distinct
  std::uint32_t threshold_, counter_bits_ = 0, reach_ = 0;
  std::int32_t top_ = 0;
};

}  // namespace binmorph
