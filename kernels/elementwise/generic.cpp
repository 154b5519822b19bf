#include <algorithm>
#include <cmath>

#include "kernels/common/bits.h"
#include "kernels/elementwise/elementwise.h"

namespace binmorph::kernels {
namespace {

std::uint64_t pack(const float* v, const float* values, std::size_t count) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) word |= std::uint64_t{v[i] >= values[i]} << i;
  return word;
}

// `count` channels from `first` on of one pixel, in v.
void run_steps(const ElementwiseProgram& program, std::size_t pixel, std::size_t first, std::size_t count,
               float* v, void* const* streams) {
  const std::size_t at = pixel * program.channels + first;
  for (std::size_t s = 0; s < program.count; ++s) {
    const ElementwiseStep& step = program.steps[s];
    switch (step.op) {
      case ElementwiseOp::affine:
        for (std::size_t i = 0; i < count; ++i)
          v[i] = std::fma(v[i], step.first[first + i], step.second[first + i]);
        break;
      case ElementwiseOp::two_value: {
        const std::size_t group_channels = program.channels / step.groups;
        const auto* a = static_cast<const std::int32_t*>(streams[step.stream]) + pixel * step.groups;
        for (std::size_t i = 0; i < count; ++i) {
          const std::size_t c = first + i;
          const float second = step.second[c] * static_cast<float>(a[c / group_channels]);
          v[i] = std::fma(v[i], step.first[c], second);
        }
        break;
      }
      case ElementwiseOp::add: {
        const float* from = static_cast<const float*>(streams[step.stream]) + at;
        for (std::size_t i = 0; i < count; ++i) v[i] = v[i] + from[i];
        break;
      }
      case ElementwiseOp::prelu:
        for (std::size_t i = 0; i < count; ++i) v[i] = v[i] > 0 ? v[i] : v[i] * step.first[first + i];
        break;
      case ElementwiseOp::clamp:
        for (std::size_t i = 0; i < count; ++i) {
          v[i] = v[i] < step.low ? step.low : v[i];
          v[i] = v[i] > step.high ? step.high : v[i];
        }
        break;
      case ElementwiseOp::store:
        std::copy_n(v, count, static_cast<float*>(streams[step.stream]) + at);
        break;
      case ElementwiseOp::pack:
        static_cast<std::uint64_t*>(
            streams[step.stream])[pixel * words_for(program.channels) + first / kElementwiseBlock] =
            pack(v, step.first + first, count);
        break;
    }
  }
}

template <class T>
void run(const ElementwiseProgram& program, const ElementwiseRange& range, const T* src,
         std::size_t src_pitch, void* const* streams) {
  for (std::size_t pixel = range.pixel_begin; pixel < range.pixel_end; ++pixel, src += src_pitch) {
    const T* from = src;
    for (std::size_t block = range.block_begin; block < range.block_end; ++block) {
      const std::size_t first = block * kElementwiseBlock;
      const std::size_t count = std::min(kElementwiseBlock, program.channels - first);
      float v[kElementwiseBlock];
      for (std::size_t i = 0; i < count; ++i) v[i] = static_cast<float>(from[i]);
      run_steps(program, pixel, first, count, v, streams);
      from += count;
    }
  }
}

}  // namespace

void elementwise_f32__generic(const ElementwiseProgram& program, const ElementwiseRange& range,
                              const float* src, std::size_t src_pitch, void* const* streams) {
  run(program, range, src, src_pitch, streams);
}

void elementwise_i16__generic(const ElementwiseProgram& program, const ElementwiseRange& range,
                              const std::int16_t* src, std::size_t src_pitch, void* const* streams) {
  run(program, range, src, src_pitch, streams);
}

void elementwise_i32__generic(const ElementwiseProgram& program, const ElementwiseRange& range,
                              const std::int32_t* src, std::size_t src_pitch, void* const* streams) {
  run(program, range, src, src_pitch, streams);
}

}  // namespace binmorph::kernels
