#include "settle.h"

#include <algorithm>
#include <vector>

#include "kernels/common/bits.h"
#include "morph_arena.h"

namespace binmorph {

bool settles(const MorphStage& stage) {
  const kernels::SeProgram program = stage.plan->program();
  return std::any_of(program.points, program.points + program.point_count,
                     [](const kernels::SePoint& p) { return p.dy == 0 && p.dx == 0; });
}

// With its centre in the element a dilation never loses what it has (an erosion never wins), so that bands
// may be made from each other's newest rows, in any order, and each band until it rests. Only bands near a
// change are made again.
std::size_t settle(const MorphStage& stage, const MorphImages& shape, std::uint64_t* image,
                   const std::uint64_t* mask, std::size_t limit, const MorphKernels& kernels) {
  const kernels::SeProgram program = stage.plan->program();
  const std::size_t row_words = shape.row_words();
  const std::size_t band = std::clamp<std::size_t>(std::size_t{program.reach} * 2, 16, 256);
  const std::size_t bands = (shape.height + band - 1) / band, band_words = band * row_words;
  const kernels::MorphShape kernel_shape{shape.height, shape.row_bits, shape.lanes,
                                         stage.dilate, stage.border,   0};
  const std::size_t scratch = (kernels::morph_scratch_words(program, kernel_shape) + 7) / 8 * 8;
  std::uint64_t* memory = morph_arena().take(scratch + band_words);
  std::uint64_t* next = memory + scratch;
  const auto changes = [&](std::size_t b) {
    const std::size_t begin = b * band, end = std::min(begin + band, shape.height);
    const std::size_t words = (end - begin) * row_words, from = begin * row_words;
    kernels.morphology(program, kernel_shape, image, next, begin, end, memory);
    bool changed = false;
    for (std::size_t i = 0; i < words; ++i) {
      const std::uint64_t old = image[from + i];
      const std::uint64_t made = mask == nullptr ? next[i] : old ^ ((old ^ next[i]) & mask[from + i]);
      changed |= made != old;
      image[from + i] = made;
    }
    return changed;
  };
  const std::size_t reach = (program.reach + band - 1) / band;  // bands that a change may be seen from
  std::vector<char> awake(bands, 1);
  for (std::size_t times = 1;; ++times) {
    bool any = false;
    for (std::size_t i = 0; i < bands; ++i) {
      const std::size_t b = times % 2 == 1 ? i : bands - 1 - i;
      if (awake[b] == 0) continue;
      awake[b] = 0;
      if (!changes(b)) continue;
      while (changes(b)) {
      }
      any = true;
      for (std::size_t n = b - std::min(b, reach); n <= std::min(b + reach, bands - 1); ++n)
        if (n != b) awake[n] = 1;
    }
    if (!any || times == limit) {
      morph_arena().release();
      return times;
    }
  }
}

}  // namespace binmorph
