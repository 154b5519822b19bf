// Numbers: a convolution, or a value that there is, through a program of elementwise nodes to streams and
// bits, a tile of rows x 64 channels at a time.
#include <algorithm>
#include <optional>

#include "../fusion.h"
#include "binmorph/step.h"
#include "convolution.h"
#include "kernels/common/aligned_vector.h"
#include "kernels/common/bits.h"
#include "pooled_rows.h"
#include "sum_sources.h"

namespace binmorph {
namespace {

// A tile is read again while a cache close by has it; a large one, the second-level cache.
constexpr std::size_t kTileBytes = 32 << 10, kLargeTileBytes = 256 << 10;

class SumsStep final : public Step {
 public:
  SumsStep(const Graph& graph, const Fused& fused, const Target& target) {
    reads = writes = Packing::channels;
    const Node& root = graph.nodes()[fused.nodes.front()];
    const ValueType& in = graph.type(root.input());
    loads = root.input() == 0 && fused.operands.empty() &&
            (std::holds_alternative<Conv2d>(root.operation) ||
             std::holds_alternative<PixelConv2d>(root.operation));
    // A pool's band holds the sums, and then the program's floats in their place.
    const bool may_be_int16 = !fused.program.empty() && !fused.pooled;
    source_ = make_sum_source(root.operation, in, root.type, may_be_int16, target, *this);
    // An elementwise root takes its input as it lies.
    const ValueType& tile = source_ == nullptr ? in : root.type;
    height_ = tile.height;
    width_ = tile.width;
    channels_ = tile.channels;
    stream_count_ = fused.operands.size() + fused.results.size();
    make_program(graph, fused);
    find_in_place();
    if (!steps_.empty()) {
      const bool counts = source_ != nullptr && !source_->steps.empty();
      if (source_ != nullptr && source_->int16)
        run_i16_ = select_kernel<kernels::ElementwiseI16>(target.isa, *this);
      else if (counts || tile.kind == ValueKind::int32)
        run_i32_ = select_kernel<kernels::ElementwiseI32>(target.isa, *this);
      else
        run_f32_ = select_kernel<kernels::ElementwiseF32>(target.isa, *this);
    }
    if (fused.pooled) {
      const auto& pool = std::get<MaxPool>(graph.nodes()[fused.last()].operation);
      pooled_.emplace(float_pool_shape(pool, root.type),
                      select_kernel<kernels::FloatPool>(target.isa, *this));
    }
    plan_memory(target);
  }

  // A float dense layer.
  SumsStep(const Linear& op, const ValueType& in, const Target& target)
      : width_(1), channels_(op.outputs), height_(1) {
    reads = writes = Packing::channels;
    source_ = make_sum_source(op, in, target, *this);
    plan_memory(target);
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    if (source_ == nullptr) {
      split(in.pool, height_ * width_, cost, [&](std::size_t, std::size_t begin, std::size_t end) {
        apply(in.value, begin * channels_, channels_, {begin, end, 0, program_blocks_}, in.streams);
      });
      return;
    }
    auto** streams = reinterpret_cast<void**>(scratch);
    std::copy_n(in.streams, stream_count_, streams);
    std::uint64_t* shared = scratch + table_words_;
    streams[stream_count_] = shared;
    std::uint64_t* pieces = shared + source_->shared_words;
    source_->prepare(in, shared, pieces, piece_words_);
    if (pooled_) return run_pooled(in, out, shared, pieces);
    const std::size_t row_tiles = (height_ + tile_rows_ - 1) / tile_rows_;
    split(in.pool, source_->blocks * row_tiles, cost,
          [&](std::size_t piece, std::size_t begin, std::size_t end) {
            std::uint64_t* own = pieces + piece * piece_words_;
            for (std::size_t i = begin; i < end; ++i) {
              // The tiles of a block one after another: its weights stay in cache.
              const std::size_t row = i % row_tiles * tile_rows_, stop = std::min(row + tile_rows_, height_);
              run_tile(in, {row, stop, i / row_tiles}, out, shared, streams, own);
            }
          });
  }

 private:
  void run_tile(const StepInput& in, const SumTile& tile, std::uint64_t* out, const std::uint64_t* shared,
                void* const* streams, std::uint64_t* own) const {
    const std::size_t first = tile.block * kernels::kElementwiseBlock;
    if (steps_.empty()) {
      auto* to = reinterpret_cast<std::uint32_t*>(out) + tile.row_begin * width_ * channels_ + first;
      return source_->sums(in.value, shared, tile, to, channels_, own);
    }
    std::uint64_t* sums = own + source_->scratch_words;
    source_->sums(in.value, shared, tile, sums, tile_channels_, own);
    const std::size_t last = source_->blocks == 1 ? program_blocks_ : tile.block + 1;
    apply(sums, 0, tile_channels_, {tile.row_begin * width_, tile.row_end * width_, tile.block, last},
          streams);
  }

  // Rows of all channels into a band that a cache holds, where the program stores over the sums.
  void run_pooled(const StepInput& in, std::uint64_t* out, const std::uint64_t* shared,
                  std::uint64_t* pieces) const {
    split(in.pool, pooled_->out_height(), cost, [&](std::size_t piece, std::size_t begin, std::size_t end) {
      std::uint64_t* own = pieces + piece * piece_words_;
      auto* band = reinterpret_cast<float*>(own + source_->scratch_words);
      pooled_->run(begin, end, band, reinterpret_cast<float*>(out),
                   [&](std::size_t first, std::size_t last, float* to) {
                     for (std::size_t row = first, stop; row < last; row = stop) {
                       stop = std::min(row + tile_rows_, last);
                       source_->sums(in.value, shared, {row, stop, 0}, to, channels_, own);
                       void* const streams[] = {to};
                       apply(reinterpret_cast<const std::uint64_t*>(to), 0, channels_,
                             {0, (stop - row) * width_, 0, program_blocks_}, streams);
                       to += (stop - row) * width_ * channels_;
                     }
                   });
    });
  }

  // The program on the values from element `first` of `src` on.
  void apply(const std::uint64_t* src, std::size_t first, std::size_t pitch,
             const kernels::ElementwiseRange& range, void* const* streams) const {
    const kernels::ElementwiseProgram program{channels_, steps_.data(), steps_.size()};
    if (run_i16_ != nullptr)
      run_i16_(program, range, reinterpret_cast<const std::int16_t*>(src) + first, pitch, streams);
    else if (run_i32_ != nullptr)
      run_i32_(program, range, reinterpret_cast<const std::int32_t*>(src) + first, pitch, streams);
    else
      run_f32_(program, range, reinterpret_cast<const float*>(src) + first, pitch, streams);
  }

  void make_program(const Graph& graph, const Fused& fused) {
    if (source_ != nullptr) steps_ = source_->steps;
    for (kernels::ElementwiseStep& step : steps_) step.stream = stream_count_;
    for (const FusedOp& op : fused.program) {
      kernels::ElementwiseStep step{kernels::ElementwiseOp::store, nullptr, nullptr, 0, 0, op.stream, 1};
      const Operation& node = graph.nodes()[op.node].operation;
      if (op.kind == FusedOp::Kind::store) {
      } else if (const auto* affine = std::get_if<Affine>(&node)) {
        step.op = kernels::ElementwiseOp::affine;
        step.first = keep(affine->scale);
        step.second = keep(affine->shift);
      } else if (const auto* prelu = std::get_if<PRelu>(&node)) {
        step.op = kernels::ElementwiseOp::prelu;
        step.first = keep(prelu->slope);
      } else if (const auto* clamp = std::get_if<Clamp>(&node)) {
        step.op = kernels::ElementwiseOp::clamp;
        step.low = clamp->low;
        step.high = clamp->high;
      } else if (const auto* levels = std::get_if<LevelSets>(&node)) {
        step.op = kernels::ElementwiseOp::pack;
        step.first = keep(levels->values);
      } else {
        step.op = kernels::ElementwiseOp::add;
      }
      steps_.push_back(step);
    }
  }

  // What is stored after the addition of an operand can take its place.
  void find_in_place() {
    for (std::size_t stored = 0; stored < steps_.size(); ++stored) {
      if (steps_[stored].op != kernels::ElementwiseOp::store) continue;
      for (std::size_t added = 0; added < stored; ++added)
        if (steps_[added].op == kernels::ElementwiseOp::add)
          in_place.emplace_back(steps_[added].stream, steps_[stored].stream);
    }
  }

  // Vectors in a vector of vectors stay where they are when it grows by moves.
  const float* keep(const std::vector<float>& values) {
    parameters_.emplace_back(values.begin(), values.end());
    return parameters_.back().data();
  }

  void plan_memory(const Target& target) {
    program_blocks_ = words_for(channels_);
    if (!steps_.empty()) cost = elementwise_cost(steps_, height_ * width_, channels_, target.isa);
    if (source_ == nullptr) return;
    cost += kVectorOperationsPerCycle * source_->cycles;
    for (Rival& rival : rivals) rival.cost += cost;
    tile_channels_ = source_->blocks == 1 ? channels_ : kernels::kElementwiseBlock;
    const std::size_t row_bytes = (source_->int16 ? 2 : 4) * width_ * tile_channels_;
    // Small enough for a cache, and for each thread to have its share.
    const bool large = source_->large_tiles;
    const std::size_t share = large ? (height_ + target.threads - 1) / target.threads
                                    : height_ * source_->blocks / max_pieces(target.threads);
    const std::size_t rows = (large ? kLargeTileBytes : kTileBytes) / row_bytes;
    tile_rows_ = std::clamp<std::size_t>(std::min(rows, share), 1, height_);
    std::size_t tile_words = steps_.empty() ? 0 : (tile_rows_ * row_bytes + 63) / 64 * 8;
    if (pooled_) {
      tile_words = round_to_line((pooled_->band_floats() + 1) / 2);
      cost += pooled_->cost();
    }
    piece_words_ = source_->scratch_words + tile_words;
    table_words_ = round_to_line(stream_count_ + 1);
    scratch_words = table_words_ + source_->shared_words + piece_words_ * max_pieces(target.threads);
  }

  std::unique_ptr<SumSource> source_;
  std::optional<PooledRows> pooled_;
  std::size_t width_ = 0, channels_ = 0, height_ = 0;  // of the value that the sums are
  std::size_t stream_count_ = 0, table_words_ = 0;     // the caller's streams, and one of the source
  std::size_t tile_rows_ = 0, tile_channels_ = 0, piece_words_ = 0, program_blocks_ = 0;
  std::vector<kernels::ElementwiseStep> steps_;
  std::vector<AlignedVector<float>> parameters_;
  kernels::ElementwiseI16* run_i16_ = nullptr;
  kernels::ElementwiseI32* run_i32_ = nullptr;
  kernels::ElementwiseF32* run_f32_ = nullptr;
};

}  // namespace

std::unique_ptr<Step> make_sums_step(const Graph& graph, const Fused& fused, const Target& target) {
  return std::make_unique<SumsStep>(graph, fused, target);
}

std::unique_ptr<Step> make_float_linear_step(const Linear& op, const ValueType& in, const Target& target) {
  return std::make_unique<SumsStep>(op, in, target);
}

}  // namespace binmorph
