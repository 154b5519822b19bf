// Dilation within a mask until nothing changes, for elements no larger than 3 x 3 that contain their centre.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/morphology2d/morphology2d.h"

namespace binmorph {

// Which of the eight neighbours (and itself) a pixel reads; none if the element is larger or lacks its
// centre.
class FloodElement {
 public:
  static std::optional<FloodElement> from(const kernels::SePoint* points, std::size_t count);
  bool reads(int dy, int dx) const { return cells_[static_cast<std::size_t>(3 * (dy + 1) + dx + 1)]; }

 private:
  bool cells_[9] = {};
};

// Image [height][words_for(width)] with zero tails; mask of the same shape, or null for all pixels. Sweeps
// down and up until nothing is left to do, or `limit` sweeps (0: no limit); returns their number. The order
// in which pixels are set does not matter: the least fixed point above the image is one.
std::size_t flood(const FloodElement& element, std::size_t height, std::size_t width, bool border,
                  const std::uint64_t* mask, std::uint64_t* image, std::size_t limit);

}  // namespace binmorph
