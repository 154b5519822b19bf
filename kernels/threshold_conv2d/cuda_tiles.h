// Convolutions on warpgroup products (sm_90a): weights stay in shared memory, a tile is 64 to 256 output
// pixels side by side, and a tap is a shift of the address that a matrix descriptor names: no window is
// copied.
//
// Padded pixels are numbered image after image, row after row, `row_slots` to a row and `image_rows` to an
// image; output pixel q reads tap (i, j) at slot q + shift of (i, j). Where the border is a constant, the
// padding right of a row is the padding left of the next one. A stride splits the image into planes of equal
// phase (y mod stride, x mod stride), in which taps are shifts again. A slot has 16 bytes: 128 channels of a
// pixel, or 2 or 4 neighbouring pixels of at most 64 or 32 channels, each pixel stored as often.
#pragma once

#include <optional>
#include <vector>

#include "kernels/threshold_conv2d/cuda_threshold_conv2d.h"

namespace binmorph::cuda {

inline constexpr std::uint32_t kTileStages = 4, kTileThreads = 384;  // a producer and two consumer warpgroups
inline constexpr std::uint32_t kMaxTileSteps = 64, kMaxTileTaps = 64, kMaxTilePlanes = 16;
inline constexpr std::uint32_t kLongTile = 256;  // pixels, of 64 columns; other tiles have 128 or 64

struct TilePlan {
  std::uint32_t columns;  // of a product, 64, 128 or 256: outputs, or half as many of ternary weights
  std::uint32_t rows;     // pixels of a tile
  std::uint32_t row_slots, image_rows, row_slots_magic, image_rows_magic;
  std::uint32_t planes, chunks, parts;  // of an image, of a pixel (16 bytes), pixels of a slot
  std::uint32_t slots, pitch;           // of a tile in each plane: in use, apart
  std::uint32_t steps, taps, classes;   // products of 256 bits
  std::uint32_t block_bytes;            // of packed weights and thresholds of one block of outputs
  std::uint32_t pixel_bytes;            // of shared memory: those of one stage
  std::uint32_t shared_bytes, max_blocks;
  std::uint32_t step[kMaxTileSteps];  // first chunk | distance of the second << 16, in units of 16 bytes
  std::uint16_t tap[kMaxTileTaps];  // of the first output pixel: bytes among popcounts of slots of all planes
  std::uint8_t phase_y[kMaxTilePlanes], phase_x[kMaxTilePlanes];
};

// Params with what the tiles need; windows.plus, windows.minus and threshold are not read.
template <class Params>
struct Tiled {
  Params conv;
  TilePlan tile;
  const unsigned char* packed;
};
using ThresholdTilesParams = Tiled<ThresholdConv2dParams>;
using CountTilesParams = Tiled<CountConv2dParams>;
using TwoValueTilesParams = Tiled<TwoValueConv2dParams>;

// n / d for n, d < 2^15, as the high half of 2 n * magic.
constexpr std::uint32_t division_magic(std::uint32_t d) { return (std::uint32_t{1} << 31) / d + 1; }

constexpr std::uint32_t tile_outputs(const TilePlan& t, kernels::ConvForm form) {
  return form == kernels::ConvForm::ternary ? t.columns / 2 : t.columns;
}

// Blocks stay for all their tiles; grid (tiles, blocks of outputs).
template <class Params>
LaunchShape launch_tiles(const Tiled<Params>& p) {
  const ConvGeometry& g = p.conv.windows.geometry;
  const std::uint64_t slots = std::uint64_t{g.images} * p.tile.image_rows * p.tile.row_slots;
  const std::uint64_t tiles = blocks_for(slots, p.tile.rows);
  const auto across =
      static_cast<std::uint32_t>(blocks_for(g.out_channels, tile_outputs(p.tile, p.conv.windows.form)));
  const std::uint64_t most = blocks_for(p.tile.max_blocks, across);
  return {static_cast<std::uint32_t>(tiles < most ? tiles : most), across, 1, kTileThreads,
          p.tile.shared_bytes};
}

// The plan of a shape, or nothing where these kernels do not run it or its weights do not fit. classes: rows
// of the table of thresholds; bits: whether the result is bits, otherwise products have 128 columns.
std::optional<TilePlan> plan_tiles(const ConvGeometry& g, kernels::ConvForm form, std::uint32_t classes,
                                   bool bits, std::uint32_t max_blocks, std::uint32_t shared_limit);

// Weights, and thresholds [classes][out_channels] (null: none), in the layout that the plan says.
std::vector<unsigned char> pack_tiles(const ConvGeometry& g, kernels::ConvForm form, const TilePlan& tile,
                                      const std::uint64_t* plus, const std::uint64_t* minus,
                                      const std::int32_t* threshold);

// Two counts share a register, and bit 15 of (0x8000 - threshold) + count says whether a neuron fires: so
// these are the most inputs. table[classes (x 2: even and odd windows, form sign)][outputs], 16 bits each,
// from output `first` on.
inline constexpr std::uint32_t kMaxInputs = 32000;
void pack_thresholds(const ConvGeometry& g, kernels::ConvForm form, std::size_t classes, std::size_t outputs,
                     std::size_t first, const std::int32_t* threshold, unsigned char* table);

}  // namespace binmorph::cuda
