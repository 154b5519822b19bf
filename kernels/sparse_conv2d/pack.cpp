#include "kernels/sparse_conv2d/pack.h"

#include <algorithm>

namespace binmorph::kernels {
namespace {

constexpr std::size_t kFill = 8;  // lists are filled up to a multiple of it

std::size_t ceil_div(std::size_t n, std::size_t by) { return (n + by - 1) / by; }

SparsePlanes planes_of(const ConvShape& s) {
  SparsePlanes p{};
  const std::size_t columns = (s.window_w() - 1) / s.stride_w;  // the farthest that a tap is shifted
  p.phases = s.stride_h * s.stride_w;
  p.copies = std::min<std::size_t>(8, columns + 1);
  p.channels = s.channels;
  p.rows = ceil_div(s.extended_height(), s.stride_h);
  p.row_bits = ceil_div(ceil_div(s.extended_width(), s.stride_w), 8) * 8;
  p.plane_words = words_for(p.rows * p.row_bits);
  return p;
}

std::size_t ones(const std::uint64_t* words, std::size_t count) {
  std::size_t total = 0;
  for (std::size_t w = 0; w < count; ++w) total += static_cast<std::size_t>(__builtin_popcountll(words[w]));
  return total;
}

}  // namespace

SparsePack::SparsePack(const ConvShape& s, const std::uint64_t* plus, const std::uint64_t* minus)
    : shape_(s), planes_(planes_of(s)) {
  const std::size_t words = words_for(s.inputs()), zeros = planes_.count() * planes_.plane_words * 8;
  for (const std::uint64_t* masks : {plus, minus})
    for (std::size_t o = 0; o < s.out_channels; ++o) {
      const std::size_t first = entries_.size(), group = o / s.group_outputs();
      for (std::size_t at = 0; masks != nullptr && at < s.inputs(); ++at) {
        if (!get_bit(masks + o * words, at)) continue;
        const std::size_t row = at / s.kernel_w % s.kernel_h * s.dilation_h,
                          column = at % s.kernel_w * s.dilation_w;
        const std::size_t phase = row % s.stride_h * s.stride_w + column % s.stride_w,
                          shift = column / s.stride_w;
        const std::size_t channel = group * s.group_channels() + at / (s.kernel_h * s.kernel_w);
        const std::size_t plane = (phase * planes_.copies + shift % 8) * s.channels + channel;
        const std::size_t bits = row / s.stride_h * planes_.row_bits + shift / 8 * 8;
        entries_.push_back(static_cast<std::uint32_t>(plane * planes_.plane_words * 8 + bits / 8));
      }
      const std::size_t size = entries_.size() - first;
      first_.push_back(static_cast<std::uint32_t>(first));
      size_.push_back(static_cast<std::uint32_t>(size));
      entries_.resize(first + ceil_div(size, kFill) * kFill, static_cast<std::uint32_t>(zeros));
      minus_ = minus_ || (masks == minus && size > 0);
      while (size >> bits_ != 0) ++bits_;
    }
}

SparseProgram SparsePack::program() const {
  return {shape_, planes_, entries_.data(), first_.data(), size_.data(), minus_, bits_};
}

SparseThresholdPack::SparseThresholdPack(const SparseProgram& program, const std::int32_t* threshold,
                                         const std::uint8_t* invert, std::size_t classes,
                                         const std::uint32_t* row_class, const std::uint32_t* column_class)
    : classes_(classes),
      mask_words_(words_for(program.shape.out_height() * program.planes.row_bits) + kSparseVectorWords),
      threshold_(threshold, threshold + classes * program.shape.out_channels),
      invert_(program.blocks()) {
  const ConvShape& s = program.shape;
  for (std::size_t o = 0; o < s.out_channels; ++o) set_bit(invert_.data(), o, invert[o] != 0);
  if (classes == 1) return;
  masks_.resize(classes * mask_words_);
  for (std::size_t y = 0; y < s.out_height(); ++y)
    for (std::size_t x = 0; x < s.out_width(); ++x) {
      const std::size_t of =
          (row_class == nullptr ? 0 : row_class[y]) + (column_class == nullptr ? 0 : column_class[x]);
      set_bit(masks_.data() + of * mask_words_, y * program.planes.row_bits + x, true);
    }
}

SparseThresholds SparseThresholdPack::thresholds() const {
  return {classes_, threshold_.data(), invert_.data(), masks_.data(), mask_words_};
}

bool sparse_supports(const ConvShape& s, const std::uint64_t* plus, const std::uint64_t* minus) {
  const std::size_t words = words_for(s.inputs());
  if (planes_of(s).words() >= std::size_t{1} << 29) return false;  // entries are 32-bit bytes
  for (const std::uint64_t* masks : {plus, minus})
    for (std::size_t o = 0; masks != nullptr && o < s.out_channels; ++o)
      if (ones(masks + o * words, words) > kSparseMostTaps) return false;
  return true;
}

std::size_t sparse_entries(const ConvShape& s, const std::uint64_t* plus, const std::uint64_t* minus) {
  const std::size_t words = words_for(s.inputs());
  std::size_t total = 0;
  for (const std::uint64_t* masks : {plus, minus})
    for (std::size_t o = 0; masks != nullptr && o < s.out_channels; ++o)
      total += ceil_div(ones(masks + o * words, words), kFill) * kFill;
  return total;
}

std::size_t sparse_pixel_words(const SparseProgram& p) {
  return 64 * p.planes.plane_words * words_for(p.shape.channels);
}

void sparse_planes(const SparseProgram& program, const std::uint64_t* x, ImagesToPlanes* images_to_planes,
                   std::uint64_t* pixels, std::uint64_t* planes) {
  const ConvShape& s = program.shape;
  const SparsePlanes& p = program.planes;
  const std::size_t words = words_for(s.channels), copy_words = p.channels * p.plane_words;
  const auto pad = [&](std::uint64_t* from, const std::uint64_t* to) {
    for (; from < to; ++from) *from = s.pad_bit ? ~std::uint64_t{0} : 0;
  };
  for (std::size_t phase = 0; phase < p.phases; ++phase, planes += p.copies * copy_words) {
    const std::size_t phase_y = phase / s.stride_w, phase_x = phase % s.stride_w;
    // The columns of the phase that are in the image.
    const std::size_t first = s.left > phase_x ? ceil_div(s.left - phase_x, s.stride_w) : 0;
    const std::size_t last =
        s.left + s.width > phase_x ? ceil_div(s.left + s.width - phase_x, s.stride_w) : 0;
    std::uint64_t* to = pixels;
    for (std::size_t row = 0; row < p.rows; ++row, to += p.row_bits * words) {
      const std::size_t y = row * s.stride_h + phase_y;
      const bool inside = y >= s.top && y < s.top + s.height && first < last;
      if (!inside) {
        pad(to, to + p.row_bits * words);
        continue;
      }
      pad(to, to + first * words);
      const std::uint64_t* from = x + ((y - s.top) * s.width + first * s.stride_w + phase_x - s.left) * words;
      if (s.stride_w == 1) {
        std::copy_n(from, (last - first) * words, to + first * words);
      } else {
        for (std::size_t column = first; column < last; ++column, from += s.stride_w * words)
          for (std::size_t w = 0; w < words; ++w) to[column * words + w] = from[w];
      }
      pad(to + last * words, to + p.row_bits * words);
    }
    pad(to, pixels + sparse_pixel_words(program));
    images_to_planes(pixels, 64 * p.plane_words, words, p.channels, planes, p.plane_words);
    for (std::size_t shift = 1; shift < p.copies; ++shift) {
      std::uint64_t* copy = planes + shift * copy_words;
      for (std::size_t w = 0; w + 1 < copy_words; ++w)
        copy[w] = planes[w] >> shift | planes[w + 1] << (64 - shift);
      copy[copy_words - 1] = planes[copy_words - 1] >> shift;
    }
  }
  std::fill_n(planes, p.plane_words + kSparseVectorWords, 0);
}

namespace {

// Of a tap of a vector of 8 words, and of 4; of an accumulator, and of a bit.
struct Rate {
  double wide, narrow, value, bit;
};
constexpr Rate kRates[kIsaCount] = {
    {4000, 2000, 60, 60}, {16, 8, 6, 1}, {5, 2.5, 1.2, 0.2}, {3.6, 1.8, 0.8, 0.12}};

double cycles(const ConvShape& s, double per_lane, std::size_t entries, const Rate& rate) {
  const SparsePlanes p = planes_of(s);
  const std::size_t words = words_for(s.out_height() * p.row_bits), left = words % 8;
  const double vectors =
      static_cast<double>(words / 8 + (left > 4)) * rate.wide + (left > 0 && left <= 4 ? rate.narrow : 0);
  const auto lanes = static_cast<double>(words * 64 * s.out_channels);
  const auto planes = static_cast<double>(p.phases * p.rows * p.row_bits * words_for(s.channels));
  return vectors * static_cast<double>(entries) + lanes * per_lane +
         planes * (4 + static_cast<double>(p.copies));
}

}  // namespace

double sparse_cycles(const ConvShape& s, bool minus, std::size_t entries, Isa isa) {
  const Rate& rate = kRates[static_cast<std::size_t>(isa)];
  return cycles(s, rate.value * (minus ? 2 : 1), entries, rate);
}

double sparse_threshold_cycles(const ConvShape& s, bool minus, std::size_t entries, Isa isa) {
  const Rate& rate = kRates[static_cast<std::size_t>(isa)];
  return cycles(s, rate.bit * (minus ? 2 : 1), entries, rate);
}

}  // namespace binmorph::kernels
