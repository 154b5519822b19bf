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
inline LaunchShape launch_bitwise(const BitwiseParams& p) { return launch_items(p.words); }
inline LaunchShape launch_complement(const ComplementParams& p) {
  return launch_items(p.rows * (lanes_for(p.width) / 64));
}

}  // namespace binmorph::cuda
