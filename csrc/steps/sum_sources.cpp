#include "sum_sources.h"

#include <type_traits>

#include "convolution.h"
#include "counts.h"
#include "kernels/common/conv_sums_pack.h"
#include "window_totals.h"

namespace binmorph {
namespace {

using kernels::Border;
using kernels::ConvShape;

class CountSource final : public SumSource {
 public:
  CountSource(const CountConv2d& op, const ValueType& in, const ValueType& out, bool sums_may_be_int16,
              const Target& target, Step& step)
      : border_(op, in, target.isa, step),
        counts_(op, in, out.channels, op.plus.data(), op.minus.data(), op.constant, op.factor,
                sums_may_be_int16, target, step) {
    int16 = counts_.int16;
    large_tiles = counts_.large_tiles;
    shared_words = border_.words() + counts_.shared_words;
    scratch_words = counts_.scratch_words;
    blocks = counts_.blocks;
    cycles = counts_.cycles;
  }
  void prepare(const StepInput& in, std::uint64_t* shared, std::uint64_t*, std::size_t) const override {
    counts_.prepare(border_.copy(in.value, shared), in.pool, shared + border_.words());
  }
  void sums(const std::uint64_t* x, const std::uint64_t* shared, const SumTile& tile, void* to,
            std::size_t pitch, std::uint64_t* scratch) const override {
    counts_.run(border_.words() == 0 ? x : shared, shared + border_.words(), tile, to, pitch, scratch);
  }

 private:
  ReplicatedBorder border_;
  Counts counts_;
};

// R from a convolution by the marked weights; A, of whole windows, of all pixels before.
class TwoValueSource final : public SumSource {
 public:
  TwoValueSource(const TwoValueConv2d& op, const ValueType& in, const ValueType& out, bool sums_may_be_int16,
                 const Target& target, Step& step)
      : border_(op, in, target.isa, step),
        marked_(op, in, out.channels, op.plus.data(), nullptr, op.constant, op.factor, sums_may_be_int16,
                target, step),
        whole_(marked_.shape(), op.factor, op.total, PixelClasses(op, in, op.total.size())),
        difference_(op.difference),
        low_(op.low),
        whole_words_(round_to_line((out.height * out.width * op.groups + 1) / 2)) {
    int16 = marked_.int16;
    large_tiles = marked_.large_tiles;
    shared_words = whole_words_ + border_.words() + std::max(marked_.shared_words, whole_.scratch_words);
    scratch_words = marked_.scratch_words;
    blocks = marked_.blocks;
    cycles = marked_.cycles + whole_.cycles;
    steps.push_back({kernels::ElementwiseOp::two_value, difference_.data(), low_.data(), 0, 0, 0, op.groups});
  }

  void prepare(const StepInput& in, std::uint64_t* shared, std::uint64_t*, std::size_t) const override {
    const std::uint64_t* x = border_.copy(in.value, shared + whole_words_);
    std::uint64_t* rest = shared + whole_words_ + border_.words();
    whole_.run(x, reinterpret_cast<std::int32_t*>(shared), rest);
    marked_.prepare(x, in.pool, rest);
  }

  void sums(const std::uint64_t* x, const std::uint64_t* shared, const SumTile& tile, void* to,
            std::size_t pitch, std::uint64_t* scratch) const override {
    const std::uint64_t* border = shared + whole_words_;
    marked_.run(border_.words() == 0 ? x : border, border + border_.words(), tile, to, pitch, scratch);
  }

 private:
  ReplicatedBorder border_;
  Counts marked_;
  WindowTotals whole_;
  std::vector<float> difference_, low_;
  std::size_t whole_words_;
};

// float32 or bytes to sums of products. Floats without padding are read where they lie; else the image is
// copied, that of the network as the caller gives it.
template <class Weight, class Sum, class Kernel>
class ProductSource final : public SumSource {
 public:
  template <class From>
  ProductSource(const ConvShape& shape, const From* weight, const std::vector<Sum>& start,
                const PixelClasses& classes, ValueKind kind, const Target& target, Step& step)
      : shape_(shape),
        pack_(shape, weight, start.data(), start.size() / shape.out_channels, classes.row_data(),
              classes.column_data()),
        kind_(kind),
        loads_(step.loads) {
    run_ = select_kernel<Kernel>(target.isa, step);
    blocks = pack_.program().blocks();
    in_place_ = !loads_ && kind == ValueKind::float32 && shape.top + shape.left == 0;
    const std::size_t elements =
        shape.extended_height() * shape.extended_width() * shape.channels + ConvPack::kStep - 1;
    if (!in_place_) shared_words = (elements * sizeof(Weight) + 63) / 64 * 8;
    const double macs =
        static_cast<double>(shape.out_height() * shape.out_width() * shape.out_channels * shape.inputs());
    cycles = macs / (target.isa >= Isa::x86_avx2 ? 14 : 1);
  }

  void prepare(const StepInput& in, std::uint64_t* shared, std::uint64_t*, std::size_t) const override {
    if (in_place_) return;
    const double cost = static_cast<double>(shape_.height * shape_.width * shape_.channels) / 2;
    split(in.pool, shape_.extended_height(), cost, [&](std::size_t, std::size_t begin, std::size_t end) {
      if (kind_ == ValueKind::uint8)
        extend<std::uint8_t>(in, begin, end, shared);
      else if constexpr (std::is_same_v<Weight, float>)
        extend<float>(in, begin, end, shared);
    });
  }

  void sums(const std::uint64_t* x, const std::uint64_t* shared, const SumTile& tile, void* to,
            std::size_t pitch, std::uint64_t*) const override {
    run_(pack_.program(), reinterpret_cast<const Weight*>(in_place_ ? x : shared),
         {tile.row_begin, tile.row_end, tile.block, tile.block + 1}, static_cast<Sum*>(to), pitch);
  }

 private:
  template <class From>
  void extend(const StepInput& in, std::size_t begin, std::size_t end, std::uint64_t* shared) const {
    auto* extended = reinterpret_cast<Weight*>(shared);
    if (loads_)
      kernels::extend_planes(shape_, static_cast<const From*>(in.network.values), begin, end, extended);
    else
      kernels::extend_image(shape_, reinterpret_cast<const From*>(in.value), begin, end, extended);
  }

  using ConvPack = kernels::ConvSumsPack<Weight, Sum>;
  ConvShape shape_;
  ConvPack pack_;
  ValueKind kind_;
  bool loads_, in_place_ = false;
  Kernel* run_ = nullptr;
};

using FloatProducts = ProductSource<float, float, kernels::Conv2dF32>;
using PixelProducts = ProductSource<std::int16_t, std::int32_t, kernels::PixelConv2d>;

}  // namespace

std::unique_ptr<SumSource> make_sum_source(const Operation& operation, const ValueType& in,
                                           const ValueType& out, bool int16, const Target& target,
                                           Step& step) {
  if (const auto* count = std::get_if<CountConv2d>(&operation))
    return std::make_unique<CountSource>(*count, in, out, int16, target, step);
  if (const auto* two = std::get_if<TwoValueConv2d>(&operation))
    return std::make_unique<TwoValueSource>(*two, in, out, int16, target, step);
  if (const auto* pixel = std::get_if<PixelConv2d>(&operation)) {
    const PixelClasses classes(*pixel, in, pixel->constant.size() / out.channels);
    return std::make_unique<PixelProducts>(conv_shape(*pixel, in, out.channels), pixel->weight.data(),
                                           pixel->constant, classes, in.kind, target, step);
  }
  if (const auto* conv = std::get_if<Conv2d>(&operation))
    return std::make_unique<FloatProducts>(conv_shape(*conv, in, out.channels), conv->weight.data(),
                                           conv->bias, PixelClasses(*conv, in, 1), in.kind, target, step);
  return nullptr;
}

std::unique_ptr<SumSource> make_sum_source(const Linear& op, const ValueType& in, const Target& target,
                                           Step& step) {
  const Window pixel{1, 1, 1, 1, 1, 1, 0, 0, 1, Border::zeros};
  return std::make_unique<FloatProducts>(conv_shape(pixel, in, op.outputs), op.weight.data(), op.bias,
                                         PixelClasses(pixel, in, 1), in.kind, target, step);
}

}  // namespace binmorph
