#include "kernels/common/vec_avx2.h"
#include "kernels/morphology2d/algorithm.h"
#include "kernels/morphology2d/morph_word.h"

namespace binmorph::kernels {
namespace {

struct MorphVecAvx2 : VecAvx2 {
  static constexpr std::size_t unroll = 4;
  static constexpr std::size_t longest_run = 8;  // of reads that fold_four beats one by one
  template <bool kDilate>
  static Raw fold(Raw acc, Raw a) {
    return kDilate ? bit_or(acc, a) : bit_and(acc, a);
  }
  template <bool kDilate>
  static Raw fold3(Raw a, Raw b, Raw c) {
    return fold<kDilate>(fold<kDilate>(a, b), c);
  }
  // A count of 64 shifts everything out.
  static Raw shift_in_left(Raw a, Raw before, std::uint64_t n) {
    return bit_or(_mm256_sllv_epi64(a, fill(n)), _mm256_srlv_epi64(before, fill(64 - n)));
  }
  static Raw shift_in_right(Raw a, Raw after, std::uint64_t n) {
    return bit_or(_mm256_srlv_epi64(a, fill(n)), _mm256_sllv_epi64(after, fill(64 - n)));
  }
  static Raw previous_words(Raw before, Raw here) {
    return _mm256_alignr_epi8(here, _mm256_permute2x128_si256(before, here, 0x21), 8);
  }
  static Raw next_words(Raw here, Raw after) {
    return _mm256_alignr_epi8(_mm256_permute2x128_si256(here, after, 0x21), here, 8);
  }
  static Raw first_lanes(std::size_t count) {
    return _mm256_cmpgt_epi64(fill(count), _mm256_setr_epi64x(0, 1, 2, 3));
  }
  static Raw load_some(const std::uint64_t* p, std::size_t count) {
    if (count == words) return load(p);
    return _mm256_maskload_epi64(reinterpret_cast<const long long*>(p), first_lanes(count));
  }
  static void store_some(std::uint64_t* p, Raw a, std::size_t count) {
    if (count == words) return store(p, a);
    _mm256_maskstore_epi64(reinterpret_cast<long long*>(p), first_lanes(count), a);
  }
};

}  // namespace

void morphology2d_u64_u64__x86_avx2(const SeProgram& program, const MorphShape& shape,
                                    const std::uint64_t* src, std::uint64_t* dst, std::size_t begin,
                                    std::size_t end, std::uint64_t* scratch) {
  run_morphology<MorphVecAvx2, MorphWord>(program, shape, src, dst, begin, end, scratch);
}

}  // namespace binmorph::kernels
