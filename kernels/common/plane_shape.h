// Which words of bit planes a kernel reads and writes.
#pragma once

#include <cstddef>

namespace binmorph::kernels {

// `rows` rows of `row_words` words each: lane word w of row y reads src[y * src_row_pitch + w + offset], and
// output o of it is written to dst[o * dst_plane_pitch + y * row_words + w]. dst must not overlap src.
struct PlaneShape {
  std::size_t rows;
  std::size_t row_words;
  std::size_t src_row_pitch;
  std::size_t dst_plane_pitch;
};

}  // namespace binmorph::kernels
