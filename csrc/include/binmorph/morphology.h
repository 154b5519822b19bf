// Sequences of erosions and dilations on packed images, streamed through the cache in bands of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "binmorph/se_plan.h"
#include "kernels/common/isa.h"

namespace binmorph {

struct MorphStage {
  const SePlan* plan;
  bool dilate;
  bool border;                // the value outside the image, for this stage
  const std::uint64_t* mask;  // where it is 0 the stage keeps its input; null: nowhere
};

// A stack of images [images, height, words_for(row_bits)], tail bits zero. lanes: see MorphShape; every plan
// is planar exactly if lanes is not 0.
struct MorphImages {
  std::size_t images, height, row_bits, lanes;
  std::size_t row_words() const;
  std::size_t image_words() const { return height * row_words(); }
};

// dst = the stages applied to src in order. src and dst must not overlap; masks have the shape of the images.
// Throws Error(isa) when the machine lacks `isa`, Error(memory_limit) when a thread cannot be started.
void run_stages(const std::vector<MorphStage>& stages, const MorphImages& shape, const std::uint64_t* src,
                std::uint64_t* dst, std::size_t threads, Isa isa);

// Applies one stage to `words` until nothing changes, or `limit` times (0: no limit), and returns how often
// that was (the last time, which changed nothing, included). For elements within 3 x 3 that contain their
// centre a time is a sweep over the image, which does the work of many.
std::size_t run_until_stable(const MorphStage& stage, const MorphImages& shape, std::uint64_t* words,
                             std::size_t limit, std::size_t threads, Isa isa);

}  // namespace binmorph
