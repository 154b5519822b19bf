// Convolutions of threshold neurons: one image at a time, channel-packed.
#include "binmorph/error.h"
#include "binmorph/step.h"
#include "kernels/common/bits.h"
#include "kernels/threshold_conv2d/pack.h"

namespace binmorph {
namespace {

using kernels::Border;

// A replicated border is copied in front of the kernel, which then sees an image without padding.
kernels::ConvShape conv_shape(const ThresholdConv2d& op, const ValueType& in) {
  const bool replicate = op.border == Border::replicate;
  const std::size_t ph = op.padding_h, pw = op.padding_w;
  const std::size_t rows = replicate ? ph : 0, columns = replicate ? pw : 0;
  return {in.height + 2 * rows,
          in.width + 2 * columns,
          in.channels,
          op.neurons.count,
          op.groups,
          op.kernel_h,
          op.kernel_w,
          op.stride_h,
          op.stride_w,
          op.dilation_h,
          op.dilation_w,
          ph - rows,
          ph - rows,
          pw - columns,
          pw - columns,
          op.border == Border::ones};
}

class Conv2dStep final : public Step {
 public:
  Conv2dStep(const ThresholdConv2d& op, const ValueType& in, const Target& target)
      : extend_{1, in.height, in.width, 2 * op.padding_h + 1, 2 * op.padding_w + 1, Border::replicate},
        pixel_words_(words_for(in.channels)) {
    reads = writes = Packing::channels;
    const kernels::ConvShape shape = conv_shape(op, in);
    choose_kernel(shape, target.isa);
    pack_neurons(op, in, shape);
    if (op.border == Border::replicate && op.padding_h + op.padding_w > 0) {
      window_planes_ = select_kernel<kernels::WindowPlanes>(target.isa, *this);
      extended_words_ = shape.height * shape.width * pixel_words_;
    }
    const kernels::ConvProgram program = pack_->program();
    out_height_ = shape.out_height();
    blocks_ = kernels::conv_blocks(program);
    piece_words_ = (program.scratch_words + 7) / 8 * 8;
    scratch_words = (extended_words_ + 7) / 8 * 8 + piece_words_ * max_pieces(target.threads);
    constexpr double kVectorOperationsPerCycle = 2;
    cost = kVectorOperationsPerCycle * kernels::conv_cycles(layout_, shape, program.form);
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    const std::uint64_t* x = in.value;
    if (window_planes_ != nullptr) {
      window_planes_(extend_, pixel_words_, x, scratch);
      x = scratch;
    }
    std::uint64_t* pieces = scratch + (extended_words_ + 7) / 8 * 8;
    const kernels::ConvProgram program = pack_->program();
    // Pieces of blocks read every weight once; pieces of rows, where blocks are few, read all of them.
    const bool by_rows = blocks_ < out_height_;
    split(in.pool, by_rows ? out_height_ : blocks_, cost,
          [&](std::size_t piece, std::size_t begin, std::size_t end) {
            const kernels::ConvRange range = by_rows ? kernels::ConvRange{begin, end, 0, blocks_}
                                                     : kernels::ConvRange{0, out_height_, begin, end};
            run_(program, x, out, range, pieces + piece * piece_words_);
          });
  }

 private:
  // The best kernel that supports the shape; the reference does.
  void choose_kernel(const kernels::ConvShape& shape, Isa isa) {
    const kernels::Kernel<kernels::ThresholdConv2d>* best = nullptr;
    for (const auto& k : kernels::kernel_list<kernels::ThresholdConv2d>())
      if (k.isa <= isa && isa_supported(k.isa) && (best == nullptr || k.isa > best->isa) &&
          kernels::conv_supports(kernels::conv_layout(k.name), shape))
        best = &k;
    kernels.emplace_back(best->name);
    run_ = best->run;
    layout_ = kernels::conv_layout(best->name);
  }

  void pack_neurons(const ThresholdConv2d& op, const ValueType& in, const kernels::ConvShape& shape) {
    const std::size_t outputs = op.neurons.count, classes = op.offset.size() / outputs;
    std::vector<std::int32_t> threshold(op.offset);
    for (std::size_t i = 0; i < threshold.size(); ++i) threshold[i] += op.neurons.threshold[i % outputs];
    BorderClasses rows, columns;
    if (classes > 1) {
      rows = border_classes(in.height, op.kernel_h, op.stride_h, op.dilation_h, op.padding_h);
      columns = border_classes(in.width, op.kernel_w, op.stride_w, op.dilation_w, op.padding_w);
      for (std::uint32_t& row : rows.of) row *= static_cast<std::uint32_t>(columns.count);
    }
    const kernels::ConvNeurons neurons{op.neurons.plus.data(),
                                       op.neurons.minus.data(),
                                       threshold.data(),
                                       op.neurons.invert.data(),
                                       classes,
                                       classes > 1 ? rows.of.data() : nullptr,
                                       classes > 1 ? columns.of.data() : nullptr};
    pack_ = std::make_unique<kernels::ConvPack>(shape, neurons, layout_, false);
  }

  kernels::WindowShape extend_;
  std::size_t pixel_words_, extended_words_ = 0, piece_words_ = 0, out_height_ = 0, blocks_ = 1;
  kernels::ConvLayout layout_ = kernels::ConvLayout::rows;
  std::unique_ptr<kernels::ConvPack> pack_;
  kernels::ThresholdConv2d* run_ = nullptr;
  kernels::WindowPlanes* window_planes_ = nullptr;
};

}  // namespace

std::unique_ptr<Step> make_conv2d_step(const ThresholdConv2d& op, const ValueType& in, const Target& target) {
  if (target.layout == Layout::planes)
    throw Error(ErrorKind::format,
                "convolutions run one image at a time: load without layout='batch-sliced'");
  return std::make_unique<Conv2dStep>(op, in, target);
}

}  // namespace binmorph
