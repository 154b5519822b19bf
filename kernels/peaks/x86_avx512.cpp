#include "kernels/common/vec_avx512.h"
#include "kernels/common/vec_f32_avx512.h"
#include "kernels/peaks/algorithm.h"

namespace binmorph::kernels {
namespace {

struct Counts : VecAvx512 {
  static Raw count(Raw v) { return _mm512_popcnt_epi64(v); }
  static Raw add(Raw a, Raw b) { return _mm512_add_epi64(a, b); }
};

}  // namespace

const Peaks peaks__x86_avx512 = {full_adders<VecAvx512, 8>, popcounts<Counts, 8>,
                                 multiply_adds<VecF32Avx512, 12>, read_words<VecAvx512, 8>};

}  // namespace binmorph::kernels
