// A structuring element compiled into row folds: runs by doubling, shared rows and columns, the cheapest
// order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/morphology2d/morphology2d.h"

namespace binmorph {

class SeColumnPlan;

class SePlan {
 public:
  // planar: a pixel is whole words (bit planes), so that a shift along x moves words and never bits.
  // Offsets of points must lie within +-2^30; duplicates do not matter.
  SePlan(std::vector<kernels::SePoint> points, bool planar);

  kernels::SeProgram program() const;
  bool planar() const { return planar_; }

  // Reads and writes of a vector per vector of the result, shifted reads weighted: what the choice was made
  // by.
  double cost() const { return cost_; }

  // One line about the element and one per step.
  std::string describe() const;

 private:
  std::vector<kernels::SePoint> points_;
  std::vector<kernels::SeStep> steps_;
  std::vector<kernels::SeOperand> operands_;
  std::shared_ptr<const SeColumnPlan> columns_;
  std::uint32_t buffers_ = 2, reach_ = 0, left_words_ = 0, right_words_ = 0;
  std::int32_t top_ = 0;
  kernels::SeSpecial special_ = kernels::SeSpecial::none;
  double cost_ = 0;
  std::string order_;
  bool planar_;
};

}  // namespace binmorph
