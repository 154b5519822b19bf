// Structuring elements of more than two axes, as elements of the last two on every plane that they reach.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "binmorph/se_plan.h"
#include "kernels/common/isa.h"

namespace binmorph {

struct MorphImages;
struct MorphStage;

// One distinct plane of the element, and the planes of the image that it reads.
struct VolumePart {
  std::shared_ptr<const SePlan> plan;  // null: the pixel itself
  std::vector<std::int64_t> moves;  // one number per leading axis for each place, one place after the other
};

struct SeVolume {
  std::size_t axes = 0;  // leading axes of every part
  std::vector<VolumePart> parts;
};

// One stage that has a volume, on a stack with leading axes `shape.lead`. src and dst must not overlap.
void run_volume(const MorphStage& stage, const MorphImages& shape, const std::uint64_t* src,
                std::uint64_t* dst, std::size_t threads, Isa isa);

// Applies a stage whose volume contains its centre and nothing else of its plane beyond 3 x 3 until nothing
// changes, or `limit` sweeps over the planes (0: no limit): their number, or none for other volumes.
std::optional<std::size_t> settle_volume(const MorphStage& stage, const MorphImages& shape,
                                         std::uint64_t* words, std::size_t limit, Isa isa);

}  // namespace binmorph
