// Sequences of erosions and dilations on packed images, streamed through the cache in bands of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "binmorph/rank_plan.h"
#include "binmorph/se_plan.h"
#include "binmorph/volume.h"
#include "kernels/common/isa.h"

namespace binmorph {

// An erosion or dilation, or, with `rank`, a rank filter. Exactly one of plan, volume and rank is given.
struct MorphStage {
  const SePlan* plan;
  bool dilate;
  bool border;                // the value outside the image, for this stage
  const std::uint64_t* mask;  // where it is 0 the stage keeps its input; null: nowhere
  const SeVolume* volume = nullptr;
  const RankPlan* rank = nullptr;  // dilate does not matter
};

// A stack of images [images, height, words_for(row_bits)], tail bits zero. lanes: see MorphShape; every plan
// is planar exactly if lanes is not 0. lead: the axes of the stack, for volumes.
struct MorphImages {
  std::size_t images, height, row_bits, lanes;
  std::vector<std::size_t> lead = {};
  std::size_t row_words() const;
  std::size_t image_words() const { return height * row_words(); }
};

// Pixels as words, or as bytes [images, height, row_bits], which are packed (what is not 0 is 1) and unpacked
// band by band. One of the two is null; bytes only without lanes.
struct MorphSource {
  const std::uint64_t* words;
  const std::uint8_t* bytes;
};
struct MorphTarget {
  std::uint64_t* words;
  std::uint8_t* bytes;
};

// dst = the stages applied to src in order; where `without` is given, only those pixels that its stages,
// applied to src, leave 0. src and dst must not overlap; masks have the shape of the images. Throws
// Error(isa) when the machine lacks `isa`, Error(memory_limit) when a thread cannot be started.
void run_stages(const std::vector<MorphStage>& stages, const std::vector<MorphStage>* without,
                const MorphImages& shape, const MorphSource& src, const MorphTarget& dst, std::size_t threads,
                Isa isa);

// Applies one stage to `words` until nothing changes, or `limit` times (0: no limit), and returns how often
// that was (the last time, which changed nothing, included). For elements that contain their centre a time is
// a sweep over the image, which does the work of many.
std::size_t run_until_stable(const MorphStage& stage, const MorphImages& shape, std::uint64_t* words,
                             std::size_t limit, std::size_t threads, Isa isa);

}  // namespace binmorph
