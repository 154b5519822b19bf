#include "kernels/morphology2d/cuda_pack.h"

#include <algorithm>
#include <cstddef>

#include "kernels/common/bits.h"

namespace binmorph::cuda {
namespace {

constexpr std::size_t kBufferWords = 512 * kProgramWords;  // what a block of 512 threads can fold
constexpr std::size_t kFewestRows = 8;
constexpr std::size_t kBlocksPerMultiprocessor = 2;

bool pack_folds(const kernels::SeProgram& program, MorphologyProgramParams& params) {
  if (program.step_count > kProgramFolds) return false;
  std::size_t used = 0;
  for (std::size_t s = 0; s < program.step_count; ++s) {
    const kernels::SeStep& step = program.steps[s];
    const std::size_t count = std::size_t{step.plain} + step.shifted;
    if (used + count > kProgramOperands || step.extra_rows > UINT16_MAX) return false;
    params.fold[s] = {static_cast<std::uint16_t>(used), static_cast<std::uint16_t>(step.extra_rows),
                      static_cast<std::uint8_t>(count), static_cast<std::uint8_t>(step.dst)};
    for (std::size_t j = 0; j < count; ++j) {
      const kernels::SeOperand& o = program.operands[step.first_operand + j];
      if (o.row > INT16_MAX || o.word > INT16_MAX || o.word < INT16_MIN || o.buffer > UINT8_MAX) return false;
      params.operand[used++] = {static_cast<std::int16_t>(o.row), static_cast<std::int16_t>(o.word),
                                static_cast<std::uint8_t>(o.buffer), static_cast<std::uint8_t>(o.bit)};
    }
  }
  params.folds = static_cast<std::uint32_t>(program.step_count);
  return true;
}

}  // namespace

bool pack_program(const kernels::SeProgram& program, std::size_t shared_bytes, std::size_t multiprocessors,
                  MorphologyProgramParams& params) {
  if (program.step_count == 0 || !pack_folds(program, params)) return false;
  const std::size_t left = program.left_words, right = program.right_words, reach = program.reach;
  const std::size_t buffers = program.buffers - 1;  // the last one is the CPU's, for narrow images
  if (buffers > UINT8_MAX || left + right + 1 > shared_bytes / 8) return false;
  const std::size_t room = std::min(kBufferWords, (shared_bytes / 8 - left - right - 1) / buffers);
  // The tile whose halo costs least.
  const std::size_t image_words = words_for(params.width);
  std::size_t rows = 0, words = 0;
  double best = 0;
  for (std::size_t w = 1; w <= image_words; ++w) {
    const std::size_t pitch = left + w + right;
    if (pitch * (reach + 1) > room) break;
    const std::size_t r = std::min<std::size_t>(room / pitch - reach, params.height);
    const double useful = static_cast<double>(r * w) / static_cast<double>((r + reach) * pitch);
    if (useful <= best) continue;
    best = useful;
    rows = r;
    words = w;
  }
  if (rows == 0) return false;
  // Small images: fewer rows a tile, until every multiprocessor has blocks.
  const auto blocks = [&](std::size_t r) {
    return params.images * blocks_for(params.height, r) * blocks_for(image_words, words);
  };
  const std::size_t fewest = std::max(kFewestRows, reach);
  while (rows / 2 >= fewest && blocks(rows) < kBlocksPerMultiprocessor * multiprocessors) rows /= 2;
  params.rows = static_cast<std::uint32_t>(rows);
  params.words = static_cast<std::uint32_t>(words);
  params.left = static_cast<std::uint32_t>(left);
  params.right = static_cast<std::uint32_t>(right);
  params.reach = static_cast<std::uint32_t>(reach);
  params.top = program.top;
  params.buffers = static_cast<std::uint32_t>(buffers);
  return true;
}

}  // namespace binmorph::cuda
