// Layout sextets, shared by the packing and the kernel. A unit is a word of 64 channels of one tap; a step is
// six of its inputs. Of six, 2 h + p match, and p, their parity, is the parity of the inputs XOR that of the
// weights: one more input with one more weight. So a step counts h, in two planes, and leaves an input to a
// later step; the last step of a unit, which takes the last of them, counts p in a third plane. The low bit
// of h is the low bit of the number of pairs that match: for inputs x and weights w, pairs(x) + pairs(w) +
// sum over i of w_i (x_i + p(x)), modulo 2: affine in w and pairs(w).
#pragma once

#include "kernels/threshold_conv2d/lanes.h"

namespace binmorph::kernels {
namespace {

inline constexpr std::size_t kSextetLanes = 64;  // of a vector
inline constexpr std::size_t kUnitSteps = 13;    // for 64 channels and the parities of twelve steps
inline constexpr std::size_t kUnitCodes = 64 * kUnitSteps;     // bytes of a vector's codes
inline constexpr std::size_t kUnitAffine = 64 * kUnitSteps;    // bytes: a step's high bits of h for 64 codes
inline constexpr std::size_t kUnitTables = kUnitAffine + 128;  // then 8 bytes a step for the low, and 8 for p
inline constexpr std::size_t kPassUnits = 9;                   // whose tables leave room in L1 for codes
inline constexpr std::size_t kCountPlanes = 16;                // counts are below 2 * 32767
inline constexpr std::size_t kStrips = 8;                      // output pixels of a byte of a table
inline constexpr std::size_t kInputs = 16;                     // words: eight pixels, then a byte per input

// The low bit of the number of pairs of ones.
constexpr unsigned pairs(unsigned ones) { return ones >> 1 & 1; }

// The codes of a unit's steps: six weights, their pairs, one. Inputs of the steps: 64 channels, then the
// parities of the former steps.
template <class Emit>
void sextet_codes(std::uint64_t word, const Emit& emit) {
  std::uint64_t parities = 0;
  for (unsigned step = 0, at = 0; step < kUnitSteps; ++step, at += 6) {
    const std::uint64_t code =
        (at < 64 ? word >> at | (at > 58 ? parities << (64 - at) : 0) : parities >> (at - 64)) & 63;
    const auto ones = static_cast<unsigned>(__builtin_popcountll(code));
    parities |= std::uint64_t{ones % 2} << step;
    emit(step, static_cast<std::uint8_t>(code | pairs(ones) << 6 | 1 << 7));
  }
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
  std::size_t words, copies;  // of a pixel of one group; of codes that meet the same tables
  std::size_t taps;
  Sextets(const ConvShape& s, ConvForm form)
      : words(extended_units<std::uint64_t>(s)),
        copies(form == ConvForm::sign ? 1 : 2),
        taps(s.kernel_h * s.kernel_w) {}
  std::size_t units() const { return words * copies * taps; }
  std::size_t unit(std::size_t word, std::size_t copy, std::size_t tap) const {
    return (word * copies + copy) * taps + tap;
  }
};

// Strips side by side, at least `least`: as suits the ratio of what a unit and its tables take, of which
// there are fewer in wide strips.
inline std::size_t strips_across(const ConvShape& s, const Sextets& n, std::size_t out_rows,
                                 std::size_t least = 1) {
  const std::size_t vectors = (s.group_outputs() + kSextetLanes - 1) / kSextetLanes;
  const auto work = [&](std::size_t across) {
    const Strips strips(s, out_rows, across);
    return strips.rows * strips.columns * vectors * n.units() * 2 + strips.tables(s) * n.words * 3;
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

// Scratch, in the order in which it lies behind the extended image.
struct SextetScratch {
  std::size_t words_of_row, ring, sums, offsets;  // in words
  SextetScratch(const ConvShape& s, const Sextets& n) {
    const Strips strips = strips_of(s, n, s.out_height());
    const std::size_t vectors = (s.group_outputs() + kSextetLanes - 1) / kSextetLanes;
    words_of_row = strips.table_columns * n.words * kInputs;
    ring = strips.ring * strips.table_columns * n.words * kUnitTables / 8;
    sums = strips.columns * vectors * kCountPlanes * 8;
    offsets = scratch_words_for<std::size_t>(n.units());
  }
  std::size_t total() const { return words_of_row + ring + sums + offsets + 8; }  // 8: to start on a line
};

}  // namespace
}  // namespace binmorph::kernels
