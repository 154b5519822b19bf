#include "binmorph/rank_plan.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "binmorph/error.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

constexpr std::size_t kShiftedBytes = 128 << 10;  // of shifted rows: they stay in L2

// dst pixel x = src pixel x + shift, outside `border`; what lies past the end of the row does not matter.
void shift_row(const std::uint64_t* src, std::size_t width, std::int64_t shift, bool border,
               std::uint64_t* dst) {
  const std::uint64_t outside = border ? ~std::uint64_t{0} : 0, inside = tail_mask(width);
  const auto words = static_cast<std::int64_t>(words_for(width));
  const std::int64_t whole = shift >= 0 ? shift / 64 : -((63 - shift) / 64);  // floor(shift / 64)
  const auto part = static_cast<unsigned>(shift - 64 * whole);
  const auto word = [&](std::int64_t w) {
    if (w < 0 || w >= words) return outside;
    return w + 1 == words ? (src[w] & inside) | (outside & ~inside) : src[w];
  };
  const auto funnel = [&](std::int64_t w) {
    return word(w + whole) >> part | word(w + whole + 1) << 1 << (63 - part);
  };
  // Words that read whole words of the row.
  const std::int64_t begin = std::clamp<std::int64_t>(-whole, 0, words);
  const std::int64_t end = std::clamp<std::int64_t>(words - 2 - whole, begin, words);
  for (std::int64_t w = 0; w < begin; ++w) dst[w] = funnel(w);
  const std::uint64_t* from = src + whole;
  for (std::int64_t w = begin; w < end; ++w) dst[w] = from[w] >> part | from[w + 1] << 1 << (63 - part);
  for (std::int64_t w = end; w < words; ++w) dst[w] = funnel(w);
}

}  // namespace

RankPlan::RankPlan(std::vector<kernels::SePoint> points, std::uint32_t threshold)
    : points_(std::move(points)), threshold_(threshold) {
  while ((std::size_t{1} << counter_bits_) < points_.size()) ++counter_bits_;
  std::int32_t bottom = points_[0].dy;
  top_ = bottom;
  for (const kernels::SePoint& p : points_) {
    top_ = std::min(top_, p.dy);
    bottom = std::max(bottom, p.dy);
    shifts_.push_back(p.dx);
  }
  reach_ = static_cast<std::uint32_t>(bottom - top_);
  std::sort(shifts_.begin(), shifts_.end());
  shifts_.erase(std::unique(shifts_.begin(), shifts_.end()), shifts_.end());
  for (kernels::SePoint& p : points_) {
    p.dy -= top_;
    p.dx =
        static_cast<std::int32_t>(std::lower_bound(shifts_.begin(), shifts_.end(), p.dx) - shifts_.begin());
  }
}

// Rows of the result made at once.
std::size_t RankPlan::band(std::size_t row_words) const {
  const std::size_t rows = kShiftedBytes / std::max<std::size_t>(8 * row_words * shifts_.size(), 1);
  return std::clamp<std::size_t>(rows, 8 + reach_, 256 + reach_) - reach_;
}

std::size_t RankPlan::scratch_words(std::size_t row_words) const {
  return shifts_.size() * (band(row_words) + reach_) * row_words + kernels::kPlaneBlockWords;
}

void RankPlan::run(kernels::ThresholdPlanes* count, const kernels::MorphShape& shape,
                   const std::uint64_t* src, std::uint64_t* dst, std::size_t begin, std::size_t end,
                   std::uint64_t* scratch) const {
  const std::size_t words = words_for(shape.row_bits), most = band(words), lines = most + reach_;
  if (shifts_.size() * lines * words > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorKind::memory_limit,
                "the element of a rank filter reaches too far for rows of this width");
  std::uint64_t* block = scratch + shifts_.size() * lines * words;
  std::vector<std::uint32_t> taps;
  for (const kernels::SePoint& p : points_)
    taps.push_back(static_cast<std::uint32_t>(
        (static_cast<std::size_t>(p.dx) * lines + static_cast<std::size_t>(p.dy)) * words));
  const auto n = static_cast<std::uint32_t>(taps.size());
  const kernels::Term term{0, n, 0, threshold_, counter_bits_, kernels::TermOp::count, false};
  const kernels::PlaneNeuron neuron{0, 1, {}};
  const kernels::PlaneProgram program{taps.data(), &term, &neuron, 1, 1};
  const std::uint64_t inside = tail_mask(shape.row_bits);
  for (std::size_t y = begin; y < end; y += most) {
    const std::size_t rows = std::min(most, end - y);
    for (std::size_t r = 0; r < rows + reach_; ++r) {
      const std::size_t from = y + r + static_cast<std::size_t>(std::int64_t{top_});  // wraps above the image
      for (std::size_t s = 0; s < shifts_.size(); ++s) {
        std::uint64_t* to = scratch + (s * lines + r) * words;
        if (from < shape.height) {
          shift_row(src + (from - shape.src_first) * words, shape.row_bits, shifts_[s], shape.border, to);
        } else {
          std::fill_n(to, words, shape.border ? ~std::uint64_t{0} : 0);
        }
      }
    }
    count(program, {rows, words, words, 0}, scratch, dst, 0, 1, block);
    for (std::size_t r = 0; r < rows; ++r, dst += words) dst[words - 1] &= inside;
  }
}

}  // namespace binmorph
