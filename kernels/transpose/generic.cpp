#include "kernels/transpose/block_u64.h"

namespace binmorph::kernels {

void images_to_planes_u64_u64__generic(const std::uint64_t* images, std::size_t count,
                                       std::size_t image_words, std::size_t bits, std::uint64_t* planes,
                                       std::size_t lane_words) {
  images_to_planes<BlockU64>(images, count, image_words, bits, planes, lane_words);
}

void planes_to_images_u64_u64__generic(const std::uint64_t* planes, std::size_t lane_words, std::size_t bits,
                                       std::uint64_t* images, std::size_t count, std::size_t image_words) {
  planes_to_images<BlockU64>(planes, lane_words, bits, images, count, image_words);
}

}  // namespace binmorph::kernels
