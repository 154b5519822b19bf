#include "kernels/threshold_conv2d/lanes.h"

namespace binmorph::kernels {
namespace {

// Counts in pairs, nibbles and bytes; 31 words fit before the bytes must be added up, by a multiplication.
constexpr std::size_t kWordsPerByteSum = 31;

inline std::uint64_t byte_counts(std::uint64_t v) {
  v -= (v >> 1) & 0x5555555555555555u;
  v = (v & 0x3333333333333333u) + ((v >> 2) & 0x3333333333333333u);
  return (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fu;
}

inline std::uint64_t add_bytes(std::uint64_t v) {
  constexpr std::uint64_t even = 0x00ff00ff00ff00ffu;
  return (((v & even) + ((v >> 8) & even)) * 0x0001000100010001u) >> 48;
}

template <ConvForm form>
inline std::uint64_t matches(std::uint64_t x, const std::uint64_t* mask, std::size_t mask_words) {
  if (form == ConvForm::mask) return x & mask[0];
  if (form == ConvForm::sign) return x ^ mask[0];
  return (x ^ mask[0]) & mask[mask_words];
}

template <ConvForm form>
std::int32_t count_matches(const std::uint64_t* pixel, const Runs& runs, const std::uint64_t* mask,
                           std::size_t mask_words) {
  std::uint64_t total = 0;
  for (std::size_t r = 0; r < runs.count; ++r) {
    const std::uint64_t* x = pixel + runs[r];
    for (std::size_t u = 0; u < runs.units;) {
      const std::size_t stop = std::min(runs.units, u + kWordsPerByteSum);
      std::uint64_t bytes = 0;
      for (; u < stop; ++u) bytes += byte_counts(matches<form>(x[u], mask++, mask_words));
      total += add_bytes(bytes);
    }
  }
  return static_cast<std::int32_t>(total);
}

inline void put(const ConvProgram& p, std::size_t lane, std::size_t pixel_class, std::int32_t count,
                std::uint8_t* to) {
  const bool fires = count >= p.threshold[pixel_class * p.lanes() + lane];
  const unsigned bit = lane % 8, mask = 1u << bit;
  const unsigned value = fires ? p.invert[lane / 8] ^ mask : p.invert[lane / 8];
  *to = static_cast<std::uint8_t>((*to & ~mask) | (value & mask));
}

template <class Sum>
void put(const ConvProgram& p, std::size_t lane, std::size_t pixel_class, std::int32_t count, Sum* to) {
  *to = static_cast<Sum>(count * (1 << p.shift) + p.constant[pixel_class * p.lanes() + lane]);
}

template <ConvForm form, class T>
void count_all(const ConvProgram& p, const ConvRange& range, const Extended<std::uint64_t>& e,
               const Lanes<T>& lanes) {
  const ConvShape& s = p.shape;
  const Runs runs = window_runs(s, e);
  const std::size_t mask_words = runs.count * runs.units,
                    pitch = mask_words * (form == ConvForm::ternary ? 2 : 1);
  const auto* weights = static_cast<const std::uint64_t*>(p.weights);
  for_each_group(p, range, [&](std::size_t g, std::size_t begin, std::size_t end) {
    for (std::size_t y = range.row_begin; y < range.row_end; ++y)
      for (std::size_t x = 0; x < s.out_width(); ++x)
        for (std::size_t lane = g * p.group_lanes + begin; lane < g * p.group_lanes + end; ++lane)
          put(p, lane, p.row_class[y] + p.column_class[x],
              count_matches<form>(e.pixel(s, g, y, x), runs, weights + lane * pitch, mask_words),
              lanes.at(y, x, lane));
  });
}

template <class T, class Y>
void run(const ConvProgram& p, const std::uint64_t* x, Y* y, std::size_t y_pitch, const ConvRange& range,
         std::uint64_t* scratch) {
  if (range.row_begin == range.row_end) return;
  const Extended<std::uint64_t> e = extend(p.shape, x, range.row_begin, range.row_end, scratch);
  const Lanes<T> lanes = place_lanes(p, range, y, y_pitch, scratch + extended_words<std::uint64_t>(p.shape));
  switch (p.form) {
    case ConvForm::mask:
      count_all<ConvForm::mask>(p, range, e, lanes);
      break;
    case ConvForm::sign:
      count_all<ConvForm::sign>(p, range, e, lanes);
      break;
    case ConvForm::ternary:
      count_all<ConvForm::ternary>(p, range, e, lanes);
      break;
  }
  finish_lanes(p, range, lanes, y, y_pitch);
}

}  // namespace

BINMORPH_CONV2D_KERNELS(generic)

}  // namespace binmorph::kernels
