// A vector of pixels of a block of outputs: what all kernels on lists of taps do with it.
#pragma once

#include "kernels/common/carry_save.h"
#include "kernels/sparse_conv2d/sparse_conv2d.h"

namespace binmorph::kernels {
namespace {

// Up to 64 * Words pixels from word `at` of the planes on, of up to kSparseBlock outputs.
template <std::size_t Words>
struct PixelBlock {
  std::size_t first, outputs;  // of the block
  std::size_t pixels;
  const char* bytes;  // what the entries of lists are added to

  PixelBlock(const SparseProgram& p, const std::uint64_t* planes, std::size_t at, std::size_t block)
      : first(block * kSparseBlock),
        outputs(p.shape.out_channels - first < kSparseBlock ? p.shape.out_channels - first : kSparseBlock),
        bytes(reinterpret_cast<const char*>(planes + at)),
        width_(p.shape.out_width()),
        pitch_(p.planes.row_bits),
        begin_(64 * at) {
    const std::size_t left = p.shape.out_height() * pitch_ - begin_;
    pixels = left < 64 * Words ? left : 64 * Words;
  }

  // put(i, number): pixel i of these is that pixel of the output; those between rows are left out.
  template <class Put>
  void for_each(const Put& put) const {
    std::size_t row = begin_ / pitch_, column = begin_ % pitch_;
    for (std::size_t i = 0; i < pixels; ++i) {
      if (column < width_) put(i, row * width_ + column);
      if (++column == pitch_) column = 0, ++row;
    }
  }

 private:
  std::size_t width_, pitch_, begin_;
};

// Counts the taps of one list, of which no more than `limit` have ones (count_rows).
template <class V, std::size_t N>
inline void count_list(const SparseProgram& p, std::size_t list, const char* bytes, std::size_t limit,
                       std::uint64_t* planes, std::size_t plane_pitch = Lanes<V, N>::words) {
  const std::uint32_t* entries = p.entries + p.first[list];
  const auto row = [&](std::size_t i) {
    return Lanes<V, N>::load(reinterpret_cast<const std::uint64_t*>(bytes + entries[i]));
  };
  count_rows<V, N>(row, padded_rows(p.size[list]), limit, planes, plane_pitch);
}

// Calls wide(at, block) for blocks [begin, end) at every vector of kWide words of an image, and narrow(at,
// block) where no more than kNarrow words are left.
template <std::size_t kWide, std::size_t kNarrow, class WideRun, class NarrowRun>
inline void for_each_vector(const SparseProgram& p, std::size_t begin, std::size_t end, const WideRun& wide,
                            const NarrowRun& narrow) {
  const std::size_t words = words_for(p.shape.out_height() * p.planes.row_bits);
  for (std::size_t at = 0; at < words; at += kWide)
    for (std::size_t block = begin; block < end; ++block) {
      if (words - at > kNarrow)
        wide(at, block);
      else
        narrow(at, block);
    }
}

}  // namespace
}  // namespace binmorph::kernels
