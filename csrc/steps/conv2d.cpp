// Convolutions of threshold neurons: one image at a time, channel-packed.
#include <algorithm>

#include "binmorph/error.h"
#include "convolution.h"
#include "sparse_thresholds.h"

namespace binmorph {
namespace {

class Conv2dStep final : public Step {
 public:
  Conv2dStep(const ThresholdConv2d& op, const ValueType& in, const Target& target)
      : border_(op, in, target.isa, *this) {
    reads = writes = Packing::channels;
    const kernels::ConvShape shape = conv_shape(op, in, op.neurons.count);
    pack_neurons(op, in, shape, target);
    out_height_ = shape.out_height();
    if (sparse_ == nullptr) piece_words_ = round_to_line(pack_->program().scratch_words);
    scratch_words =
        border_.words() + (sparse_ == nullptr ? piece_words_ * pieces_.count : sparse_->scratch_words);
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    const std::uint64_t* x = border_.copy(in.value, scratch);
    std::uint64_t* pieces = scratch + border_.words();
    if (sparse_ != nullptr) return sparse_->run(x, out, in.pool, pieces);
    const kernels::ConvProgram program = pack_->program();
    split(in.pool, pieces_.by_rows ? out_height_ : blocks_, pieces_.count,
          [&](std::size_t piece, std::size_t begin, std::size_t end) {
            const kernels::ConvRange range = pieces_.by_rows ? kernels::ConvRange{begin, end, 0, blocks_}
                                                             : kernels::ConvRange{0, out_height_, begin, end};
            run_(program, x, out, range, pieces + piece * piece_words_);
          });
  }

 private:
  void pack_neurons(const ThresholdConv2d& op, const ValueType& in, const kernels::ConvShape& shape,
                    const Target& target) {
    const std::size_t outputs = op.neurons.count, classes = op.offset.size() / outputs;
    std::vector<std::int32_t> threshold(op.offset);
    for (std::size_t i = 0; i < threshold.size(); ++i) threshold[i] += op.neurons.threshold[i % outputs];
    const PixelClasses pixels(op, in, classes);
    const kernels::ConvNeurons neurons{
        op.neurons.plus.data(), op.neurons.minus.data(), threshold.data(), op.neurons.invert.data(), classes,
        pixels.row_data(),      pixels.column_data()};
    const kernels::ConvForm form = kernels::conv_form(shape, neurons);
    const auto cut = [&](kernels::ConvLayout layout) {
      return conv_pieces(layout, shape, form, target.threads);
    };
    const auto& kernel = select_conv_kernel<kernels::ThresholdConv2d>(
        shape, target.isa, *this, [&](kernels::ConvLayout layout) { return cut(layout).cycles; });
    run_ = kernel.run;
    const kernels::ConvLayout layout = kernels::conv_layout(kernel.name);
    pieces_ = cut(layout);
    const double dense = kernels::conv_cycles(layout, shape, form);
    cost = kVectorOperationsPerCycle * dense;
    for (Rival& rival : rivals) rival.cost += cost;
    sparse_ = SparseThresholdConv::make(shape, op, threshold, pixels, dense, target, *this);
    if (sparse_ != nullptr) {  // in its place
      kernels.erase(std::find(kernels.begin(), kernels.end(), kernel.name));
      rivals.push_back({kernel.name, cost});
      cost = kVectorOperationsPerCycle * sparse_->cycles;
      return;
    }
    pack_ = std::make_unique<kernels::ConvPack>(shape, neurons, layout, false);
    blocks_ = kernels::conv_blocks(pack_->program());
  }

  ReplicatedBorder border_;
  std::size_t piece_words_ = 0, out_height_ = 0, blocks_ = 1;
  ConvPieces pieces_;
  std::unique_ptr<kernels::ConvPack> pack_;  // one of the two
  std::unique_ptr<SparseThresholdConv> sparse_;
  kernels::ThresholdConv2d* run_ = nullptr;
};

}  // namespace

std::unique_ptr<Step> make_conv2d_step(const ThresholdConv2d& op, const ValueType& in, const Target& target) {
  if (target.layout == Layout::planes)
    throw Error(ErrorKind::format,
                "convolutions run one image at a time: load without layout='batch-sliced'");
  return std::make_unique<Conv2dStep>(op, in, target);
}

}  // namespace binmorph
