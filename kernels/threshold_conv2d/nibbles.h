// Layout nibbles, shared by the packing and the kernel: a step is four inputs of one tap.
#pragma once

#include "kernels/threshold_conv2d/lanes.h"

namespace binmorph::kernels {
namespace {

inline constexpr std::size_t kNibbleLanes = 32;   // of a vector
inline constexpr std::size_t kNibblesSummed = 3;  // look-ups of at most 4 that fit a nibble of 15
inline constexpr std::uint8_t kNoNibble = 0x80;   // looks up 0: fills runs to a multiple of three steps

// Where a vector has an output's nibble. Even bytes and odd ones are widened apart; vpacksswb takes them
// together eight by eight.
constexpr std::size_t nibble_byte(std::size_t lane) { return lane / 16 * 16 + lane % 8 * 2 + lane / 8 % 2; }

// A run: the steps of one row of the window (dilation 1) or of one tap.
struct NibbleRuns {
  std::size_t tap_steps, columns, count, steps, padded;
  explicit NibbleRuns(const ConvShape& s)
      : tap_steps((s.group_channels() + 3) / 4),
        columns(s.dilation_w == 1 ? 1 : s.kernel_w),
        count(s.kernel_h * columns),
        steps(tap_steps * s.kernel_w / columns),
        padded(round_up(steps, kNibblesSummed)) {}
};

// A stretch of a run that the inner loop does in one go.
struct Piece {
  std::uint32_t code;     // from the pixel's first code
  std::uint16_t triples;  // steps / 3
  std::uint8_t widen;     // the byte counts are full after it
  std::uint8_t table;     // which table it looks up
};

inline constexpr std::size_t kStepsPerSum = 63;  // counts of 4 a step in a byte
inline constexpr std::size_t kPieceSteps = 48;
inline constexpr std::size_t kPairsPerChunk = 64;  // whose counts wait in scratch for the next weights
inline constexpr std::size_t kCountVectors = 8;    // of 32 bytes, for a pair of pixels and 64 lanes

// Scratch, in the order in which it lies behind the extended image.
struct NibbleScratch {
  std::size_t row_codes, column_codes, pieces, counts;  // in words
  explicit NibbleScratch(const ConvShape& s, std::size_t copies) {
    const NibbleRuns runs(s);
    constexpr std::size_t slack = 32;  // codes
    const std::size_t row = s.extended_width() * runs.tap_steps;
    row_codes = scratch_words_for<std::uint16_t>(s.extended_height() * row + slack);
    column_codes = scratch_words_for<std::uint16_t>(s.window_h() * row + slack);
    pieces = scratch_words_for<Piece>(copies * runs.count * (runs.padded / kPieceSteps + 1));
    counts = kPairsPerChunk * kCountVectors * 4;
  }
  std::size_t words() const { return row_codes + column_codes + pieces + counts; }
};

}  // namespace
}  // namespace binmorph::kernels
