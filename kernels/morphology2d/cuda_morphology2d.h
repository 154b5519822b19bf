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
// `element` is the point (dy, dx).
struct Morphology3x3Params {
  const std::uint64_t* src;  // [images][height][words_for(width)]
  std::uint64_t* dst;        // the same; not src
  std::uint32_t images, height, width;
  std::uint32_t element;
  bool dilate, border;
};

inline constexpr std::uint32_t kMorphologyRows = 8;  // of the result, made by one thread

// dst = first op second, words of equal images. op: 0 AND, 1 OR, 2 XOR, 3 AND NOT second. In place is fine.
struct BitwiseParams {
  const std::uint64_t* first;
  const std::uint64_t* second;
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

inline LaunchShape launch_morphology2d(const MorphologyParams& p) {
  return launch_items(std::uint64_t{p.images} * p.height * (lanes_for(p.width) / 64));
}
inline LaunchShape launch_morphology3x3(const Morphology3x3Params& p) {
  return launch_items(p.images * blocks_for(p.height, kMorphologyRows) * (lanes_for(p.width) / 64));
}
inline LaunchShape launch_bitwise(const BitwiseParams& p) { return launch_items(p.words); }
inline LaunchShape launch_complement(const ComplementParams& p) {
  return launch_items(p.rows * (lanes_for(p.width) / 64));
}

}  // namespace binmorph::cuda
