#include <algorithm>
#include <cmath>

#include "kernels/common/bits.h"
#include "kernels/elementwise/elementwise.h"

namespace binmorph::kernels {
namespace {

void run_steps(const ElementwiseProgram& program, std::size_t pixel, std::size_t c, float v,
               void* const* streams) {
  const std::size_t at = pixel * program.channels + c;
  for (std::size_t s = 0; s < program.count; ++s) {
    const ElementwiseStep& step = program.steps[s];
    switch (step.op) {
      case ElementwiseOp::affine:
        v = std::fma(v, step.first[c], step.second[c]);
        break;
      case ElementwiseOp::two_value: {
        const std::size_t group = c / (program.channels / step.groups);
        const std::int32_t a =
            static_cast<const std::int32_t*>(streams[step.stream])[pixel * step.groups + group];
        const float second = step.second[c] * static_cast<float>(a);
        v = std::fma(v, step.first[c], second);
        break;
      }
      case ElementwiseOp::add:
        v = v + static_cast<const float*>(streams[step.stream])[at];
        break;
      case ElementwiseOp::prelu:
        v = v > 0 ? v : v * step.first[c];
        break;
      case ElementwiseOp::clamp:
        v = v < step.low ? step.low : v;
        v = v > step.high ? step.high : v;
        break;
      case ElementwiseOp::store:
        static_cast<float*>(streams[step.stream])[at] = v;
        break;
      case ElementwiseOp::pack: {
        const std::size_t words = words_for(program.channels);
        std::uint64_t* to = static_cast<std::uint64_t*>(streams[step.stream]) + pixel * words;
        if (c % 64 == 0) to[c / 64] = 0;
        set_bit(to, c, v >= step.first[c]);
        break;
      }
    }
  }
}

template <class T>
void run(const ElementwiseProgram& program, const ElementwiseRange& range, const T* src,
         std::size_t src_pitch, void* const* streams) {
  const std::size_t begin = range.block_begin * kElementwiseBlock;
  const std::size_t end = std::min(range.block_end * kElementwiseBlock, program.channels);
  for (std::size_t pixel = range.pixel_begin; pixel < range.pixel_end; ++pixel, src += src_pitch)
    for (std::size_t c = begin; c < end; ++c)
      run_steps(program, pixel, c, static_cast<float>(src[c - begin]), streams);
}

}  // namespace

void elementwise_f32__reference(const ElementwiseProgram& program, const ElementwiseRange& range,
                                const float* src, std::size_t src_pitch, void* const* streams) {
  run(program, range, src, src_pitch, streams);
}

void elementwise_i16__reference(const ElementwiseProgram& program, const ElementwiseRange& range,
                                const std::int16_t* src, std::size_t src_pitch, void* const* streams) {
  run(program, range, src, src_pitch, streams);
}

void elementwise_i32__reference(const ElementwiseProgram& program, const ElementwiseRange& range,
                                const std::int32_t* src, std::size_t src_pitch, void* const* streams) {
  run(program, range, src, src_pitch, streams);
}

}  // namespace binmorph::kernels
