// Sums of convolutions over packed bits: by a kernel of counts or, where weights are few, by lists of taps.
#pragma once

#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "convolution.h"
#include "sparse_counts.h"
#include "sum_sources.h"

namespace binmorph {

// factor (popcount(x AND plus) - popcount(x AND minus)) + constant.
class Counts {
 public:
  Counts(const Window& w, const ValueType& in, std::size_t outputs, const std::uint64_t* plus,
         const std::uint64_t* minus, const std::vector<std::int32_t>& constant, std::int32_t factor,
         bool sums_may_be_int16, const Target& target, Step& step)
      : shape_(conv_shape(w, in, outputs)) {
    const std::size_t classes = constant.size() / outputs;
    const PixelClasses pixels(w, in, classes);
    const std::vector<std::int32_t> threshold(constant.size(), 0);
    const std::vector<std::uint8_t> invert(outputs, 0);
    const kernels::ConvNeurons neurons{plus,
                                       minus,
                                       threshold.data(),
                                       invert.data(),
                                       classes,
                                       pixels.row_data(),
                                       pixels.column_data(),
                                       constant.data(),
                                       factor};
    const kernels::ConvForm form = kernels::conv_form(shape_, neurons);
    const auto cost = [&](kernels::ConvLayout layout) { return sum_cycles(layout, form); };
    const auto select = [&](auto*& run) {
      using Fn = std::remove_reference_t<decltype(*run)>;
      const auto& kernel = select_conv_kernel<Fn>(shape_, target.isa, step, cost);
      run = kernel.run;
      return kernel.name;
    };
    int16 = sums_may_be_int16 && kernels::conv_sums_fit_16_bits(shape_, neurons);
    const char* const kernel = int16 ? select(run_i16_) : select(run_i32_);
    const kernels::ConvLayout layout = kernels::conv_layout(kernel);
    pack_ = std::make_unique<kernels::ConvPack>(shape_, neurons, layout, true);
    scratch_words = round_to_line(pack_->program().scratch_words);
    blocks = kernels::conv_blocks(pack_->program());
    // The kernel for sextets makes tables of the image for every call: calls are few.
    large_tiles = layout == kernels::ConvLayout::sextets;
    if (large_tiles) blocks_of_a_tile_ = std::exchange(blocks, 1);
    const double dense = cost(layout);
    cycles = dense;
    sparse_ = SparseCounts::make(shape_, plus, minus, factor, constant, pixels, cycles, target, step);
    if (sparse_ == nullptr) return;
    // They run in its place.
    step.kernels.erase(std::find(step.kernels.begin(), step.kernels.end(), kernel));
    step.rivals = {{kernel, kVectorOperationsPerCycle * (dense - sparse_->cycles)}};
    pack_ = nullptr;
    int16 = large_tiles = false;
    scratch_words = 0;
    blocks = sparse_->blocks;
    cycles = sparse_->cycles;
    shared_words = sparse_->words;
  }

  // Lists of taps count the whole image before any tile.
  void prepare(const std::uint64_t* x, ThreadPool* pool, std::uint64_t* shared) const {
    if (sparse_ != nullptr) sparse_->prepare(x, pool, shared);
  }

  void run(const std::uint64_t* x, const std::uint64_t* shared, const SumTile& tile, void* to,
           std::size_t pitch, std::uint64_t* scratch) const {
    const kernels::ConvRange range{tile.row_begin, tile.row_end, tile.block, tile.block + blocks_of_a_tile_};
    if (sparse_ != nullptr)
      sparse_->sums(shared, tile, static_cast<std::int32_t*>(to), pitch);
    else if (int16)
      run_i16_(pack_->program(), x, static_cast<std::int16_t*>(to), pitch, range, scratch);
    else
      run_i32_(pack_->program(), x, static_cast<std::int32_t*>(to), pitch, range, scratch);
  }

  const kernels::ConvShape& shape() const { return shape_; }
  std::size_t scratch_words = 0, shared_words = 0, blocks = 1;
  double cycles = 0;
  bool int16 = false, large_tiles = false;

 private:
  // Costs are those of thresholds; a sum of the kernel for sextets takes a transposition of its planes, too.
  double sum_cycles(kernels::ConvLayout layout, kernels::ConvForm form) const {
    constexpr double kTransposed = 0.3;
    const double bits = kernels::conv_cycles(layout, shape_, form);
    if (layout != kernels::ConvLayout::sextets) return bits;
    return bits +
           kTransposed * static_cast<double>(shape_.out_height() * shape_.out_width() * shape_.out_channels);
  }

  kernels::ConvShape shape_;
  std::unique_ptr<kernels::ConvPack> pack_;  // one of the two
  std::unique_ptr<SparseCounts> sparse_;
  std::size_t blocks_of_a_tile_ = 1;
  kernels::AccumulateConv2d* run_i32_ = nullptr;
  kernels::AccumulateConv2dI16* run_i16_ = nullptr;
};

}  // namespace binmorph
