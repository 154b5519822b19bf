#include "kernels/morphology2d/cuda_pack.h"

#include <algorithm>
#include <cstddef>
#include <vector>

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

std::optional<BoxReach> box_reach(const kernels::SeProgram& program) {
  BoxReach reach{};
  const auto grow = [](std::uint32_t& side, std::int32_t offset) {
    side = std::max(side, static_cast<std::uint32_t>(std::max(offset, 0)));
  };
  for (std::size_t i = 0; i < program.point_count; ++i) {
    const kernels::SePoint p = program.points[i];
    grow(reach.left, -p.dx);
    grow(reach.right, p.dx);
    grow(reach.up, -p.dy);
    grow(reach.down, p.dy);
  }
  const std::size_t width = std::size_t{reach.left} + 1 + reach.right;
  const std::size_t area = width * (std::size_t{reach.up} + 1 + reach.down);
  if (area > program.point_count) return std::nullopt;
  std::vector<bool> there(area);  // points may come twice
  for (std::size_t i = 0; i < program.point_count; ++i) {
    const kernels::SePoint p = program.points[i];
    const std::uint32_t y = static_cast<std::uint32_t>(p.dy) + reach.up;  // modulo 2^32
    const std::uint32_t x = static_cast<std::uint32_t>(p.dx) + reach.left;
    there[y * width + x] = true;
  }
  if (std::find(there.begin(), there.end(), false) != there.end()) return std::nullopt;
  return reach;
}

WalkStage cut_stage(BoxReach& rest, bool dilate, bool border) {
  WalkStage stage{};
  stage.flip = dilate ? ~0u : 0;
  stage.border = border ? ~0u : 0;
  const auto take = [](std::uint32_t& from, std::uint32_t most) {
    const std::uint32_t taken = std::min(from, most);
    from -= taken;
    return taken;
  };
  stage.up = take(rest.up, kWalkReach);
  stage.down = take(rest.down, kWalkReach);
  // Neighbouring runs of a length make one of up to three times that; a step shifts by less than 32.
  std::uint32_t length = 1, left = kWalkReach, right = kWalkReach;
  while (stage.steps < kWalkSteps && (rest.left != 0 || rest.right != 0) && (left != 0 || right != 0)) {
    const std::uint32_t before = take(rest.left, std::min({length, left, 31u}));
    const std::uint32_t after = take(rest.right, std::min({length, right, 31u}));
    stage.left[stage.steps] = before;
    stage.right[stage.steps++] = after;
    left -= before;
    right -= after;
    length += before + after;
  }
  return stage;
}

std::uint32_t spread_rows(MorphologyWalkParams& p, std::uintptr_t address, std::size_t shared_bytes,
                          std::size_t multiprocessors) {
  constexpr std::size_t kBlocks = 5;          // of a multiprocessor, by the kernel's registers
  constexpr std::size_t kWideRows = 16;       // from here on lanes hold two words
  constexpr std::size_t kRing = 1 << 16;      // every device has as many bytes for a block
  constexpr std::size_t kReserved = 1 << 10;  // the device's own, of each block
  const std::size_t words = words_for(p.width);
  const auto rows = [&](std::uint32_t lane_words) {
    const std::size_t fit = shared_bytes / (walk_ring(p, lane_words) + kReserved);
    const std::size_t blocks = multiprocessors * std::clamp<std::size_t>(fit, 1, kBlocks);
    return blocks_for(p.images * p.height * (words / lane_words + 1), blocks * kWalkBlock / 32 * kWalkLanes);
  };
  const bool wide = words % 2 == 0 && address % 16 == 0 && walk_ring(p, 2) <= kRing && rows(2) >= kWideRows;
  std::size_t around = 0;  // rows that are read for their neighbours alone
  for (std::uint32_t s = 0; s < p.stages; ++s) around += p.stage[s].up + p.stage[s].down;
  const std::size_t most = std::max<std::size_t>({rows(wide ? 2 : 1), around, kWalkRows});
  p.rows = static_cast<std::uint32_t>(std::min<std::size_t>(most, p.height));
  return wide ? 2 : 1;
}

}  // namespace binmorph::cuda
