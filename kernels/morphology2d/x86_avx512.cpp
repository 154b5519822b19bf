#include "kernels/common/vec_avx512.h"
#include "kernels/morphology2d/algorithm.h"
#include "kernels/morphology2d/morph_word.h"

namespace binmorph::kernels {
namespace {

struct MorphVecAvx512 : VecAvx512 {
  static constexpr std::size_t unroll = 4;
  static constexpr std::size_t longest_run = 64;  // of reads that fold_four beats one by one
  template <bool kDilate>
  static Raw fold(Raw acc, Raw a) {
    return kDilate ? bit_or(acc, a) : bit_and(acc, a);
  }
  template <bool kDilate>
  static Raw fold3(Raw a, Raw b, Raw c) {
    return _mm512_ternarylogic_epi64(a, b, c, kDilate ? 0xFE : 0x80);
  }
  static Raw shift_in_left(Raw a, Raw before, std::uint64_t n) {
    return _mm512_shldv_epi64(a, before, fill(n));
  }
  static Raw shift_in_right(Raw a, Raw after, std::uint64_t n) {
    return _mm512_shrdv_epi64(a, after, fill(n));
  }
  // With a mask that keeps every lane: the plain forms make GCC 12 warn of an uninitialised operand.
  static Raw previous_words(Raw before, Raw here) { return _mm512_maskz_alignr_epi64(0xff, here, before, 7); }
  static Raw next_words(Raw here, Raw after) { return _mm512_maskz_alignr_epi64(0xff, after, here, 1); }
  static __mmask8 first_lanes(std::size_t count) { return static_cast<__mmask8>((1u << count) - 1); }
  static Raw load_some(const std::uint64_t* p, std::size_t count) {
    return _mm512_maskz_loadu_epi64(first_lanes(count), p);
  }
  static void store_some(std::uint64_t* p, Raw a, std::size_t count) {
    _mm512_mask_storeu_epi64(p, first_lanes(count), a);
  }
};

}  // namespace

void morphology2d_u64_u64__x86_avx512(const SeProgram& program, const MorphShape& shape,
                                      const std::uint64_t* src, std::uint64_t* dst, std::size_t begin,
                                      std::size_t end, std::uint64_t* scratch) {
  run_morphology<MorphVecAvx512, MorphWord>(program, shape, src, dst, begin, end, scratch);
}

}  // namespace binmorph::kernels
