#include "kernels/common/bits.h"
#include "kernels/threshold_conv2d/threshold_conv2d.h"

namespace binmorph::kernels {
namespace {

// The definition, from the packed form's own masks (layout rows).
std::int32_t accumulator(const ConvProgram& p, const std::uint64_t* x, std::size_t g, std::size_t lane,
                         std::size_t y, std::size_t column) {
  const ConvShape& s = p.shape;
  const std::size_t channels = s.group_channels(), tap_words = words_for(channels);
  const std::size_t mask_words = s.kernel_h * s.kernel_w * tap_words;
  const bool ternary = p.form == ConvForm::ternary;
  const auto* first = static_cast<const std::uint64_t*>(p.weights) +
                      (g * p.group_lanes + lane) * mask_words * (ternary ? 2 : 1);
  std::int32_t count = 0;
  for (std::size_t i = 0; i < s.kernel_h; ++i)
    for (std::size_t j = 0; j < s.kernel_w; ++j)
      for (std::size_t c = 0; c < channels; ++c) {
        const std::size_t row = y * s.stride_h + i * s.dilation_h,
                          col = column * s.stride_w + j * s.dilation_w;
        const bool inside = row >= s.top && row < s.top + s.height && col >= s.left && col < s.left + s.width;
        const bool bit = inside
                             ? get_bit(x + ((row - s.top) * s.width + col - s.left) * words_for(s.channels),
                                       g * channels + c)
                             : s.pad_bit;
        const std::size_t at = (i * s.kernel_w + j) * tap_words * 64 + c;
        const bool weight = get_bit(first, at);
        switch (p.form) {
          case ConvForm::mask:
            count += bit && weight;
            break;
          case ConvForm::sign:
            count += bit ? (weight ? -1 : 1) : 0;
            break;
          case ConvForm::ternary:
            count += bit && get_bit(first + mask_words, at) ? (weight ? -1 : 1) : 0;
            break;
        }
      }
  return count;
}

template <class Write>
void for_each_output(const ConvProgram& p, const std::uint64_t* x, const ConvRange& range,
                     const Write& write) {
  const ConvShape& s = p.shape;
  for (std::size_t y = range.row_begin; y < range.row_end; ++y)
    for (std::size_t column = 0; column < s.out_width(); ++column)
      for (std::size_t o = 0; o < s.out_channels; ++o) {
        const std::size_t g = o / s.group_outputs(), lane = o % s.group_outputs();
        const std::size_t block = (g * p.group_lanes + lane) / kConvBlock;
        if (conv_blocks(p) > 1 && (block < range.block_begin || block >= range.block_end)) continue;
        write(y, column, o, g * p.group_lanes + lane, accumulator(p, x, g, lane, y, column));
      }
}

template <class Sum>
void accumulate(const ConvProgram& program, const std::uint64_t* x, Sum* y, std::size_t y_pitch,
                const ConvRange& range) {
  const std::size_t first = conv_blocks(program) > 1 ? range.block_begin * kConvBlock : 0;
  const std::size_t width = program.shape.out_width();
  for_each_output(
      program, x, range,
      [&](std::size_t row, std::size_t column, std::size_t o, std::size_t lane, std::int32_t acc) {
        const std::size_t at =
            (program.row_class[row] + program.column_class[column]) * program.lanes() + lane;
        const std::int32_t count = acc + program.offset[lane];
        y[((row - range.row_begin) * width + column) * y_pitch + o - first] =
            static_cast<Sum>(count * (1 << program.shift) + program.constant[at]);
      });
}

}  // namespace

void threshold_conv2d_u64_u64__reference(const ConvProgram& program, const std::uint64_t* x, std::uint64_t* y,
                                         const ConvRange& range, std::uint64_t*) {
  const ConvShape& s = program.shape;
  const std::size_t words = words_for(s.out_channels);
  for_each_output(
      program, x, range,
      [&](std::size_t row, std::size_t column, std::size_t o, std::size_t lane, std::int32_t acc) {
        const std::size_t at =
            (program.row_class[row] + program.column_class[column]) * program.lanes() + lane;
        const bool inverted = (program.invert[lane / 8] >> (lane % 8)) & 1;
        std::uint64_t* pixel = y + (row * s.out_width() + column) * words;
        set_bit(pixel, o, (acc + program.offset[lane] >= program.threshold[at]) != inverted);
        if (o + 1 == s.out_channels) pixel[words - 1] &= tail_mask(s.out_channels);
      });
}

void accumulate_conv2d_u64_i32__reference(const ConvProgram& program, const std::uint64_t* x, std::int32_t* y,
                                          std::size_t y_pitch, const ConvRange& range, std::uint64_t*) {
  accumulate(program, x, y, y_pitch, range);
}

void accumulate_conv2d_u64_i16__reference(const ConvProgram& program, const std::uint64_t* x, std::int16_t* y,
                                          std::size_t y_pitch, const ConvRange& range, std::uint64_t*) {
  accumulate(program, x, y, y_pitch, range);
}

}  // namespace binmorph::kernels
