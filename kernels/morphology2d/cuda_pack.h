// Compiled elements in the form that a launch carries.
#pragma once

#include "kernels/morphology2d/cuda_morphology2d.h"

namespace binmorph::cuda {

// Sets the extents of the tile and the folds of `params`, for the images that it already states. False where
// the program is too long for a launch, or too wide for a block's shared memory; then nothing is promised.
bool pack_program(const kernels::SeProgram& program, std::size_t shared_bytes, std::size_t multiprocessors,
                  MorphologyProgramParams& params);

}  // namespace binmorph::cuda
