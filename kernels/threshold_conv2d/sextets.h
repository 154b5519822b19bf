// Layout sextets, shared by the packing and the kernel: a step is six inputs of one tap. Every word of 64
// channels starts a new step. Steps of one chunk of words are together, and chunks are passes over the image.
#pragma once

#include "kernels/threshold_conv2d/lanes.h"

namespace binmorph::kernels {
namespace {

inline constexpr std::size_t kSextetLanes = 64;   // of a vector
inline constexpr std::size_t kStepsPerWord = 11;  // ten of six inputs and one of four
inline constexpr std::size_t kTable = 3 * 64;     // bytes of a step's table: three planes of 64 entries
inline constexpr std::size_t kPassSteps = 160;    // whose counts take ten planes at most
inline constexpr std::size_t kWindowSteps = 100;  // of tables that leave room in L1 for weights
inline constexpr std::size_t kCountPlanes = 16;   // counts are below 32767
inline constexpr std::size_t kStrips = 8;         // output pixels of a byte of a table

inline std::size_t sextet_steps(std::size_t channels) {
  return channels / 64 * kStepsPerWord + (channels % 64 + 5) / 6;
}

// The output is cut in strips, one for each bit of a byte: `across` side by side, the others below.
struct Strips {
  std::size_t across, down, rows, columns;      // rows x columns: of a strip, in output pixels
  std::size_t table_rows, table_columns, ring;  // of tables that they read; of which `ring` rows at a time
  Strips(const ConvShape& s, std::size_t out_rows, std::size_t side_by_side)
      : across(side_by_side),
        down(kStrips / side_by_side),
        rows((out_rows + down - 1) / down),
        columns((s.out_width() + across - 1) / across),
        table_rows((rows - 1) * s.stride_h + s.window_h()),
        table_columns((columns - 1) * s.stride_w + s.window_w()),
        ring(s.window_h()) {}
  // Those that some window reads.
  std::size_t tables(const ConvShape& s) const {
    const std::size_t high = s.stride_h < s.window_h() ? table_rows : rows * s.window_h();
    return high * (s.stride_w < s.window_w() ? table_columns : columns * s.window_w());
  }
};

struct Sextets {
  std::size_t units, copies;  // words of a pixel of one group; kinds of tables
  std::size_t tap_steps, chunk_words, chunks;
  std::size_t channels, taps, columns;  // columns: runs in a row of the window
  Sextets(const ConvShape& s, ConvForm form)
      : units(extended_units<std::uint64_t>(s)),
        copies(form == ConvForm::ternary ? 2 : 1),
        tap_steps(sextet_steps(s.group_channels())),
        chunk_words(std::max<std::size_t>(1, kWindowSteps / (s.kernel_h * s.kernel_w * kStepsPerWord))),
        chunks((units + chunk_words - 1) / chunk_words),
        channels(s.group_channels()),
        taps(s.kernel_h * s.kernel_w),
        columns(s.dilation_w == 1 ? 1 : s.kernel_w) {}
  std::size_t steps() const { return copies * taps * tap_steps; }
  std::size_t first_step(std::size_t chunk) const { return chunk * chunk_words * kStepsPerWord; }
  std::size_t chunk_steps(std::size_t chunk) const {
    return std::min(tap_steps, first_step(chunk + 1)) - first_step(chunk);
  }
};

// Strips side by side, at least `least`: as suits the ratio of what a step and a table take, of which there
// are fewer in wide strips.
inline std::size_t strips_across(const ConvShape& s, const Sextets& n, std::size_t out_rows,
                                 std::size_t least = 1) {
  const std::size_t vectors = (s.group_outputs() + kSextetLanes - 1) / kSextetLanes;
  const auto work = [&](std::size_t across) {
    const Strips strips(s, out_rows, across);
    return strips.rows * strips.columns * vectors * n.steps() * 2 +
           strips.tables(s) * n.tap_steps * n.copies * 3;
  };
  std::size_t best = least;
  for (std::size_t across = 2 * least; across <= kStrips; across *= 2)
    if (work(across) < work(best)) best = across;
  return best;
}

// Of some rows of the output. Never fewer strips side by side than for all rows, which scratch is made for.
inline Strips strips_of(const ConvShape& s, const Sextets& n, std::size_t out_rows) {
  return {s, out_rows, strips_across(s, n, out_rows, strips_across(s, n, s.out_height()))};
}

// Tables that follow each other: of a row of the window (dilation 1), or of one tap.
struct SextetRun {
  std::size_t offset;  // in the ring, for column 0
  std::uint32_t steps;
  bool last;  // of a pass
};

// Scratch, in the order in which it lies behind the extended image.
struct SextetScratch {
  std::size_t words_of_row, ring, sums, runs;  // in words
  SextetScratch(const ConvShape& s, const Sextets& n) {
    const Strips strips = strips_of(s, n, s.out_height());
    const std::size_t vectors = (s.group_outputs() + kSextetLanes - 1) / kSextetLanes;
    words_of_row = strips.table_columns * n.units * kStrips;
    ring = strips.ring * strips.table_columns * n.tap_steps * n.copies * kTable / 8;
    sums = strips.columns * vectors * kCountPlanes * 8;
    const std::size_t run = s.kernel_w * n.chunk_words * kStepsPerWord;
    runs = scratch_words_for<SextetRun>(n.copies * n.chunks * n.taps * (run / kPassSteps + 1));
  }
  std::size_t words() const { return words_of_row + ring + sums + runs + 8; }  // 8: to start on a line
};

}  // namespace
}  // namespace binmorph::kernels
