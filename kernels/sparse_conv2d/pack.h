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

// Whether the kernels can run masks of these numbers of ones.
bool sparse_supports(const ConvShape& shape, const std::uint64_t* plus, const std::uint64_t* minus);

// Words that sparse_planes needs besides the planes.
std::size_t sparse_pixel_words(const SparseProgram& program);

// Makes the planes [planes.words()] of an image [height][width][words_for(channels)]; pixels:
// sparse_pixel_words(program) words of scratch.
void sparse_planes(const SparseProgram& program, const std::uint64_t* x, ImagesToPlanes* images_to_planes,
                   std::uint64_t* pixels, std::uint64_t* planes);

// Estimated cycles of one image, `entries` in all lists: fitted to the 3x3 layers of a ResNet-18 on a Zen 4.
double sparse_cycles(const SparseProgram& program, std::size_t entries, Isa isa);

}  // namespace binmorph::kernels
