// An element as distinct columns that grow out of each other, for kernels/morphology2d/columns.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/morphology2d/morphology2d.h"

namespace binmorph {

class SeColumnPlan {
 public:
  // Points with dy >= 0. Holds no column if the element is too wide or too high.
  explicit SeColumnPlan(const std::vector<kernels::SePoint>& points);

  kernels::SeColumns columns() const {
    return {list_.data(), static_cast<std::uint32_t>(list_.size()), rows_.data(), shifts_.data()};
  }
  std::string describe() const;
  bool empty() const { return list_.empty(); }
  double cost() const { return cost_; }  // in the unit of SeGraph::cost

 private:
  std::vector<kernels::SeColumn> list_;
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint64_t> shifts_;
  double cost_ = 0;
};

}  // namespace binmorph
