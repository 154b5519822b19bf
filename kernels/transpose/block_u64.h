// One block: a row is a 64-bit word.
#pragma once

#include "kernels/common/vec_u64.h"
#include "kernels/transpose/algorithm.h"

namespace binmorph::kernels {
namespace {

struct BlockU64 : VecU64 {
  static Raw gather(const std::uint64_t* src, std::size_t) { return *src; }
  static void scatter(std::uint64_t* dst, std::size_t, Raw v) { *dst = v; }
  template <unsigned S>
  static void swap(Raw& a, Raw& b) {
    const Raw differ = ((a >> S) ^ b) & lower_columns(S);
    b ^= differ;
    a ^= differ << S;
  }
};

}  // namespace
}  // namespace binmorph::kernels
