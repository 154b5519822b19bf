// What the steps of convolutions share.
#pragma once

#include <vector>

#include "binmorph/step.h"
#include "kernels/common/bits.h"
#include "kernels/threshold_conv2d/pack.h"

namespace binmorph {

inline constexpr double kVectorOperationsPerCycle = 2;

// A replicated border is copied in front of the kernel, which then sees an image without padding.
inline kernels::ConvShape conv_shape(const Window& w, const ValueType& in, std::size_t outputs) {
  const bool replicate = w.border == kernels::Border::replicate;
  const std::size_t rows = replicate ? w.padding_h : 0, columns = replicate ? w.padding_w : 0;
  const std::size_t top = w.padding_h - rows, left = w.padding_w - columns;
  return {in.height + 2 * rows,
          in.width + 2 * columns,
          in.channels,
          outputs,
          w.groups,
          w.kernel_h,
          w.kernel_w,
          w.stride_h,
          w.stride_w,
          w.dilation_h,
          w.dilation_w,
          top,
          top,
          left,
          left,
          w.border == kernels::Border::ones};
}

// The class of a pixel is rows[y] + columns[x]; empty where there is one class.
struct PixelClasses {
  std::vector<std::uint32_t> rows, columns;
  PixelClasses(const Window& w, const ValueType& in, std::size_t classes) {
    if (classes <= 1) return;
    const BorderClasses across = border_classes(in.width, w.kernel_w, w.stride_w, w.dilation_w, w.padding_w);
    rows = border_classes(in.height, w.kernel_h, w.stride_h, w.dilation_h, w.padding_h).of;
    for (std::uint32_t& row : rows) row *= static_cast<std::uint32_t>(across.count);
    columns = across.of;
  }
  std::size_t of(std::size_t y, std::size_t x) const { return rows.empty() ? 0 : rows[y] + columns[x]; }
  const std::uint32_t* row_data() const { return rows.empty() ? nullptr : rows.data(); }
  const std::uint32_t* column_data() const { return columns.empty() ? nullptr : columns.data(); }
};

// Of the best instruction set that has a kernel over packed bits for the shape (the reference has), the one
// whose layout costs least in cycles, the first of equals. Its name is added to the step's list, the others
// are its rivals, with what they would take longer.
template <class Fn, class Cost>
const kernels::Kernel<Fn>& select_conv_kernel(const kernels::ConvShape& shape, Isa isa, Step& step,
                                              const Cost& cost) {
  const kernels::Kernel<Fn>* best = nullptr;
  double least = 0;
  for (const kernels::Kernel<Fn>& k : kernels::kernel_list<Fn>()) {
    const kernels::ConvLayout layout = kernels::conv_layout(k.name);
    if (k.isa > isa || !isa_supported(k.isa) || !kernels::conv_supports(layout, shape)) continue;
    const double cycles = cost(layout);
    if (best != nullptr && (k.isa < best->isa || (k.isa == best->isa && cycles >= least))) continue;
    best = &k;
    least = cycles;
  }
  for (const kernels::Kernel<Fn>& k : kernels::kernel_list<Fn>())
    if (const kernels::ConvLayout layout = kernels::conv_layout(k.name);
        &k != best && k.isa == best->isa && kernels::conv_supports(layout, shape))
      step.rivals.push_back({k.name, kVectorOperationsPerCycle * (cost(layout) - least)});
  step.kernels.emplace_back(best->name);
  return *best;
}

// How threads share a convolution of threshold neurons. Pieces of blocks read every weight once, and the
// whole image; pieces of rows read all weights.
struct ConvPieces {
  bool by_rows = true;
  std::size_t count = 1;
  double cycles = 0;  // until the last is done
};

inline ConvPieces conv_pieces(kernels::ConvLayout layout, const kernels::ConvShape& shape,
                              kernels::ConvForm form, std::size_t threads) {
  // Few pieces repeat less of the borders between rows and fill more of a vector; many wait less for a thread
  // that is held up, which is worth some percents.
  constexpr double kHandOver = 2000, kHeldUp = 1.04;
  ConvPieces best{true, 1, kernels::conv_cycles(layout, shape, form)};
  const std::size_t most = pieces_for(kVectorOperationsPerCycle * best.cycles, threads);
  const auto consider = [&](bool by_rows, std::size_t pieces, const kernels::ConvShape& piece) {
    const auto turns = static_cast<double>((pieces + threads - 1) / threads);
    const double once = kernels::conv_cycles(layout, piece, form) * (pieces > threads ? 1 : kHeldUp);
    const double cycles = kHandOver + turns * once;
    if (cycles < best.cycles) best = {by_rows, pieces, cycles};
  };
  for (const std::size_t count : {most, threads}) {
    if (most == 1) return best;
    kernels::ConvShape piece = shape;
    const std::size_t rows = std::min(count, shape.out_height());
    piece.top = piece.bottom = 0;
    piece.height = ((shape.out_height() + rows - 1) / rows - 1) * shape.stride_h + shape.window_h();
    consider(true, rows, piece);
    const std::size_t blocks = shape.out_channels / kernels::kConvBlock, parts = std::min(count, blocks);
    if (shape.groups != 1 || shape.out_channels % kernels::kConvBlock != 0 || parts < 2) continue;
    piece = shape;
    piece.out_channels = (blocks + parts - 1) / parts * kernels::kConvBlock;
    consider(false, parts, piece);
  }
  return best;
}

// Copies an image of packed bits with a replicated border.
class ReplicatedBorder {
 public:
  ReplicatedBorder(const Window& w, const ValueType& in, Isa isa, Step& step)
      : shape_{1, in.height, in.width, 2 * w.padding_h + 1, 2 * w.padding_w + 1, kernels::Border::replicate},
        pixel_words_(words_for(in.channels)) {
    if (w.border != kernels::Border::replicate || w.padding_h + w.padding_w == 0) return;
    run_ = select_kernel<kernels::WindowPlanes>(isa, step);
    words_ = round_to_line(shape_.extended_height() * shape_.extended_width() * pixel_words_);
  }

  // The image to convolve: `x` itself if there is nothing to copy.
  const std::uint64_t* copy(const std::uint64_t* x, std::uint64_t* to) const {
    if (run_ == nullptr) return x;
    run_(shape_, pixel_words_, x, to);
    return to;
  }
  std::size_t words() const { return words_; }  // 0: nothing to copy

 private:
  kernels::WindowShape shape_;
  std::size_t pixel_words_, words_ = 0;
  kernels::WindowPlanes* run_ = nullptr;
};

}  // namespace binmorph
