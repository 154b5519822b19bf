// Stages of morphology as launches.
#pragma once

#include <optional>
#include <vector>

#include "cuda/morphology.h"
#include "kernels/morphology2d/cuda_morphology2d.h"

namespace binmorph::cuda {

// The launches that apply stages in order, in memory of the Work's.
class StageLaunches {
 public:
  StageLaunches(Work& work, const std::vector<DeviceStage>& stages, const RowImages& shape, const Words& src);

  const std::vector<Launch>& launches() const { return launches_; }
  const Words& result() const { return *result_; }  // the source, if there are no stages

 private:
  // Appends what applies stages[at] and, where one launch takes several, those after it; returns how many.
  std::size_t add(const std::vector<DeviceStage>& stages, std::size_t at);
  void add_single(const DeviceStage& stage, const Words& from, const Words& to);
  bool add_walk(const std::vector<WalkStage>& walk, WalkShape shape);
  bool add_program(const DeviceStage& stage, const Words& from, const Words& to);
  const Words& other_buffer();

  Work& work_;
  const RowImages& shape_;
  Device& device_;
  std::vector<Launch> launches_;
  const Words* buffers_[2] = {};
  const Words* result_;
};

// Bits of Morphology3x3Params::element, or nothing for an element that is larger.
std::optional<std::uint32_t> window_bits(const kernels::SeProgram& program);

template <class Params>
Params row_params(const RowImages& shape, const Words& from, const Words& to) {
  Params params{};
  params.src = from.data();
  params.dst = to.data();
  params.images = static_cast<std::uint32_t>(shape.images);
  params.height = static_cast<std::uint32_t>(shape.height);
  params.width = static_cast<std::uint32_t>(shape.width);
  return params;
}

}  // namespace binmorph::cuda
