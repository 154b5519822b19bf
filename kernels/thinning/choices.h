// A rule compiled into a tree of choices: the neighbourhoods with the first neighbour set, those without, and
// so on down to subtrees that are constant or do not depend on their neighbour, which vanish.
#pragma once

#include <cstdint>

#include "kernels/thinning/rules.h"

namespace binmorph::kernels {
namespace {

using Word = std::uint64_t;

// Whether the rule says the same of all neighbourhoods from..from + size - 1.
template <ThinRule kRule>
constexpr bool constant(unsigned from, unsigned size) {
  for (unsigned i = 1; i < size; ++i)
    if (removes(kRule, from + i) != removes(kRule, from)) return false;
  return true;
}

template <ThinRule kRule>
constexpr bool equal_halves(unsigned from, unsigned half) {
  for (unsigned i = 0; i < half; ++i)
    if (removes(kRule, from + i) != removes(kRule, from + half + i)) return false;
  return true;
}

// Which pixels of a word go, if their neighbourhoods are among those from..from + size - 1.
template <ThinRule kRule, unsigned kFrom, unsigned kSize, int kNeighbour>
constexpr Word removed(const Word* neighbours) {
  if constexpr (constant<kRule>(kFrom, kSize)) {
    return removes(kRule, kFrom) ? ~Word{0} : 0;
  } else {
    constexpr unsigned kHalf = kSize / 2;
    const Word without = removed<kRule, kFrom, kHalf, kNeighbour - 1>(neighbours);
    if constexpr (equal_halves<kRule>(kFrom, kHalf)) return without;
    const Word with = removed<kRule, kFrom + kHalf, kHalf, kNeighbour - 1>(neighbours);
    return without ^ ((without ^ with) & neighbours[kNeighbour]);
  }
}

}  // namespace
}  // namespace binmorph::kernels
