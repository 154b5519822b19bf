// Packed morphology on the device: row-packed images in and out.
#pragma once

#include "kernels/common/cuda/launch.h"
#include "kernels/morphology2d/morphology2d.h"

namespace binmorph::cuda {

// Result pixel (y, x) = [number of points whose pixel (y + dy, x + dx) is set >= rank]. Pixels outside have
// the value `border`. rank = points: erosion, rank 1: dilation.
struct MorphologyParams {
  const std::uint64_t* src;  // [images][height][words_for(width)]
  std::uint64_t* dst;        // the same; not src
  const kernels::SePoint* points;
  std::uint32_t point_count, rank;
  std::uint32_t images, height, width;
  bool border;
};

// Erosion or dilation by a part of the 3x3 window, at the speed of memory: bit 3 (dy + 1) + dx + 1 of
// `element` is the point (dy, dx). Hit-or-miss: an erosion whose pixels at the points of `zeros` must be 0.
struct Morphology3x3Params {
  const std::uint64_t* src;  // [images][height][words_for(width)]
  std::uint64_t* dst;        // the same; not src
  std::uint32_t images, height, width;
  std::uint32_t element, zeros;
  bool dilate, border;
};

// A box, as steps that widen it along rows, and whose complement it erodes.
inline constexpr std::uint32_t kWalkSteps = 4, kWalkStages = 4;
struct WalkStage {
  std::uint32_t left[kWalkSteps], right[kWalkSteps], steps;  // < 32
  std::uint32_t up, down;                                    // rows above and below
  std::uint32_t flip;                                        // all ones: a dilation
  std::uint32_t border;                                      // all ones or none
};

// 3x3 boxes and crosses need no steps.
enum class WalkShape : std::uint32_t { box, box3, cross3 };

// One or two boxes, or 1, 2 or 4 of 3x3, in one pass through memory. The boxes' sums of `left` and of
// `right` are at most 64.
struct MorphologyWalkParams {
  const std::uint64_t* src;  // [images][height][words_for(width)]
  std::uint64_t* dst;        // the same; not src
  std::uint32_t images, height, width;
  std::uint32_t rows;  // of the result, made by one lane
  std::uint32_t stages;
  WalkShape shape;  // of all stages
  WalkStage stage[kWalkStages];
};

// A compiled element (SeProgram) small enough to travel with the launch.
struct ProgramOperand {
  std::int16_t row, word;
  std::uint8_t buffer, bit;
};
struct ProgramFold {
  std::uint16_t first_operand, extra_rows;
  std::uint8_t operands, dst;
};
inline constexpr std::uint32_t kProgramOperands = 448, kProgramFolds = 64;

// A block makes `rows` x `words` of the result; its buffers have (rows + reach) x pitch words in shared
// memory, pitch = left + words + right. Before the first buffer lie `left` words, behind the last one
// right + 1, whose contents do not matter.
struct MorphologyProgramParams {
  const std::uint64_t* src;  // [images][height][words_for(width)]
  std::uint64_t* dst;        // the same; not src
  std::uint32_t images, height, width;
  std::uint32_t rows, words, left, right, reach, buffers, folds;
  std::int32_t top;
  bool dilate, border;
  ProgramFold fold[kProgramFolds];
  ProgramOperand operand[kProgramOperands];
};

inline constexpr std::uint32_t kMorphologyRows = 8;                // of the result, made by one thread
inline constexpr std::uint32_t kWalkBlock = 128, kWalkLanes = 30;  // lanes of a warp that write
inline constexpr std::uint32_t kWalkReach = 32;                    // of a box, in each direction
inline constexpr std::uint32_t kWalkRows = 8;      // of the result, made by one lane, at least
inline constexpr std::uint32_t kProgramWords = 8;  // of a buffer, at most, for each thread of a block

// dst = first op second, words of equal images. op: 0 AND, 1 OR, 2 XOR, 3 AND NOT second, 4 second where
// `mask` is set, otherwise first. In place is fine.
struct BitwiseParams {
  const std::uint64_t* first;
  const std::uint64_t* second;
  const std::uint64_t* mask;  // of op 4
  std::uint64_t* dst;
  std::uint64_t words;
  std::uint32_t op;
};

// dst = NOT src, tails zero; rows of words_for(width) words.
struct ComplementParams {
  const std::uint64_t* src;
  std::uint64_t* dst;
  std::uint64_t rows;
  std::uint32_t width;
};

// *flag = 1 where two runs of words differ; otherwise it stays.
struct DifferParams {
  const std::uint64_t* first;
  const std::uint64_t* second;
  std::uint32_t* flag;
  std::uint64_t words;
};

inline LaunchShape launch_morphology2d(const MorphologyParams& p) {
  return launch_items(std::uint64_t{p.images} * p.height * (lanes_for(p.width) / 64));
}
inline LaunchShape launch_morphology3x3(const Morphology3x3Params& p) {
  return launch_items(p.images * blocks_for(p.height, kMorphologyRows) * (lanes_for(p.width) / 64));
}
// Bytes of shared memory in which rows wait for the others of their boxes. `lane_words`: 1, or 2 for images
// whose rows have an even number of words and begin at 16 bytes.
inline std::uint32_t walk_ring(const MorphologyWalkParams& p, std::uint32_t lane_words) {
  std::uint32_t rows = 0;
  for (std::uint32_t s = 0; s < p.stages && p.shape == WalkShape::box; ++s)
    rows += p.stage[s].up + p.stage[s].down;
  return rows * kWalkBlock * 8 * lane_words;
}
inline LaunchShape launch_morphology_walk(const MorphologyWalkParams& p, std::uint32_t lane_words) {
  const std::uint64_t lanes =
      p.images * blocks_for(p.height, p.rows) * (lanes_for(p.width) / 64 / lane_words + 1);
  return {static_cast<std::uint32_t>(blocks_for(lanes, kWalkBlock / 32 * kWalkLanes)), 1, 1, kWalkBlock,
          walk_ring(p, lane_words)};
}
constexpr std::uint32_t program_pitch(const MorphologyProgramParams& p) { return p.left + p.words + p.right; }
constexpr std::uint32_t program_buffer(const MorphologyProgramParams& p) {
  return (p.rows + p.reach) * program_pitch(p);
}
// One block a tile: along x those of all images' rows, along y those of a row.
inline LaunchShape launch_morphology_program(const MorphologyProgramParams& p) {
  const std::uint32_t words = lanes_for(p.width) / 64, buffer = program_buffer(p);
  const auto threads = static_cast<std::uint32_t>(blocks_for(blocks_for(buffer, kProgramWords), 32) * 32);
  return {static_cast<std::uint32_t>(p.images * blocks_for(p.height, p.rows)),
          static_cast<std::uint32_t>(blocks_for(words, p.words)), 1, threads,
          8 * (p.left + p.buffers * buffer + p.right + 1)};
}
inline LaunchShape launch_bitwise(const BitwiseParams& p) { return launch_items(p.words); }
inline LaunchShape launch_complement(const ComplementParams& p) {
  return launch_items(p.rows * (lanes_for(p.width) / 64));
}
inline LaunchShape launch_differ(const DifferParams& p) { return launch_items(p.words); }

}  // namespace binmorph::cuda
