#include "kernels/common/vec_f32.h"
#include "kernels/common/vec_u64.h"
#include "kernels/peaks/algorithm.h"

namespace binmorph::kernels {
namespace {

struct Counts : VecU64 {
  static Raw count(Raw v) { return static_cast<Raw>(__builtin_popcountll(v)); }
  static Raw add(Raw a, Raw b) { return a + b; }
};

struct Float : VecF32 {
  static Raw fma(Raw a, Raw b, Raw c) { return a * b + c; }  // halving is exact: one rounding
};

}  // namespace

const Peaks peaks__generic = {full_adders<VecU64, 4>, popcounts<Counts, 4>, multiply_adds<Float, 12>,
                              read_words<VecU64, 4>};

}  // namespace binmorph::kernels
