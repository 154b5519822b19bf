#include "kernels/thinning/algorithm.h"

namespace binmorph::kernels {

bool thin_pass_u64_u64__x86_avx512(ThinRule rule, std::size_t height, std::size_t width,
                                   const std::uint64_t* src, std::uint64_t* dst, std::size_t begin,
                                   std::size_t end) {
  return thin_pass(rule, height, width, src, dst, begin, end);
}

}  // namespace binmorph::kernels
