// Decision diagrams on bit planes, written once over a vector type V and compiled per ISA.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/decision_planes/decision_planes.h"

namespace binmorph::kernels {
namespace {

// All decisions on one block of Vectors vectors: what they keep for one another stays in L1.
template <class V, std::size_t Vectors>
inline void decide_block(const DecisionProgram& program, const PlaneShape& shape, const std::uint64_t* src,
                         std::uint64_t* dst, std::uint64_t* scratch) {
  static_assert(Vectors * V::words <= kDecisionBlockWords);
  for (std::size_t i = 0; i < Vectors * V::words; ++i) {
    scratch[i] = 0;
    scratch[kDecisionBlockWords + i] = ~std::uint64_t{0};
  }
  // Indexed by the flag: no branch, which no predictor could learn.
  const std::uint64_t* const base[2] = {src, scratch};
  const auto at = [&](std::uint32_t r) { return base[r >> 31] + (r & ~kDecisionFlag); };
  for (std::size_t i = 0; i < program.count; ++i) {
    const Decision& d = program.decisions[i];
    const std::uint64_t *select = at(d.select), *high = at(d.high), *low = at(d.low);
    std::uint64_t* target = d.target & kDecisionFlag
                                ? dst + (d.target & ~kDecisionFlag) * shape.dst_plane_pitch
                                : scratch + d.target;
    for (std::size_t v = 0; v < Vectors * V::words; v += V::words)
      V::store(target + v, V::choose(V::load(select + v), V::load(high + v), V::load(low + v)));
  }
}

// Rows shorter than a vector go to the next narrower type.
template <class V, class... Narrower>
inline void decide_planes(const DecisionProgram& program, const PlaneShape& shape, const std::uint64_t* src,
                          std::uint64_t* dst, std::uint64_t* scratch) {
  if constexpr (sizeof...(Narrower) > 0) {
    if (shape.row_words < V::words) return decide_planes<Narrower...>(program, shape, src, dst, scratch);
  }
  // Enough to pay for the walk along the decisions.
  constexpr std::size_t kWidest = kDecisionBlockWords / V::words < 8 ? kDecisionBlockWords / V::words : 8;
  for_each_block<V, kWidest>(shape, src, dst,
                             [&](auto vectors, const std::uint64_t* from, std::uint64_t* to) {
                               decide_block<V, vectors>(program, shape, from, to, scratch);
                             });
}

}  // namespace
}  // namespace binmorph::kernels
