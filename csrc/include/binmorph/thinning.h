// Thinning of a packed image until nothing changes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/isa.h"

namespace binmorph {

enum class ThinMethod : std::uint8_t { guo_hall, zhang_suen };

// Thins words [height][words_for(width)] (zero tails) in place, at most `limit` iterations of two passes (0:
// no limit), and returns how many were made, the last of which, if the limit was not reached, changed
// nothing.
std::size_t thin(std::uint64_t* words, std::size_t height, std::size_t width, ThinMethod method,
                 std::size_t limit, std::size_t threads, Isa isa);

}  // namespace binmorph
