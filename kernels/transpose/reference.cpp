#include "kernels/common/bits.h"
#include "kernels/transpose/transpose.h"

namespace binmorph::kernels {

void images_to_planes_u64_u64__reference(const std::uint64_t* images, std::size_t count,
                                         std::size_t image_words, std::size_t bits, std::uint64_t* planes,
                                         std::size_t lane_words) {
  for (std::size_t b = 0; b < bits; ++b)
    for (std::size_t i = 0; i < 64 * lane_words; ++i)
      set_bit(planes + b * lane_words, i, i < count && get_bit(images + i * image_words, b));
}

void planes_to_images_u64_u64__reference(const std::uint64_t* planes, std::size_t lane_words,
                                         std::size_t bits, std::uint64_t* images, std::size_t count,
                                         std::size_t image_words) {
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t b = 0; b < 64 * words_for(bits); ++b)
      set_bit(images + i * image_words, b, b < bits && get_bit(planes + b * lane_words, i));
}

}  // namespace binmorph::kernels
