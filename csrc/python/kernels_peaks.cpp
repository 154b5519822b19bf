// The loops of kernels/peaks.
#include <string>

#include "binmorph/error.h"
#include "kernel_args.h"
#include "kernels/peaks/peaks.h"
#include "kernels_bindings.h"

namespace binmorph::python {
namespace {

const kernels::Peaks& peaks(Isa wanted) {
  const kernels::Peaks* best = nullptr;
#define BINMORPH_KERNEL(op, isa, name) \
  if (Isa::isa <= std::max(wanted, Isa::generic) && isa_supported(Isa::isa)) best = &kernels::name;
#include "kernels/peaks/kernels.inc"
#undef BINMORPH_KERNEL
  return *best;
}

const std::uint64_t* peak_words(const py::array_t<std::uint64_t, py::array::c_style>& words) {
  if (words.size() == 0 || static_cast<std::size_t>(words.size()) % kernels::kPeakWords != 0)
    throw Error(ErrorKind::shape, "words: expected a multiple of " + std::to_string(kernels::kPeakWords));
  return words.data();
}

}  // namespace

void bind_peak_kernels(py::module_& m) {
  using Words = py::array_t<std::uint64_t, py::array::c_style>;
  using Floats = py::array_t<float, py::array::c_style>;
  m.attr("PEAK_WORDS") = kernels::kPeakWords;
  m.attr("PEAK_FLOATS") = kernels::kPeakFloats;
  m.def(
      "peak_full_adders",
      [](const std::string& isa, const Words& words, std::size_t rounds) {
        return peaks(isa_from_name(isa)).full_adders(peak_words(words), rounds);
      },
      py::arg("isa"), py::arg("words").noconvert(), py::arg("rounds"));
  m.def(
      "peak_popcounts",
      [](const std::string& isa, const Words& words, std::size_t rounds) {
        return peaks(isa_from_name(isa)).popcounts(peak_words(words), rounds);
      },
      py::arg("isa"), py::arg("words").noconvert(), py::arg("rounds"));
  m.def(
      "peak_multiply_adds",
      [](const std::string& isa, const Floats& floats, std::size_t rounds) {
        if (static_cast<std::size_t>(floats.size()) != kernels::kPeakFloats)
          throw Error(ErrorKind::shape, "floats: expected " + std::to_string(kernels::kPeakFloats));
        return peaks(isa_from_name(isa)).multiply_adds(floats.data(), rounds);
      },
      py::arg("isa"), py::arg("floats").noconvert(), py::arg("rounds"));
  m.def(
      "peak_read",
      [](const std::string& isa, const Words& words, std::size_t rounds) {
        const auto count = static_cast<std::size_t>(words.size());
        return peaks(isa_from_name(isa)).read(peak_words(words), count, rounds);
      },
      py::arg("isa"), py::arg("words").noconvert(), py::arg("rounds"));
}

}  // namespace binmorph::python
