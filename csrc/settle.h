// One stage until nothing changes, for elements of any size that contain their centre.
#pragma once

#include <cstddef>
#include <cstdint>

#include "morph_pipeline.h"

namespace binmorph {

// Whether the element contains its centre.
bool settles(const MorphStage& stage);

// Sweeps down and up over bands of rows until nothing is left to do, or `limit` sweeps (0: no limit); returns
// their number. mask: null for all pixels.
std::size_t settle(const MorphStage& stage, const MorphImages& shape, std::uint64_t* image,
                   const std::uint64_t* mask, std::size_t limit, const MorphKernels& kernels);

}  // namespace binmorph
