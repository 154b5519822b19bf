// Packs masks with few ones for the kernels of this folder, and images for those masks; portable.
#pragma once

#include <vector>

#include "kernels/common/isa.h"
#include "kernels/sparse_conv2d/sparse_conv2d.h"
#include "kernels/transpose/transpose.h"

namespace binmorph::kernels {

class SparsePack {
 public:
  // Masks: [out_channels][words_for(inputs)], inputs in the order [channel of the group][row][column]; minus
  // may be null, for all zero.
  SparsePack(const ConvShape& shape, const std::uint64_t* plus, const std::uint64_t* minus);
  SparseProgram program() const;
  std::size_t entries() const { return entries_.size(); }

 private:
  ConvShape shape_;
  SparsePlanes planes_;
  std::vector<std::uint32_t> entries_, first_, size_;
  bool minus_ = false;
  std::size_t bits_ = 0;
};

// Thresholds packed for a program. threshold: [classes][out_channels]; invert: [out_channels], 0 or 1; the
// class of an output pixel is row_class[y] + column_class[x], where null stands for zeros.
class SparseThresholdPack {
 public:
  SparseThresholdPack(const SparseProgram& program, const std::int32_t* threshold, const std::uint8_t* invert,
                      std::size_t classes, const std::uint32_t* row_class, const std::uint32_t* column_class);
  SparseThresholds thresholds() const;

 private:
  std::size_t classes_, mask_words_;
  std::vector<std::int32_t> threshold_;
  std::vector<std::uint64_t> invert_, masks_;
};

// Whether the kernels can run masks of these numbers of ones.
bool sparse_supports(const ConvShape& shape, const std::uint64_t* plus, const std::uint64_t* minus);

// Entries of the lists of such masks, what fills them up included.
std::size_t sparse_entries(const ConvShape& shape, const std::uint64_t* plus, const std::uint64_t* minus);

// Words that sparse_planes needs besides the planes.
std::size_t sparse_pixel_words(const SparseProgram& program);

// Makes the planes [planes.words()] of an image [height][width][words_for(channels)]; pixels:
// sparse_pixel_words(program) words of scratch.
void sparse_planes(const SparseProgram& program, const std::uint64_t* x, ImagesToPlanes* images_to_planes,
                   std::uint64_t* pixels, std::uint64_t* planes);

// Estimated cycles of one image, `entries` in all lists, of sums and of bits: fitted to the 3x3 layers of a
// ResNet-18 on a Zen 4.
double sparse_cycles(const ConvShape& shape, bool minus, std::size_t entries, Isa isa);
double sparse_threshold_cycles(const ConvShape& shape, bool minus, std::size_t entries, Isa isa);

}  // namespace binmorph::kernels
