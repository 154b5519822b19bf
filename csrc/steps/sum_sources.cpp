#include "sum_sources.h"

#include "kernels/common/bits.h"
#include "kernels/common/conv_sums_pack.h"
#include "kernels/threshold_conv2d/pack.h"

namespace binmorph {
namespace {

using kernels::Border;
using kernels::ConvShape;

// Bits to counts. A replicated border is copied in front of the kernel, which then sees no padding.
class BitCounts {
 public:
  BitCounts(const Window& w, const ValueType& in, std::size_t outputs, const std::uint64_t* plus,
            const std::uint64_t* minus, std::int32_t factor, const std::vector<std::int32_t>& constant,
            const Target& target, Step& step)
      : shape_(conv_shape(w, in, outputs)),
        extend_{1, in.height, in.width, 2 * w.padding_h + 1, 2 * w.padding_w + 1, Border::replicate},
        pixel_words_(words_for(in.channels)) {
    const kernels::Kernel<kernels::AccumulateConv2d>* best = nullptr;
    for (const auto& k : kernels::kernel_list<kernels::AccumulateConv2d>())
      if (k.isa <= target.isa && isa_supported(k.isa) && (best == nullptr || k.isa > best->isa) &&
          kernels::conv_supports(kernels::conv_layout(k.name), shape_))
        best = &k;
    step.kernels.emplace_back(best->name);
    run_ = best->run;
    const kernels::ConvLayout layout = kernels::conv_layout(best->name);
    const std::vector<std::uint8_t> invert(outputs, 0);
    const std::size_t count = constant.size() / outputs;
    const PixelClasses classes = pixel_classes(w, in, count);
    const std::vector<std::int32_t> threshold(count * outputs, 0);
    const kernels::ConvNeurons neurons{plus,
                                       minus,
                                       threshold.data(),
                                       invert.data(),
                                       count,
                                       count > 1 ? classes.rows.data() : nullptr,
                                       count > 1 ? classes.columns.data() : nullptr,
                                       constant.data(),
                                       factor};
    pack_ = std::make_unique<kernels::ConvPack>(shape_, neurons, layout, true);
    scratch_words = (pack_->program().scratch_words + 7) / 8 * 8;
    cycles = kernels::conv_cycles(layout, shape_, pack_->program().form);
    if (w.border == Border::replicate && w.padding_h + w.padding_w > 0) {
      window_planes_ = select_kernel<kernels::WindowPlanes>(target.isa, step);
      shared_words = (shape_.height * shape_.width * pixel_words_ + 7) / 8 * 8;
    }
  }

  void prepare(const StepInput& in, std::uint64_t* shared) const {
    if (window_planes_ != nullptr) window_planes_(extend_, pixel_words_, in.value, shared);
  }

  // Sums of rows [begin, end): [rows][out width][outputs].
  void rows(const std::uint64_t* x, const std::uint64_t* shared, std::size_t begin, std::size_t end,
            std::int32_t* sums, std::uint64_t* scratch) const {
    const kernels::ConvProgram program = pack_->program();
    run_(program, window_planes_ != nullptr ? shared : x, sums, shape_.out_channels,
         {begin, end, 0, kernels::conv_blocks(program)}, scratch);
  }

  const ConvShape& shape() const { return shape_; }
  std::size_t shared_words = 0, scratch_words = 0;
  double cycles = 0;

 private:
  ConvShape shape_;
  kernels::WindowShape extend_;
  std::size_t pixel_words_;
  std::unique_ptr<kernels::ConvPack> pack_;
  kernels::AccumulateConv2d* run_ = nullptr;
  kernels::WindowPlanes* window_planes_ = nullptr;
};

class CountSource final : public SumSource {
 public:
  CountSource(const CountConv2d& op, const ValueType& in, const ValueType& out, const Target& target,
              Step& step)
      : counts_(op, in, out.channels, op.plus.data(), op.minus.data(), op.factor, op.constant, target, step) {
    shared_words = counts_.shared_words;
    scratch_words = counts_.scratch_words;
    cycles = counts_.cycles;
  }
  void prepare(const StepInput& in, std::uint64_t* shared) const override { counts_.prepare(in, shared); }
  void rows(const std::uint64_t* x, const std::uint64_t* shared, std::size_t begin, std::size_t end,
            void* tile, std::uint64_t* scratch) const override {
    counts_.rows(x, shared, begin, end, static_cast<std::int32_t*>(tile), scratch);
  }

 private:
  BitCounts counts_;
};

// R of the marked weights, a tile at a time; A of whole windows, one output per group, for the image at once.
class TwoValueSource final : public SumSource {
 public:
  TwoValueSource(const TwoValueConv2d& op, const ValueType& in, const ValueType& out, const Target& target,
                 Step& step)
      : marked_(op, in, out.channels, op.plus.data(), nullptr, op.factor, op.constant, target, step),
        whole_(op, in, op.groups, ones(op).data(), nullptr, op.factor, repeated(op), target, step) {
    totals_words_ = (out.height * out.width * op.groups + 15) / 16 * 8;
    shared_words = totals_words_ + marked_.shared_words + whole_.shared_words + whole_.scratch_words;
    scratch_words = marked_.scratch_words;
    cycles = marked_.cycles + whole_.cycles;
  }

  void prepare(const StepInput& in, std::uint64_t* shared) const override {
    std::uint64_t* extended = shared + totals_words_;
    marked_.prepare(in, extended);
    std::uint64_t* whole = extended + marked_.shared_words;
    whole_.prepare(in, whole);
    whole_.rows(in.value, whole, 0, whole_.shape().out_height(), reinterpret_cast<std::int32_t*>(shared),
                whole + whole_.shared_words);
  }

  void rows(const std::uint64_t* x, const std::uint64_t* shared, std::size_t begin, std::size_t end,
            void* tile, std::uint64_t* scratch) const override {
    marked_.rows(x, shared + totals_words_, begin, end, static_cast<std::int32_t*>(tile), scratch);
  }

 private:
  static std::vector<std::uint64_t> ones(const TwoValueConv2d& op) {
    const std::size_t words = words_for(op.inputs);
    std::vector<std::uint64_t> mask(words * op.groups, ~std::uint64_t{0});
    for (std::size_t g = 0; g < op.groups; ++g) mask[(g + 1) * words - 1] = tail_mask(op.inputs);
    return mask;
  }

  static std::vector<std::int32_t> repeated(const TwoValueConv2d& op) {
    std::vector<std::int32_t> totals;
    for (std::int32_t total : op.total) totals.insert(totals.end(), op.groups, total);
    return totals;
  }

  BitCounts marked_, whole_;
  std::size_t totals_words_;
};

// float32 or bytes to sums of products; the image is copied with its padding first.
template <class Weight, class Sum, class Kernel>
class ProductSource final : public SumSource {
 public:
  template <class From>
  ProductSource(const ConvShape& shape, const From* weight, const std::vector<Sum>& start,
                const PixelClasses& classes, ValueKind kind, const Target& target, Step& step)
      : shape_(shape),
        pack_(shape, weight, start.data(), start.size() / shape.out_channels,
              classes.rows.empty() ? nullptr : classes.rows.data(),
              classes.rows.empty() ? nullptr : classes.columns.data()),
        kind_(kind) {
    run_ = select_kernel<Kernel>(target.isa, step);
    const std::size_t elements =
        shape.extended_height() * shape.extended_width() * shape.channels + ConvPack::kStep;
    shared_words = (elements * sizeof(Weight) + 63) / 64 * 8;
    const double macs =
        static_cast<double>(shape.out_height() * shape.out_width() * shape.out_channels * shape.inputs());
    cycles = macs / (target.isa >= Isa::x86_avx2 ? 14 : 1);
  }

  void prepare(const StepInput& in, std::uint64_t* shared) const override {
    auto* extended = reinterpret_cast<Weight*>(shared);
    if (kind_ == ValueKind::uint8)
      kernels::extend_image(shape_, reinterpret_cast<const std::uint8_t*>(in.value), 0,
                            shape_.extended_height(), extended);
    else if constexpr (std::is_same_v<Weight, float>)
      kernels::extend_image(shape_, reinterpret_cast<const float*>(in.value), 0, shape_.extended_height(),
                            extended);
  }

  void rows(const std::uint64_t*, const std::uint64_t* shared, std::size_t begin, std::size_t end, void* tile,
            std::uint64_t*) const override {
    const auto program = pack_.program();
    run_(program, reinterpret_cast<const Weight*>(shared), {begin, end, 0, program.blocks()},
         static_cast<Sum*>(tile), shape_.out_channels);
  }

 private:
  using ConvPack = kernels::ConvSumsPack<Weight, Sum>;
  ConvShape shape_;
  ConvPack pack_;
  ValueKind kind_;
  Kernel* run_ = nullptr;
};

using FloatProducts = ProductSource<float, float, kernels::Conv2dF32>;
using PixelProducts = ProductSource<std::int16_t, std::int32_t, kernels::PixelConv2d>;

}  // namespace

PixelClasses pixel_classes(const Window& w, const ValueType& in, std::size_t classes) {
  if (classes <= 1) return {};
  PixelClasses result;
  const BorderClasses columns = border_classes(in.width, w.kernel_w, w.stride_w, w.dilation_w, w.padding_w);
  result.rows = border_classes(in.height, w.kernel_h, w.stride_h, w.dilation_h, w.padding_h).of;
  for (std::uint32_t& row : result.rows) row *= static_cast<std::uint32_t>(columns.count);
  result.columns = columns.of;
  return result;
}

kernels::ConvShape conv_shape(const Window& w, const ValueType& in, std::size_t outputs) {
  const bool replicate = w.border == Border::replicate;
  const std::size_t rows = replicate ? w.padding_h : 0, columns = replicate ? w.padding_w : 0;
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
          w.padding_h - rows,
          w.padding_h - rows,
          w.padding_w - columns,
          w.padding_w - columns,
          w.border == Border::ones};
}

std::unique_ptr<SumSource> make_sum_source(const Operation& operation, const ValueType& in,
                                           const ValueType& out, const Target& target, Step& step) {
  if (const auto* count = std::get_if<CountConv2d>(&operation))
    return std::make_unique<CountSource>(*count, in, out, target, step);
  if (const auto* two = std::get_if<TwoValueConv2d>(&operation))
    return std::make_unique<TwoValueSource>(*two, in, out, target, step);
  if (const auto* pixel = std::get_if<PixelConv2d>(&operation))
    return std::make_unique<PixelProducts>(
        conv_shape(*pixel, in, out.channels), pixel->weight.data(), pixel->constant,
        pixel_classes(*pixel, in, pixel->constant.size() / out.channels), in.kind, target, step);
  if (const auto* conv = std::get_if<Conv2d>(&operation))
    return std::make_unique<FloatProducts>(conv_shape(*conv, in, out.channels), conv->weight.data(),
                                           conv->bias, PixelClasses{}, in.kind, target, step);
  return nullptr;
}

std::unique_ptr<SumSource> make_sum_source(const Linear& op, const ValueType& in, const Target& target,
                                           Step& step) {
  const Window pixel{1, 1, 1, 1, 1, 1, 0, 0, 1, Border::zeros};
  return std::make_unique<FloatProducts>(conv_shape(pixel, in, op.outputs), op.weight.data(), op.bias,
                                         PixelClasses{}, in.kind, target, step);
}

}  // namespace binmorph
