// How many threads a kernel wants. Every kernel takes one plain struct by value and nothing else.
#pragma once

#include <cstdint>

namespace binmorph::cuda {

struct LaunchShape {
  std::uint32_t grid_x = 1, grid_y = 1, grid_z = 1;
  std::uint32_t block = 1;  // threads, along x
  std::uint32_t shared_bytes = 0;
  bool together = false;      // all blocks must be on the device at once (a cooperative launch)
  std::uint32_t cluster = 0;  // blocks of a thread block cluster, a divisor of grid_x; 0: there are none
};

inline constexpr std::uint32_t kBlock = 256;  // of kernels that give each thread one word or number
inline constexpr std::uint32_t kMaxGridY = 65535;

constexpr std::uint64_t blocks_for(std::uint64_t items, std::uint64_t per_block) {
  return (items + per_block - 1) / per_block;
}

// One thread an item.
constexpr LaunchShape launch_items(std::uint64_t items) {
  return {static_cast<std::uint32_t>(blocks_for(items, kBlock)), 1, 1, kBlock, 0};
}

// Output channels in whole words: lanes past the last channel exist in every table and write zero bits.
constexpr std::uint32_t lanes_for(std::uint32_t channels) { return (channels + 63) / 64 * 64; }

}  // namespace binmorph::cuda
