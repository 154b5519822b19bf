#include "sparse_counts.h"

namespace binmorph {

SparseCounts::SparseCounts(const kernels::ConvShape& shape, const std::uint64_t* plus,
                           const std::uint64_t* minus, std::int32_t factor,
                           const std::vector<std::int32_t>& constant, const PixelClasses& classes,
                           const Target& target)
    : pack_(shape, plus, minus), factor_(factor), constant_(constant), classes_(classes) {
  const kernels::SparseProgram program = pack_.program();
  const std::size_t values = shape.out_height() * shape.out_width() * shape.out_channels;
  count_words_ = round_to_line((values + 1) / 2);
  plane_words_ = round_to_line(program.planes.words());
  piece_words_ = round_to_line(program.scratch_words());
  blocks = program.blocks();
  // The pixels of the planes are no longer needed when the pieces begin.
  words = count_words_ + plane_words_ +
          std::max(kernels::sparse_pixel_words(program), piece_words_ * max_pieces(target.threads));
  constexpr double kPerValue = 0.5;  // scaling
  cycles = kernels::sparse_cycles(shape, program.minus, pack_.entries(), target.isa) +
           kPerValue * static_cast<double>(values);
}

std::unique_ptr<SparseCounts> SparseCounts::make(const kernels::ConvShape& shape, const std::uint64_t* plus,
                                                 const std::uint64_t* minus, std::int32_t factor,
                                                 const std::vector<std::int32_t>& constant,
                                                 const PixelClasses& classes, double dense_cycles,
                                                 const Target& target, Step& step) {
  // Before lists are made: without minus, which is never more.
  const std::size_t entries = kernels::sparse_entries(shape, plus, minus);
  if (!kernels::sparse_supports(shape, plus, minus) ||
      kernels::sparse_cycles(shape, false, entries, target.isa) >= dense_cycles)
    return nullptr;
  std::unique_ptr<SparseCounts> counts(
      new SparseCounts(shape, plus, minus, factor, constant, classes, target));
  if (counts->cycles >= dense_cycles) return nullptr;
  counts->to_planes_ = select_kernel<kernels::ImagesToPlanes>(target.isa, step);
  counts->run_ = select_kernel<kernels::SparseConv2d>(target.isa, step);
  return counts;
}

void SparseCounts::prepare(const std::uint64_t* x, ThreadPool* pool, std::uint64_t* memory) const {
  const kernels::SparseProgram program = pack_.program();
  auto* counts = reinterpret_cast<std::int32_t*>(memory);
  std::uint64_t *planes = memory + count_words_, *pieces = planes + plane_words_;
  kernels::sparse_planes(program, x, to_planes_, pieces, planes);
  split(pool, program.blocks(), 2 * cycles, [&](std::size_t piece, std::size_t begin, std::size_t end) {
    run_(program, planes, counts, begin, end, pieces + piece * piece_words_);
  });
}

void SparseCounts::sums(const std::uint64_t* memory, const SumTile& tile, std::int32_t* to,
                        std::size_t pitch) const {
  const kernels::ConvShape shape = pack_.program().shape;
  const std::size_t outputs = shape.out_channels, width = shape.out_width();
  const std::size_t first = tile.block * kernels::kSparseBlock;
  const std::size_t last = std::min(outputs, first + kernels::kSparseBlock);
  const auto* counts = reinterpret_cast<const std::int32_t*>(memory) + tile.row_begin * width * outputs;
  for (std::size_t y = tile.row_begin; y < tile.row_end; ++y)
    for (std::size_t x = 0; x < width; ++x, counts += outputs, to += pitch) {
      const std::int32_t* constant = constant_.data() + classes_.of(y, x) * outputs;
      for (std::size_t o = first; o < last; ++o) to[o - first] = factor_ * counts[o] + constant[o];
    }
}

}  // namespace binmorph
