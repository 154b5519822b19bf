// A compiled element on tiles in shared memory: runs by doubling, equal rows computed once, as on the CPU.
//
// Inside a buffer any point of an element is a constant distance, so a fold is one flat loop over all rows of
// the tile. It may write over what it reads: everything is read first, then written, with barriers between.
#include "kernels/common/cuda/device.cuh"
#include "kernels/morphology2d/cuda_morphology2d.h"

namespace binmorph::cuda {
namespace {

// Word w of image row y, or the border.
__device__ __forceinline__ std::uint64_t image_word(const MorphologyProgramParams& p,
                                                    const std::uint64_t* image, int y, int w) {
  const int words = static_cast<int>(words_of(p.width));
  const std::uint64_t border = p.border ? ~std::uint64_t{0} : 0;
  if (y < 0 || y >= static_cast<int>(p.height) || w < 0 || w >= words) return border;
  const std::uint64_t word =
      image[static_cast<std::uint64_t>(y) * static_cast<unsigned>(words) + static_cast<unsigned>(w)];
  return word | (border & ~low_bits(p.width - static_cast<unsigned>(w) * 64));
}

// The operands of one fold, at a word of the first buffer's numbering.
__device__ __forceinline__ std::uint64_t fold_at(const MorphologyProgramParams& p, const ProgramFold& fold,
                                                 const std::uint64_t* first, std::uint32_t word) {
  const std::uint32_t pitch = program_pitch(p), buffer = program_buffer(p);
  const std::uint64_t flip = p.dilate ? ~std::uint64_t{0} : 0;
  std::uint64_t result = ~std::uint64_t{0};
  for (unsigned j = 0; j < fold.operands; ++j) {
    const ProgramOperand operand = p.operand[fold.first_operand + j];
    const std::uint64_t* from =
        first + (operand.buffer * buffer + word + static_cast<unsigned>(operand.row) * pitch) + operand.word;
    std::uint64_t value = from[0];
    if (operand.bit != 0) value = value >> operand.bit | from[1] << (64 - operand.bit);
    result &= value ^ flip;
  }
  return result ^ flip;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(512)
    morphology_program_u64_u64__cuda_simt(const MorphologyProgramParams p) {
  take_turn();
  auto* first = reinterpret_cast<std::uint64_t*>(shared_memory()) + p.left;
  const std::uint32_t pitch = program_pitch(p), buffer = program_buffer(p), words = words_of(p.width);
  const std::uint32_t tiles = (p.height + p.rows - 1) / p.rows;
  const std::uint64_t at = std::uint64_t{blockIdx.x / tiles} * p.height * words;
  const std::uint32_t y = blockIdx.x % tiles * p.rows, x = blockIdx.y * p.words;
  for (std::uint32_t i = threadIdx.x; i < buffer; i += blockDim.x)
    first[i] = image_word(p, p.src + at, static_cast<int>(y + i / pitch) + p.top,
                          static_cast<int>(x + i % pitch) - static_cast<int>(p.left));
  __syncthreads();
  for (unsigned s = 0; s + 1 < p.folds; ++s) {
    const ProgramFold fold = p.fold[s];
    const std::uint32_t end = (p.rows + fold.extra_rows) * pitch;
    std::uint64_t result[kProgramWords];
#pragma unroll
    for (unsigned k = 0; k < kProgramWords; ++k) {
      const std::uint32_t word = threadIdx.x + k * blockDim.x;
      if (word < end) result[k] = fold_at(p, fold, first, word);
    }
    __syncthreads();
#pragma unroll
    for (unsigned k = 0; k < kProgramWords; ++k) {
      const std::uint32_t word = threadIdx.x + k * blockDim.x;
      if (word < end) first[fold.dst * buffer + word] = result[k];
    }
    __syncthreads();
  }
  const ProgramFold fold = p.fold[p.folds - 1];
  for (std::uint32_t i = threadIdx.x; i < p.rows * p.words; i += blockDim.x) {
    const std::uint32_t row = i / p.words, w = i % p.words;
    if (y + row >= p.height || x + w >= words) continue;
    p.dst[at + std::uint64_t{y + row} * words + x + w] =
        fold_at(p, fold, first, row * pitch + p.left + w) & low_bits(p.width - (x + w) * 64);
  }
}

}  // namespace binmorph::cuda
