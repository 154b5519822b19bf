#include "kernels/common/vec_avx2.h"
#include "kernels/morphology2d/algorithm.h"
#include "kernels/morphology2d/morph_word.h"

namespace binmorph::kernels {
namespace {

struct MorphVecAvx2 : VecAvx2 {
  static constexpr std::size_t unroll = 4;
  static Raw right_count(std::uint64_t bit) { return fill(bit); }
  static Raw left_count(std::uint64_t bit) { return fill(64 - bit); }
  static Raw shift_right(Raw a, Raw n) { return _mm256_srlv_epi64(a, n); }
  static Raw shift_left(Raw a, Raw n) { return _mm256_sllv_epi64(a, n); }
  template <bool kDilate>
  static Raw fold(Raw acc, Raw a) {
    return kDilate ? bit_or(acc, a) : bit_and(acc, a);
  }
  template <bool kDilate>
  static Raw fold_halves(Raw acc, Raw a, Raw b) {
    return fold<kDilate>(acc, bit_or(a, b));
  }
};

}  // namespace

void morphology2d_u64_u64__x86_avx2(const SeProgram& program, const MorphShape& shape,
                                    const std::uint64_t* src, std::uint64_t* dst, std::size_t begin,
                                    std::size_t end, std::uint64_t* scratch) {
  run_morphology<MorphVecAvx2, MorphWord>(program, shape, src, dst, begin, end, scratch);
}

}  // namespace binmorph::kernels
