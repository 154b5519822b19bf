// Bindings of the threshold kernels. A plane program comes as flat uint32 arrays:
//   term:   first_tap, positive, negative, threshold, counter_bits, op (0 all, 1 any, 2 count), invert
//   neuron: first_term, terms, then the seven fields of its combining term.
#include <algorithm>
#include <array>
#include <vector>

#include "kernel_args.h"
#include "kernels/threshold_dense/pack.h"
#include "kernels_bindings.h"

namespace binmorph::python {
namespace {

using namespace pybind11::literals;
using Pair = std::array<std::size_t, 2>;

constexpr std::size_t kTermFields = 7;
constexpr std::size_t kNeuronFields = 2 + kTermFields;

kernels::Term read_term(const std::uint32_t* f) {
  if (f[5] > 2) throw py::value_error("a term's op must be 0 (all), 1 (any) or 2 (count)");
  return {f[0], f[1], f[2], f[3], f[4], static_cast<kernels::TermOp>(f[5]), f[6] != 0};
}

// Every tap of the term must be below `limit`.
void check_term(const kernels::Term& term, const std::uint32_t* taps, std::size_t tap_count,
                std::size_t limit) {
  const std::uint64_t literals = std::uint64_t{term.positive} + term.negative;
  if (term.first_tap + literals > tap_count) throw py::value_error("a term reads past the end of taps");
  for (std::size_t i = 0; i < literals; ++i)
    if (taps[term.first_tap + i] >= limit) throw py::value_error("a tap reads past the end of its source");
  if (term.op != kernels::TermOp::count) return;
  if (term.threshold < 1 || term.threshold > literals)
    throw py::value_error("a counting term needs 1 <= threshold <= positive + negative");
  if (term.counter_bits > 32 || (std::uint64_t{1} << term.counter_bits) < literals)
    throw py::value_error("a counting term needs 2^counter_bits >= positive + negative");
}

struct PlaneProgramArrays {
  std::vector<kernels::Term> terms;
  std::vector<kernels::PlaneNeuron> neurons;
  kernels::PlaneProgram program{};

  // `reach`: words from a lane's first source word to the end of the source.
  PlaneProgramArrays(const py::array& taps, const py::array& term_fields, const py::array& neuron_fields,
                     std::size_t reach) {
    const std::size_t tap_count = static_cast<std::size_t>(taps.size());
    const std::uint32_t* tap = input<std::uint32_t>(taps, "taps", tap_count);
    const std::size_t term_count = static_cast<std::size_t>(term_fields.size()) / kTermFields;
    const std::uint32_t* t = input<std::uint32_t>(term_fields, "terms", term_count * kTermFields);
    for (std::size_t i = 0; i < term_count; ++i) {
      terms.push_back(read_term(t + i * kTermFields));
      check_term(terms.back(), tap, tap_count, reach);
    }
    const std::size_t neuron_count = static_cast<std::size_t>(neuron_fields.size()) / kNeuronFields;
    const std::uint32_t* n = input<std::uint32_t>(neuron_fields, "neurons", neuron_count * kNeuronFields);
    std::size_t max_terms = 0;
    for (std::size_t i = 0; i < neuron_count; ++i, n += kNeuronFields) {
      if (n[1] == 0 || std::uint64_t{n[0]} + n[1] > term_count)
        throw py::value_error("a neuron needs at least one term, and only terms that exist");
      neurons.push_back({n[0], n[1], read_term(n + 2)});
      if (n[1] > 1) check_term(neurons.back().combine, tap, tap_count, n[1]);
      max_terms = std::max<std::size_t>(max_terms, n[1]);
    }
    program = {tap, terms.data(), neurons.data(), neuron_count, max_terms};
  }
};

// The rows of a kernel on planes, found to lie inside `src`; a tap at an offset below `reach` does, too.
struct Planes {
  kernels::PlaneShape shape;
  const std::uint64_t* from;
  std::size_t reach;
  Planes(const py::array& src, const kernels::PlaneShape& given) : shape(given) {
    const std::size_t words = static_cast<std::size_t>(src.size());
    from = input<std::uint64_t>(src, "src", words);
    const std::size_t end =
        shape.rows == 0 ? 0 : product({shape.rows - 1, shape.src_row_pitch}) + shape.row_words;
    if (end > words) throw py::value_error("src is smaller than its rows");
    if (product({shape.rows, shape.row_words}) > shape.dst_plane_pitch)
      throw py::value_error("dst_plane_pitch is smaller than a plane");
    reach = words - end + 1;
  }
};

py::array threshold_planes(const std::string& kernel, const py::array& taps, const py::array& terms,
                           const py::array& neurons, const py::array& src, std::size_t rows,
                           std::size_t row_words, std::size_t src_row_pitch, std::size_t dst_plane_pitch,
                           std::size_t begin, std::size_t end, Out out, Out scratch) {
  kernels::ThresholdPlanes* run = find_kernel<kernels::ThresholdPlanes>(kernel);
  const Planes planes(src, {rows, row_words, src_row_pitch, dst_plane_pitch});
  const PlaneProgramArrays arrays(taps, terms, neurons, planes.reach);
  const kernels::PlaneProgram& program = arrays.program;
  if (begin > end || end > program.neuron_count)
    throw py::value_error("begin and end must select existing neurons");
  std::uint64_t* to = output<std::uint64_t>(out, product({program.neuron_count, dst_plane_pitch}));
  std::uint64_t* spare =
      output<std::uint64_t>(scratch, kernels::threshold_planes_scratch_words(program), "scratch");
  run(program, planes.shape, planes.from, to, begin, end, spare);
  return *out;
}

// A decision program comes as rows of uint32: select, high, low, target. Slots are word offsets of scratch.
py::array decision_planes(const std::string& kernel, const py::array& decisions, std::size_t slots,
                          std::size_t outputs, const py::array& src, std::size_t rows, std::size_t row_words,
                          std::size_t src_row_pitch, std::size_t dst_plane_pitch, Out out, Out scratch) {
  kernels::DecisionPlanes* run = find_kernel<kernels::DecisionPlanes>(kernel);
  const Planes planes(src, {rows, row_words, src_row_pitch, dst_plane_pitch});
  if (slots < 2) throw py::value_error("slots 0 and 1 are the constants");
  const std::size_t count = static_cast<std::size_t>(decisions.size()) / 4;
  const std::uint32_t* fields = input<std::uint32_t>(decisions, "decisions", count * 4);
  std::vector<kernels::Decision> list;
  const std::size_t words = product({slots, kernels::kDecisionBlockWords});
  const auto check_slot = [&](std::uint32_t offset, std::size_t first) {
    if (offset % kernels::kDecisionBlockWords != 0 || offset >= words ||
        offset < first * kernels::kDecisionBlockWords)
      throw py::value_error("a decision reads or writes where no slot is");
  };
  for (std::size_t i = 0; i < count; ++i, fields += 4) {
    for (std::size_t r = 0; r < 3; ++r) {
      const std::uint32_t offset = fields[r] & ~kernels::kDecisionFlag;
      if (fields[r] & kernels::kDecisionFlag)
        check_slot(offset, 0);
      else if (offset >= planes.reach)
        throw py::value_error("a decision reads past the end of its source");
    }
    if (!(fields[3] & kernels::kDecisionFlag))
      check_slot(fields[3], 2);
    else if ((fields[3] & ~kernels::kDecisionFlag) >= outputs)
      throw py::value_error("a decision writes where no output is");
    list.push_back({fields[0], fields[1], fields[2], fields[3]});
  }
  const kernels::DecisionProgram program{list.data(), count, slots, outputs};
  std::uint64_t* to = output<std::uint64_t>(out, product({outputs, dst_plane_pitch}));
  std::uint64_t* spare = output<std::uint64_t>(scratch, kernels::decision_scratch_words(program), "scratch");
  run(program, planes.shape, planes.from, to, spare);
  return *out;
}

// Dense neurons packed once, then run on images by any kernel.
class Dense {
 public:
  Dense(std::size_t inputs, const py::array& plus, const py::array& minus, const py::array& threshold,
        const py::array& invert)
      : pack_(make_pack(inputs, plus, minus, threshold, invert)) {}

  py::dict arrays() const {
    const kernels::DenseProgram p = pack_.program();
    py::dict d;
    d["rows"] = copy_array(p.rows, row_words(p));
    d["start"] = copy_array(p.start, start_words(p));
    d["invert"] = copy_array(p.invert, p.columns() * p.pitch);
    return d;
  }

  // `arrays`: stand in for the packed ones of the same names.
  py::array run(const std::string& kernel, const py::array& x, Out out, const std::optional<Pair>& columns,
                Out scratch, const py::dict& arrays, std::size_t repeats) const {
    kernels::DenseProgram p = pack_.program();
    kernels::ThresholdDense* run = find_kernel<kernels::ThresholdDense>(kernel);
    for (const auto& [key, value] : arrays) {
      const auto name = key.cast<std::string>();
      const auto array = value.cast<py::array>();
      if (name == "rows") p.rows = input<std::uint64_t>(array, "rows", row_words(p));
      if (name == "start") p.start = input<std::uint64_t>(array, "start", start_words(p));
      if (name == "invert") p.invert = input<std::uint64_t>(array, "invert", p.columns() * p.pitch);
    }
    const std::size_t images = static_cast<std::size_t>(x.size()) / words_for(p.inputs);
    const std::uint64_t* from = input<std::uint64_t>(x, "x", product({images, words_for(p.inputs)}));
    const Pair range = columns.value_or(Pair{0, p.columns()});
    if (range[0] > range[1] || range[1] > p.columns())
      throw py::value_error("columns must select existing ones");
    std::uint64_t* to = output<std::uint64_t>(out, product({images, words_for(p.outputs)}));
    std::uint64_t* spare = output<std::uint64_t>(scratch, scratch_words(), "scratch");
    for (std::size_t i = 0; i < repeats; ++i) run(p, from, images, to, range[0], range[1], spare);
    return *out;
  }

  std::size_t scratch_words() const { return kernels::dense_scratch_words(pack_.program()); }
  std::size_t columns() const { return pack_.program().columns(); }

 private:
  static kernels::DensePack make_pack(std::size_t inputs, const py::array& plus, const py::array& minus,
                                      const py::array& threshold, const py::array& invert) {
    const auto outputs = static_cast<std::size_t>(threshold.size());
    if (inputs == 0 || outputs == 0) throw py::value_error("every extent must be positive");
    const std::size_t mask_words = product({outputs, words_for(inputs)});
    return {inputs,
            outputs,
            input<std::uint64_t>(plus, "plus", mask_words),
            input<std::uint64_t>(minus, "minus", mask_words),
            input<std::int32_t>(threshold, "threshold", outputs),
            input<std::uint8_t>(invert, "invert", outputs)};
  }
  static std::size_t row_words(const kernels::DenseProgram& p) {
    return p.columns() * p.column_rows() * p.pitch;
  }
  static std::size_t start_words(const kernels::DenseProgram& p) { return p.columns() * p.bits * p.pitch; }

  kernels::DensePack pack_;
};

}  // namespace

void bind_threshold_kernels(py::module_& m) {
  const auto none = py::none();
  m.attr("PLANE_BLOCK_WORDS") = kernels::kPlaneBlockWords;  // of scratch, per term of the longest neuron
  m.def("threshold_planes", &threshold_planes, "kernel"_a, "taps"_a, "terms"_a, "neurons"_a, "src"_a,
        "rows"_a, "row_words"_a, "src_row_pitch"_a, "dst_plane_pitch"_a, "begin"_a, "end"_a, "out"_a = none,
        "scratch"_a = none);
  m.attr("DECISION_BLOCK_WORDS") = kernels::kDecisionBlockWords;  // of scratch, per slot
  m.def("decision_planes", &decision_planes, "kernel"_a, "decisions"_a, "slots"_a, "outputs"_a, "src"_a,
        "rows"_a, "row_words"_a, "src_row_pitch"_a, "dst_plane_pitch"_a, "out"_a = none, "scratch"_a = none);
  py::class_<Dense>(m, "Dense", "A dense layer of threshold neurons, packed.")
      .def(py::init<std::size_t, const py::array&, const py::array&, const py::array&, const py::array&>(),
           "inputs"_a, "plus"_a, "minus"_a, "threshold"_a, "invert"_a)
      .def("arrays", &Dense::arrays)
      .def("run", &Dense::run, "kernel"_a, "x"_a, "out"_a = none, "columns"_a = none, "scratch"_a = none,
           "arrays"_a = py::dict(), "repeats"_a = 1)
      .def_property_readonly("scratch_words", &Dense::scratch_words)
      .def_property_readonly("columns", &Dense::columns);
}

}  // namespace binmorph::python
