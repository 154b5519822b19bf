// Makes the launches of one node; a visitor of its operation.
#pragma once

#include <array>
#include <string>

#include "cuda/plan.h"
#include "kernels/common/cuda/geometry.h"

namespace binmorph::cuda {

constexpr std::uint32_t narrow(std::size_t n) { return static_cast<std::uint32_t>(n); }

struct Maker {
  Plan& plan;
  std::size_t node, source, value;  // value: the number of what it writes
  const ValueType &in, &out;

  void operator()(const LevelSets& op) const;
  void operator()(const PackBinary& op) const;
  void operator()(const Bisel& op) const;
  void operator()(const ThresholdConv2d& op) const;
  void operator()(const MaxPool& op) const;
  void operator()(const Flatten& op) const;
  void operator()(const ThresholdDense& op) const;
  void operator()(const Linear& op) const;
  template <class Other>
  void operator()(const Other&) const {
    unsupported("the device has no kernel for its operation yet");
  }

 private:
  using Pair = std::array<std::size_t, 2>;

  // Windows over images, not padded, in one group.
  ConvGeometry geometry(const Pair& kernel, const Pair& stride, const Pair& dilation) const;
  void from_rows() const;
  void threshold(const ConvGeometry& g, const Neurons& neurons, const std::vector<std::int32_t>& thresholds,
                 const std::vector<std::uint32_t>& row_class,
                 const std::vector<std::uint32_t>& column_class) const;
  [[noreturn]] void unsupported(const std::string& why) const;
};

}  // namespace binmorph::cuda
