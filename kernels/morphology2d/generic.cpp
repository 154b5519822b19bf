#include "kernels/morphology2d/algorithm.h"
#include "kernels/morphology2d/morph_word.h"

namespace binmorph::kernels {

void morphology2d_u64_u64__generic(const SeProgram& program, const MorphShape& shape,
                                   const std::uint64_t* src, std::uint64_t* dst, std::size_t begin,
                                   std::size_t end, std::uint64_t* scratch) {
  run_morphology<MorphWord, MorphWord>(program, shape, src, dst, begin, end, scratch);
}

}  // namespace binmorph::kernels
