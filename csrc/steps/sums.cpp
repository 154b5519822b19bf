// Numbers: a convolution, or a value that there is, through a program of elementwise nodes to streams and
// bits, a tile of rows at a time.
#include "../fusion.h"
#include "binmorph/step.h"
#include "kernels/common/bits.h"
#include "sum_sources.h"

namespace binmorph {
namespace {

constexpr std::size_t kTileBytes = 64 << 10;  // a tile is written and read again while the outer cache has it

class SumsStep final : public Step {
 public:
  SumsStep(const Graph& graph, const Fused& fused, const Target& target) {
    reads = writes = Packing::channels;
    const Node& root = graph.nodes()[fused.nodes.front()];
    const ValueType& in = graph.type(root.input());
    source_ = make_sum_source(root.operation, in, root.type, target, *this);
    // An elementwise root takes its input as it lies.
    const ValueType& tile = source_ == nullptr ? in : root.type;
    height_ = tile.height;
    row_ = tile.width * tile.channels;
    width_ = tile.width;
    channels_ = tile.channels;
    const auto* two_value = std::get_if<TwoValueConv2d>(&root.operation);
    if (two_value != nullptr) {
      stream_count_ = fused.operands.size() + fused.results.size();
      steps_.push_back({kernels::ElementwiseOp::two_value, keep(two_value->difference), keep(two_value->low),
                        0, 0, stream_count_, two_value->groups});
      table_words_ = (stream_count_ + 1 + 7) / 8 * 8;
    }
    make_program(graph, fused);
    if (!steps_.empty()) {
      if (tile.kind == ValueKind::int32 || two_value != nullptr)
        run_i32_ = select_kernel<kernels::ElementwiseI32>(target.isa, *this);
      else
        run_f32_ = select_kernel<kernels::ElementwiseF32>(target.isa, *this);
    }
    plan_memory(target);
  }

  // A float dense layer.
  SumsStep(const Linear& op, const ValueType& in, const Target& target)
      : width_(1), channels_(op.outputs), height_(1), row_(op.outputs) {
    reads = writes = Packing::channels;
    source_ = make_sum_source(op, in, target, *this);
    plan_memory(target);
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    void* const* streams = in.streams;
    if (table_words_ > 0) {  // the sums of whole windows are one more stream
      auto** table = reinterpret_cast<void**>(scratch);
      scratch += table_words_;
      std::copy_n(in.streams, stream_count_, table);
      table[stream_count_] = scratch;
      streams = table;
    }
    if (source_ != nullptr) source_->prepare(in, scratch);
    std::uint64_t* pieces = scratch + (source_ == nullptr ? 0 : source_->shared_words);
    split(in.pool, height_, cost, [&](std::size_t piece, std::size_t begin, std::size_t end) {
      std::uint64_t* own = pieces + piece * piece_words_;
      if (source_ == nullptr) return apply(in.value, 0, begin, end, streams);
      const std::size_t row_bytes = 4 * row_;
      if (steps_.empty())
        return source_->rows(in.value, scratch, begin, end, reinterpret_cast<char*>(out) + begin * row_bytes,
                             own);
      for (std::size_t row = begin; row < end; row += tile_rows_) {
        const std::size_t stop = std::min(end, row + tile_rows_);
        source_->rows(in.value, scratch, row, stop, own + source_->scratch_words, own);
        apply(own + source_->scratch_words, row, row, stop, streams);
      }
    });
  }

 private:
  // The program on rows [begin, end); `src` holds the rows from `first` on.
  void apply(const std::uint64_t* src, std::size_t first, std::size_t begin, std::size_t end,
             void* const* streams) const {
    const kernels::ElementwiseProgram program{channels_, steps_.data(), steps_.size()};
    const kernels::ElementwiseRange range{
        begin * width_, end * width_, 0,
        (channels_ + kernels::kElementwiseBlock - 1) / kernels::kElementwiseBlock};
    const std::size_t offset = (begin - first) * row_;
    if (run_i32_ != nullptr)
      run_i32_(program, range, reinterpret_cast<const std::int32_t*>(src) + offset, channels_, streams);
    else
      run_f32_(program, range, reinterpret_cast<const float*>(src) + offset, channels_, streams);
  }

  void make_program(const Graph& graph, const Fused& fused) {
    for (const FusedOp& op : fused.program) {
      kernels::ElementwiseStep step{kernels::ElementwiseOp::store, nullptr, nullptr, 0, 0, op.stream};
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

  // Vectors in a vector of vectors stay where they are when it grows by moves.
  const float* keep(const std::vector<float>& values) {
    parameters_.push_back(values);
    return parameters_.back().data();
  }

  void plan_memory(const Target& target) {
    const double elements = static_cast<double>(height_ * row_);
    cost = elements / 4 * static_cast<double>(steps_.size() + 1);
    if (source_ == nullptr) return;
    constexpr double kVectorOperationsPerCycle = 2;
    cost += kVectorOperationsPerCycle * source_->cycles;
    tile_rows_ = std::max<std::size_t>(1, std::min(height_, kTileBytes / (4 * row_)));
    const std::size_t tile_words = steps_.empty() ? 0 : (4 * tile_rows_ * row_ + 63) / 64 * 8;
    piece_words_ = source_->scratch_words + tile_words;
    scratch_words = table_words_ + source_->shared_words + piece_words_ * max_pieces(target.threads);
  }

  std::unique_ptr<SumSource> source_;
  std::size_t width_ = 0, channels_ = 0, height_ = 0, row_ = 0;  // of the tile's value; row_: its elements
  std::size_t tile_rows_ = 0, piece_words_ = 0, table_words_ = 0, stream_count_ = 0;
  std::vector<kernels::ElementwiseStep> steps_;
  std::vector<std::vector<float>> parameters_;
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
