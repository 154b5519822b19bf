// Elementwise programs on the device: kernels of their own, and the ends of the kernels that produce numbers.
#pragma once

#include "kernels/common/cuda/launch.h"
#include "kernels/elementwise/elementwise.h"

namespace binmorph::cuda {

inline constexpr std::uint32_t kProgramSteps = 12;  // longer programs: store, then a kernel of its own

// As kernels::ElementwiseStep, with device pointers. Tables are [lanes_for(channels)].
struct ProgramStep {
  kernels::ElementwiseOp op;
  float low, high;
  const float* first;
  const float* second;
  // float32 [pixels][channels] of add and store, int32 [pixels][groups] of two_value, words
  // [pixels][words_for(channels)] of pack.
  void* stream;
  std::uint32_t groups;  // of two_value; divides the channels
};

struct Program {
  std::uint32_t channels;
  std::uint32_t count;
  ProgramStep steps[kProgramSteps];
};

struct ElementwiseParams {
  const void* src;  // [pixels][channels], float32 or int32
  std::uint64_t pixels;
  Program program;
};

// One thread a lane: 32 channels of a pixel are one warp.
inline LaunchShape launch_elementwise(const ElementwiseParams& p) {
  return launch_items(p.pixels * lanes_for(p.program.channels));
}

}  // namespace binmorph::cuda
