#include "kernels/common/vec_avx2.h"
#include "kernels/common/vec_f32_avx2.h"
#include "kernels/peaks/algorithm.h"

namespace binmorph::kernels {
namespace {

struct Counts : VecAvx2 {
  // Nibbles are looked up, bytes added to 64-bit lanes.
  static Raw count(Raw v) {
    const Raw low = _mm256_set1_epi8(15);
    const Raw table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const Raw lower = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low));
    const Raw upper = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
    return _mm256_sad_epu8(_mm256_add_epi8(lower, upper), _mm256_setzero_si256());
  }
  static Raw add(Raw a, Raw b) { return _mm256_add_epi64(a, b); }
};

}  // namespace

const Peaks peaks__x86_avx2 = {full_adders<VecAvx2, 4>, popcounts<Counts, 4>, multiply_adds<VecF32Avx2, 12>,
                               read_words<VecAvx2, 8>};

}  // namespace binmorph::kernels
