// Skeletons of images and volumes by the removal of simple points (Lee, Kashyap and Chu, CVGIP 56(6), 1994).
#pragma once

#include <cstddef>
#include <cstdint>

namespace binmorph {

// Thins [planes, height, words_for(width)] words with zero tails in place, at most `limit` rounds over the
// six sides (0: until nothing changes); returns the number of rounds, the last one, which changes nothing,
// included.
std::size_t skeletonize(std::uint64_t* words, std::size_t planes, std::size_t height, std::size_t width,
                        std::size_t limit);

}  // namespace binmorph
