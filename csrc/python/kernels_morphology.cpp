// Binding of the morphology kernels by name. The element is compiled here, so that a test needs only its
// points.
#include <algorithm>
#include <memory>
#include <tuple>
#include <vector>

#include "binmorph/se_plan.h"
#include "kernel_args.h"
#include "kernels_bindings.h"

namespace binmorph::python {
namespace {

using namespace pybind11::literals;

using Extents = std::tuple<std::size_t, std::size_t, std::size_t>;  // height, width, lanes

py::array morphology2d(const std::string& kernel, const py::array& points, const Extents& shape, bool dilate,
                       bool border, const py::array& src, std::size_t src_first, std::size_t begin,
                       std::size_t end, Out out) {
  kernels::Morphology2d* run = find_kernel<kernels::Morphology2d>(kernel);
  const auto [height, width, lanes] = shape;
  const std::size_t row_bits = product({width, lanes == 0 ? 1 : 64 * lanes});
  const std::size_t words = words_for(row_bits);
  if (points.size() % 2 != 0) throw py::value_error("points must be pairs");
  const auto count = static_cast<std::size_t>(points.size() / 2);
  const std::int32_t* list = input<std::int32_t>(points, "points", 2 * count);
  std::vector<kernels::SePoint> pairs;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::max(std::abs(list[2 * i]), std::abs(list[2 * i + 1])) > 1 << 20)
      throw py::value_error("a point is too far away");
    pairs.push_back({list[2 * i], list[2 * i + 1]});
  }
  const SePlan plan(std::move(pairs), lanes != 0);
  const kernels::SeProgram program = plan.program();
  if (begin > end || end > height) throw py::value_error("rows [begin, end) must lie in the image");
  const auto low = std::clamp<std::int64_t>(static_cast<std::int64_t>(begin) + program.top, 0, height);
  const auto high =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(end) + program.top + program.reach, low, height);
  const std::size_t rows = words == 0 ? 0 : static_cast<std::size_t>(src.size()) / words;
  if (low < high &&
      (src_first > static_cast<std::size_t>(low) || static_cast<std::size_t>(high) - src_first > rows))
    throw py::value_error("src lacks rows that the element reads");
  const kernels::MorphShape image{height, row_bits, lanes, dilate, border, src_first};
  const std::uint64_t* from = input<std::uint64_t>(src, "src", product({rows, words}));
  std::uint64_t* to = output<std::uint64_t>(out, product({end - begin, words}));
  std::vector<std::uint64_t> scratch(kernels::morph_scratch_words(program, image) + 8);
  std::uint64_t* aligned = scratch.data();
  while (reinterpret_cast<std::uintptr_t>(aligned) % 64 != 0) ++aligned;
  if (words != 0) run(program, image, from, to, begin, end, aligned);
  return *out;
}

std::tuple<py::array, bool> thin_pass(const std::string& kernel, std::size_t rule, std::size_t height,
                                      std::size_t width, const py::array& src, std::size_t begin,
                                      std::size_t end, Out out) {
  kernels::ThinPass* run = find_kernel<kernels::ThinPass>(kernel);
  if (rule > 3) throw py::value_error("rule must be 0 .. 3");
  if (begin > end || end > height) throw py::value_error("rows [begin, end) must lie in the image");
  const std::size_t words = product({height, words_for(width)});
  const std::uint64_t* from = input<std::uint64_t>(src, "src", words);
  std::uint64_t* to = output<std::uint64_t>(out, words);
  const bool changed = run(static_cast<kernels::ThinRule>(rule), height, width, from, to, begin, end);
  return {*out, changed};
}

}  // namespace

void bind_morphology_kernels(py::module_& m) {
  m.def("morphology2d", &morphology2d, "kernel"_a, "points"_a, "shape"_a, "dilate"_a, "border"_a, "src"_a,
        "src_first"_a, "begin"_a, "end"_a, "out"_a = py::none());
  m.def("thin_pass", &thin_pass, "kernel"_a, "rule"_a, "height"_a, "width"_a, "src"_a, "begin"_a, "end"_a,
        "out"_a = py::none(), "Rules: first and second pass of Guo and Hall, then of Zhang and Suen.");
}

}  // namespace binmorph::python
