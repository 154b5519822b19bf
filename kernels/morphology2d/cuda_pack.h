// Compiled elements in the form that a launch carries.
#pragma once

#include <optional>

#include "kernels/morphology2d/cuda_morphology2d.h"

namespace binmorph::cuda {

// Sets the extents of the tile and the folds of `params`, for the images that it already states. False where
// the program is too long for a launch, or too wide for a block's shared memory; then nothing is promised.
bool pack_program(const kernels::SeProgram& program, std::size_t shared_bytes, std::size_t multiprocessors,
                  MorphologyProgramParams& params);

// The points of a box: those at most so far from its origin.
struct BoxReach {
  std::uint32_t left, right, up, down;
};

// Nothing for other elements, and boxes without their origin.
std::optional<BoxReach> box_reach(const kernels::SeProgram& program);

// Takes from `rest` what one stage of a walk does; several make any box.
WalkStage cut_stage(BoxReach& rest, bool dilate, bool border);

// Sets p.rows so that the lanes just fill the device; how many words each of them holds. `address`: of both
// images, ORed.
std::uint32_t spread_rows(MorphologyWalkParams& p, std::uintptr_t address, std::size_t shared_bytes,
                          std::size_t multiprocessors);

}  // namespace binmorph::cuda
