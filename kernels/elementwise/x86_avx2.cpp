#include "kernels/common/vec_f32_avx2.h"
#include "kernels/elementwise/algorithm.h"

namespace binmorph::kernels {

void elementwise_f32__x86_avx2(const ElementwiseProgram& program, const ElementwiseRange& range,
                               const float* src, std::size_t src_pitch, void* const* streams) {
  run_elementwise<VecF32Avx2>(program, range, src, src_pitch, streams);
}

void elementwise_i16__x86_avx2(const ElementwiseProgram& program, const ElementwiseRange& range,
                               const std::int16_t* src, std::size_t src_pitch, void* const* streams) {
  run_elementwise<VecF32Avx2>(program, range, src, src_pitch, streams);
}

void elementwise_i32__x86_avx2(const ElementwiseProgram& program, const ElementwiseRange& range,
                               const std::int32_t* src, std::size_t src_pitch, void* const* streams) {
  run_elementwise<VecF32Avx2>(program, range, src, src_pitch, streams);
}

}  // namespace binmorph::kernels
