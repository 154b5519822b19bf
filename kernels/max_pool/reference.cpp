#include "kernels/common/bits.h"
#include "kernels/max_pool/max_pool.h"

namespace binmorph::kernels {
namespace {

template <class ReadPixel>
bool pool(const PoolShape& shape, std::size_t y, std::size_t x, ReadPixel read) {
  bool any = false;
  for (std::size_t i = 0; i < shape.kernel_h; ++i)
    for (std::size_t j = 0; j < shape.kernel_w; ++j)
      any |= read(y * shape.stride_h + i, x * shape.stride_w + j);
  return any;
}

}  // namespace

void max_pool_rows_u64_u64__reference(const PoolShape& shape, const std::uint64_t* src, std::uint64_t* dst) {
  const std::size_t words = words_for(shape.width), out_words = words_for(shape.out_width());
  for (std::size_t c = 0; c < shape.channels; ++c) {
    for (std::size_t y = 0; y < shape.out_height(); ++y) {
      std::uint64_t* row = dst + (c * shape.out_height() + y) * out_words;
      for (std::size_t w = 0; w < out_words; ++w) row[w] = 0;
      for (std::size_t x = 0; x < shape.out_width(); ++x)
        set_bit(row, x, pool(shape, y, x, [&](std::size_t i, std::size_t j) {
                  return get_bit(src + (c * shape.height + i) * words, j);
                }));
    }
  }
}

void max_pool_planes_u64_u64__reference(const PoolShape& shape, std::size_t lane_words,
                                        const std::uint64_t* src, std::uint64_t* dst) {
  for (std::size_t c = 0; c < shape.channels; ++c) {
    for (std::size_t y = 0; y < shape.out_height(); ++y) {
      for (std::size_t x = 0; x < shape.out_width(); ++x, dst += lane_words) {
        for (std::size_t lane = 0; lane < 64 * lane_words; ++lane)
          set_bit(dst, lane, pool(shape, y, x, [&](std::size_t i, std::size_t j) {
                    return get_bit(src + ((c * shape.height + i) * shape.width + j) * lane_words, lane);
                  }));
      }
    }
  }
}

}  // namespace binmorph::kernels
