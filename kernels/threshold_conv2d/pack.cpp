#include "kernels/threshold_conv2d/pack.h"

#include <algorithm>
#include <limits>

#include "kernels/common/bits.h"
#include "kernels/threshold_conv2d/nibbles.h"
#include "kernels/threshold_conv2d/sextets.h"
#include "kernels/threshold_conv2d/windows.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t kLine = 64;

template <class Word>
Word* aligned(Word* words) {
  return words + (kLine - reinterpret_cast<std::uintptr_t>(words) % kLine) % kLine / sizeof(Word);
}

// Bit (c, i, j) of the mask of output o.
struct Mask {
  const ConvShape& shape;
  const std::uint64_t* words;
  bool operator()(std::size_t o, std::size_t c, std::size_t i, std::size_t j) const {
    if (words == nullptr) return false;
    return get_bit(words + o * words_for(shape.inputs()), (c * shape.kernel_h + i) * shape.kernel_w + j);
  }
};

// What a kernel ANDs or XORs with x first, and what it ANDs the result with (ternary only).
struct Operands {
  ConvForm form;
  Mask plus, minus;
  bool operator()(bool second, std::size_t o, std::size_t c, std::size_t i, std::size_t j) const {
    if (form == ConvForm::mask) return plus(o, c, i, j);
    return minus(o, c, i, j) || (second && plus(o, c, i, j));
  }
};

}  // namespace

ConvForm conv_form(const ConvShape& s, const ConvNeurons& n) {
  if (n.minus == nullptr) return ConvForm::mask;
  const std::size_t words = words_for(s.inputs());
  bool mask = true, sign = true;
  for (std::size_t at = 0; at < s.out_channels * words; ++at) {
    const std::uint64_t valid = at % words + 1 == words ? tail_mask(s.inputs()) : ~std::uint64_t{0};
    mask = mask && (n.minus[at] & valid) == 0;
    sign = sign && ((n.plus[at] ^ n.minus[at]) & valid) == valid;
  }
  return mask ? ConvForm::mask : sign ? ConvForm::sign : ConvForm::ternary;
}

std::size_t conv_lane_multiple(ConvLayout layout) {
  switch (layout) {
    case ConvLayout::rows:
      return 8;
    case ConvLayout::sextets:
      return kSextetLanes;
    case ConvLayout::windows:
      return kConvBlock;
    default:
      return 32;
  }
}

ConvPack::ConvPack(const ConvShape& s, const ConvNeurons& n, ConvLayout layout, bool accumulate)
    : shape_(s),
      form_(conv_form(s, n)),
      layout_(layout),
      group_lanes_(round_up(s.group_outputs(), conv_lane_multiple(layout))),
      shift_(n.factor == 2) {
  const std::size_t lanes = s.groups * group_lanes_, outputs = s.group_outputs(),
                    channels = s.group_channels();
  const std::size_t copies = form_ == ConvForm::ternary ? 2 : 1;
  const Operands operand{form_, {s, n.plus}, {s, n.minus}};
  const auto lane_of = [&](std::size_t o) { return o / outputs * group_lanes_ + o % outputs; };

  if (layout == ConvLayout::rows || layout == ConvLayout::words) {
    const bool words = layout == ConvLayout::words;
    const std::size_t unit_bits = words ? 16 : 64, together = words ? 32 : 1;
    const std::size_t tap_units = (channels + unit_bits - 1) / unit_bits;
    const std::size_t steps = s.kernel_h * s.kernel_w * tap_units;
    weight_words_ = lanes * steps * copies * unit_bits / 64;
    weights_.assign(weight_words_ + kLine / 8, 0);
    std::uint64_t* to = aligned(weights_.data());
    for (std::size_t o = 0; o < s.out_channels; ++o)
      for (std::size_t i = 0; i < s.kernel_h; ++i)
        for (std::size_t j = 0; j < s.kernel_w; ++j)
          for (std::size_t c = 0; c < channels; ++c)
            for (std::size_t copy = 0; copy < copies; ++copy) {
              if (!operand(copy == 1, o, c, i, j)) continue;
              const std::size_t step = (i * s.kernel_w + j) * tap_units + c / unit_bits, lane = lane_of(o);
              const std::size_t unit =
                  words ? ((lane / together * steps + step) * copies + copy) * together + lane % together
                        : (lane * copies + copy) * steps + step;
              set_bit(to, unit * unit_bits + c % unit_bits, true);
            }
  }

  if (layout == ConvLayout::nibbles) {
    const NibbleRuns runs(s);
    const std::size_t steps = copies * runs.count * runs.padded;
    weight_words_ = lanes * steps / 8;
    weights_.assign(weight_words_ + kLine / 8, 0);
    auto* to = reinterpret_cast<std::uint8_t*>(aligned(weights_.data()));
    std::fill_n(to, lanes * steps, kNoNibble);
    for (std::size_t o = 0; o < s.out_channels; ++o)
      for (std::size_t copy = 0; copy < copies; ++copy)
        for (std::size_t i = 0; i < s.kernel_h; ++i)
          for (std::size_t j = 0; j < s.kernel_w; ++j)
            for (std::size_t c = 0; c < channels; ++c) {
              const std::size_t run = (copy * s.kernel_h + i) * runs.columns + (runs.columns == 1 ? 0 : j);
              const std::size_t step =
                  run * runs.padded + (runs.columns == 1 ? j : 0) * runs.tap_steps + c / 4;
              const std::size_t lane = lane_of(o);
              std::uint8_t& nibble =
                  to[(lane / kNibbleLanes * steps + step) * kNibbleLanes + nibble_byte(lane % kNibbleLanes)];
              const bool bit = form_ == ConvForm::mask || (form_ == ConvForm::ternary && copy == 0)
                                   ? operand.plus(o, c, i, j)
                                   : operand.minus(o, c, i, j);
              if (c % 4 == 0) nibble = 0;
              nibble = static_cast<std::uint8_t>(nibble | static_cast<unsigned>(bit) << (c % 4));
            }
  }

  if (layout == ConvLayout::sextets) {
    const Sextets n(s, form_);
    weight_words_ = lanes * n.units() * kUnitSteps / 8;
    weights_.assign(weight_words_ + kLine / 8, 0);
    auto* to = reinterpret_cast<std::uint8_t*>(aligned(weights_.data()));
    for (std::size_t o = 0; o < s.out_channels; ++o)
      for (std::size_t word = 0; word < n.words; ++word)
        for (std::size_t copy = 0; copy < n.copies; ++copy)
          for (std::size_t tap = 0; tap < n.taps; ++tap) {
            std::uint64_t weights = 0;
            for (std::size_t c = 64 * word; c < std::min(channels, 64 * word + 64); ++c) {
              const bool bit = copy == 0 ? operand.minus(o, c, tap / s.kernel_w, tap % s.kernel_w)
                                         : !operand.plus(o, c, tap / s.kernel_w, tap % s.kernel_w);
              weights |= std::uint64_t{bit} << (c % 64);
            }
            const std::size_t lane = lane_of(o);
            std::uint8_t* codes = to +
                                  (lane / kSextetLanes * n.units() + n.unit(word, copy, tap)) * kUnitCodes +
                                  lane % kSextetLanes;
            sextet_codes(weights,
                         [&](unsigned step, std::uint8_t code) { codes[step * kSextetLanes] = code; });
          }
  }

  if (layout == ConvLayout::windows) {
    const std::size_t units = window_units(s);
    weight_words_ = lanes * units * copies / 2;
    weights_.assign(weight_words_ + kLine / 8, 0);
    std::uint64_t* to = aligned(weights_.data());
    for (std::size_t o = 0; o < s.out_channels; ++o)
      for (std::size_t at = 0; at < s.inputs(); ++at)
        for (std::size_t copy = 0; copy < copies; ++copy) {
          const std::size_t tap = at / channels, lane = lane_of(o);
          if (!operand(copy == 1, o, at % channels, tap / s.kernel_w, tap % s.kernel_w)) continue;
          const std::size_t step = (lane / kConvBlock * units + at / kWindowUnit) * copies + copy;
          set_bit(to, (step * kConvBlock + lane % kConvBlock) * kWindowUnit + at % kWindowUnit, true);
        }
  }

  // Two copies count twice what one counts, plus the inputs without a weight.
  std::vector<std::int32_t> weightless(lanes, static_cast<std::int32_t>(s.inputs()));
  const bool twice = layout == ConvLayout::sextets && form_ != ConvForm::sign;
  offset_.assign(lanes, 0);
  invert_.assign(lanes / 8, 0);
  threshold_.assign(n.classes * lanes, static_cast<std::int32_t>(s.inputs()) + 1);
  constant_.assign(n.classes * lanes, 0);
  for (std::size_t o = 0; o < s.out_channels; ++o) {
    const std::size_t lane = lane_of(o);
    for (std::size_t at = 0; at < s.inputs(); ++at) {
      const bool minus = n.minus != nullptr && get_bit(n.minus + o * words_for(s.inputs()), at);
      offset_[lane] += minus;
      weightless[lane] -= minus || get_bit(n.plus + o * words_for(s.inputs()), at);
    }
    if (n.invert[o] != 0) invert_[lane / 8] = static_cast<std::uint8_t>(invert_[lane / 8] | 1u << (lane % 8));
    for (std::size_t k = 0; k < n.classes; ++k) {
      const std::int32_t constant = n.constant != nullptr ? n.constant[k * s.out_channels + o] : 0;
      constant_[k * lanes + lane] =
          constant - n.factor * offset_[lane] - (twice ? n.factor * weightless[lane] / 2 : 0);
      threshold_[k * lanes + lane] = static_cast<std::int32_t>(
          std::clamp<std::int64_t>(std::int64_t{n.threshold[k * s.out_channels + o]} + offset_[lane], 0,
                                   static_cast<std::int64_t>(s.inputs()) + 1));
    }
  }
  constant16_.resize(constant_.size());
  std::transform(constant_.begin(), constant_.end(), constant16_.begin(),
                 [](std::int32_t constant) { return static_cast<std::int16_t>(constant); });
  if (layout == ConvLayout::sextets) {
    threshold_planes_.assign(threshold_.size() / kSextetLanes * kCountPlanes, 0);
    const auto never = static_cast<std::int32_t>(2 * s.inputs() + 1);
    for (std::size_t at = 0; at < threshold_.size(); ++at) {
      const std::int32_t threshold =
          twice ? std::min(2 * threshold_[at] + weightless[at % lanes], never) : threshold_[at];
      for (std::size_t bit = 0; bit < kCountPlanes; ++bit)
        if (threshold >> bit & 1)
          set_bit(&threshold_planes_[at / kSextetLanes * kCountPlanes + bit], at % kSextetLanes, true);
    }
  } else if (layout == ConvLayout::words || layout == ConvLayout::nibbles) {
    threshold16_.resize(threshold_.size());
    for (std::size_t at = 0; at < threshold_.size(); ++at) {
      const std::size_t lane = at % 32;
      const std::size_t byte = nibble_byte(lane);
      const std::size_t to = layout == ConvLayout::nibbles ? byte % 2 * 16 + byte / 2 : lane;
      threshold16_[at - lane + to] = static_cast<std::int16_t>(threshold_[at] - 1);
    }
  }
  row_class_.assign(s.out_height(), 0);
  column_class_.assign(s.out_width(), 0);
  if (n.row_class != nullptr) row_class_.assign(n.row_class, n.row_class + s.out_height());
  if (n.column_class != nullptr) column_class_.assign(n.column_class, n.column_class + s.out_width());

  scratch_words_ =
      layout == ConvLayout::words ? extended_words<std::uint16_t>(s) : extended_words<std::uint64_t>(s);
  if (layout == ConvLayout::nibbles) scratch_words_ += NibbleScratch(s, copies).words();
  if (layout == ConvLayout::sextets) scratch_words_ += SextetScratch(s, Sextets(s, form_)).total();
  if (layout == ConvLayout::windows) scratch_words_ += window_words(s);
  const std::size_t pixels = s.out_height() * s.out_width();
  if (!conv_lanes_are_outputs(program()))
    scratch_words_ += accumulate ? scratch_words_for<std::int32_t>(pixels * lanes)
                                 : scratch_words_for<std::uint8_t>(pixels * lanes / 8);
}

ConvProgram ConvPack::program() const {
  return {shape_,
          form_,
          layout_,
          group_lanes_,
          aligned(weights_.data()),
          threshold_.data(),
          threshold16_.data(),
          threshold_planes_.data(),
          offset_.data(),
          constant_.data(),
          constant16_.data(),
          shift_,
          invert_.data(),
          row_class_.data(),
          column_class_.data(),
          scratch_words_};
}

ConvLayout conv_layout(const std::string& kernel) {
  const auto ends_with = [&](const std::string& end) {
    return kernel.size() >= end.size() && kernel.compare(kernel.size() - end.size(), end.size(), end) == 0;
  };
  if (ends_with("_popcnt")) return ConvLayout::words;
  if (ends_with("_permb")) return ConvLayout::sextets;
  if (ends_with("_lutp")) return ConvLayout::nibbles;
  if (ends_with("_window")) return ConvLayout::windows;
  return ConvLayout::rows;
}

bool conv_sums_fit_16_bits(const ConvShape& s, const ConvNeurons& n) {
  using Limits = std::numeric_limits<std::int16_t>;
  const auto most = static_cast<std::int64_t>(s.inputs()) * n.factor;
  const auto fits = [&](std::int32_t c) { return c - most >= Limits::min() && c + most <= Limits::max(); };
  if (n.constant == nullptr) return fits(0);
  return std::all_of(n.constant, n.constant + n.classes * s.out_channels, fits);
}

bool conv_supports(ConvLayout layout, const ConvShape& shape) {
  if (layout == ConvLayout::windows) return shape.inputs() <= 64;
  return layout == ConvLayout::rows || shape.inputs() < 32767;  // counts in 16 bits
}

}  // namespace binmorph::kernels
