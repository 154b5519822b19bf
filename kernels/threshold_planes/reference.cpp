#include "kernels/common/bits.h"
#include "kernels/threshold_planes/threshold_planes.h"

namespace binmorph::kernels {
namespace {

template <class ReadTap>
bool fires(const Term& term, const std::uint32_t* taps, ReadTap read) {
  std::uint32_t count = 0;
  const std::uint32_t literals = term.positive + term.negative;
  for (std::uint32_t i = 0; i < literals; ++i) {
    const bool bit = read(taps[term.first_tap + i]);
    count += i < term.positive ? bit : !bit;
  }
  bool result = false;
  switch (term.op) {
    case TermOp::all:
      result = count == literals;
      break;
    case TermOp::any:
      result = count > 0;
      break;
    case TermOp::count:
      result = count >= term.threshold;
      break;
  }
  return result != term.invert;
}

}  // namespace

void threshold_planes_u64_u64__reference(const PlaneProgram& program, const PlaneShape& shape,
                                         const std::uint64_t* src, std::uint64_t* dst, std::size_t begin,
                                         std::size_t end, std::uint64_t* scratch) {
  for (std::size_t o = begin; o < end; ++o) {
    const PlaneNeuron& neuron = program.neurons[o];
    const Term* terms = program.terms + neuron.first_term;
    for (std::size_t y = 0; y < shape.rows; ++y) {
      for (std::size_t lane = 0; lane < 64 * shape.row_words; ++lane) {
        const std::uint64_t* word = src + y * shape.src_row_pitch + lane / 64;
        const auto read = [&](std::uint32_t tap) { return get_bit(word + tap, lane % 64); };
        bool result = false;
        if (neuron.terms == 1) {
          result = fires(terms[0], program.taps, read);
        } else {
          for (std::uint32_t t = 0; t < neuron.terms; ++t)
            set_bit(scratch, t, fires(terms[t], program.taps, read));
          result = fires(neuron.combine, program.taps, [&](std::uint32_t t) { return get_bit(scratch, t); });
        }
        set_bit(dst + o * shape.dst_plane_pitch + y * shape.row_words, lane, result);
      }
    }
  }
}

}  // namespace binmorph::kernels
