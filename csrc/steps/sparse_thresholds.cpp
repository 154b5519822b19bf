#include "sparse_thresholds.h"

#include "convolution.h"

namespace binmorph {

SparseThresholdConv::SparseThresholdConv(const kernels::ConvShape& shape, const ThresholdConv2d& op,
                                         const std::vector<std::int32_t>& threshold,
                                         const PixelClasses& classes, const Target& target, Step& step)
    : pack_(shape, op.neurons.plus.data(), op.neurons.minus.data()),
      thresholds_(pack_.program(), threshold.data(), op.neurons.invert.data(),
                  threshold.size() / op.neurons.count, classes.row_data(), classes.column_data()),
      to_planes_(select_kernel<kernels::ImagesToPlanes>(target.isa, step)),
      run_(select_kernel<kernels::SparseThreshold>(target.isa, step)) {
  const kernels::SparseProgram program = pack_.program();
  plane_words_ = round_to_line(program.planes.words());
  piece_words_ = round_to_line(thresholds_.thresholds().scratch_words());
  // The pixels of the planes are no longer needed when the pieces begin.
  scratch_words = plane_words_ +
                  std::max(kernels::sparse_pixel_words(program), piece_words_ * max_pieces(target.threads));
  cycles = kernels::sparse_threshold_cycles(shape, program.minus, pack_.entries(), target.isa);
}

std::unique_ptr<SparseThresholdConv> SparseThresholdConv::make(
    const kernels::ConvShape& shape, const ThresholdConv2d& op, const std::vector<std::int32_t>& threshold,
    const PixelClasses& classes, double dense_cycles, const Target& target, Step& step) {
  const std::uint64_t *plus = op.neurons.plus.data(), *minus = op.neurons.minus.data();
  const std::vector<std::uint64_t>& masks = op.neurons.minus;
  const bool subtracts =
      std::any_of(masks.begin(), masks.end(), [](std::uint64_t word) { return word != 0; });
  const std::size_t entries = kernels::sparse_entries(shape, plus, minus);
  if (!kernels::sparse_supports(shape, plus, minus)) return nullptr;
  const double cycles = kernels::sparse_threshold_cycles(shape, subtracts, entries, target.isa);
  if (cycles >= dense_cycles) {
    step.rivals.push_back(
        {best_kernel<kernels::SparseThreshold>(target.isa).name, kVectorOperationsPerCycle * cycles});
    return nullptr;
  }
  return std::unique_ptr<SparseThresholdConv>(
      new SparseThresholdConv(shape, op, threshold, classes, target, step));
}

void SparseThresholdConv::run(const std::uint64_t* x, std::uint64_t* y, ThreadPool* pool,
                              std::uint64_t* scratch) const {
  const kernels::SparseProgram program = pack_.program();
  std::uint64_t *planes = scratch, *pieces = scratch + plane_words_;
  kernels::sparse_planes(program, x, to_planes_, pieces, planes);
  split(pool, program.blocks(), 2 * cycles, [&](std::size_t piece, std::size_t begin, std::size_t end) {
    run_(program, thresholds_.thresholds(), planes, y, begin, end, pieces + piece * piece_words_);
  });
}

}  // namespace binmorph
