// binmorph._core.morphology: compiled structuring elements and sequences of erosions and dilations.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.h"
#include "binmorph/morphology.h"
#include "binmorph/skeleton.h"
#include "binmorph/thinning.h"
#include "kernel_args.h"
#include "morphology_chain.h"

namespace binmorph::python {
namespace {

using namespace pybind11::literals;

using Points = py::array_t<std::int32_t, py::array::c_style>;
constexpr std::int32_t kFarthest = 1 << 28;  // of a point: sums of a few offsets stay within 32 bits

std::vector<kernels::SePoint> point_list(const Points& points) {
  if (points.ndim() != 2 || points.shape(1) != 2) throw py::value_error("points must have shape (n, 2)");
  std::vector<kernels::SePoint> list;
  for (py::ssize_t i = 0; i < points.shape(0); ++i) {
    const std::int32_t dy = points.at(i, 0), dx = points.at(i, 1);
    if (std::max(std::abs(dy), std::abs(dx)) > kFarthest)
      throw py::value_error("a point of the structuring element is too far from its centre");
    list.push_back({dy, dx});
  }
  return list;
}

std::shared_ptr<SePlan> make_plan(const Points& points, bool planar) {
  std::vector<kernels::SePoint> list = point_list(points);
  const py::gil_scoped_release release;
  return std::make_shared<SePlan>(std::move(list), planar);
}

std::shared_ptr<RankPlan> make_rank(const Points& points, std::uint32_t threshold) {
  std::vector<kernels::SePoint> list = point_list(points);
  if (threshold == 0 || threshold > list.size()) throw py::value_error("threshold must be 1 .. points");
  return std::make_shared<RankPlan>(std::move(list), threshold);
}

std::shared_ptr<SeVolume> make_volume(
    const std::vector<std::pair<std::shared_ptr<SePlan>, std::vector<std::vector<std::int64_t>>>>& parts) {
  auto volume = std::make_shared<SeVolume>();
  for (const auto& [plan, places] : parts) {
    if (plan != nullptr && plan->planar()) throw py::value_error("volumes have row-packed planes");
    VolumePart part{plan, {}};
    for (const auto& place : places) {
      if (place.size() != places[0].size()) throw py::value_error("places must have the same axes");
      part.moves.insert(part.moves.end(), place.begin(), place.end());
    }
    volume->parts.push_back(std::move(part));
    volume->axes = places.empty() ? volume->axes : places[0].size();
  }
  return volume;
}

std::size_t thin_image(const py::array& words, std::size_t height, std::size_t width, const std::string& rule,
                       std::size_t limit, std::size_t threads, const std::string& isa) {
  const Call call = checked(py::make_tuple(height, width), 0, threads, isa);
  Out out = words;
  std::uint64_t* data = output<std::uint64_t>(out, call.words, "words");
  if (rule != "guo-hall" && rule != "zhang-suen")
    throw py::value_error("unknown rule '" + rule + "'; known: guo-hall, zhang-suen");
  const ThinMethod method = rule == "guo-hall" ? ThinMethod::guo_hall : ThinMethod::zhang_suen;
  const py::gil_scoped_release release;
  return thin(data, height, width, method, limit, call.threads, call.isa);
}

std::size_t lee_skeleton(const py::array& words, std::size_t planes, std::size_t height, std::size_t width,
                         std::size_t limit) {
  Out out = words;
  std::uint64_t* data = output<std::uint64_t>(out, product({planes, height, words_for(width)}), "words");
  const py::gil_scoped_release release;
  return skeletonize(data, planes, height, width, limit);
}

Words empty_words_of(const std::vector<py::ssize_t>& shape) {
  return empty_words(shape.data(), static_cast<py::ssize_t>(shape.size()));
}

}  // namespace
}  // namespace binmorph::python

void bind_morphology(pybind11::module_& m) {
  using namespace binmorph::python;
  using namespace pybind11::literals;
  namespace py = pybind11;
  py::class_<binmorph::SePlan, std::shared_ptr<binmorph::SePlan>>(m, "Element",
                                                                  "A compiled structuring element.")
      .def(py::init(&make_plan), "points"_a, "planar"_a = false,
           "points: int32 (n, 2), the (dy, dx) that a result pixel reads; planar: pixels are whole words.")
      .def_property_readonly("planar", &binmorph::SePlan::planar)
      .def_property_readonly("cost", &binmorph::SePlan::cost)
      .def("describe", &binmorph::SePlan::describe, "The steps, one per line.");
  py::class_<binmorph::SeVolume, std::shared_ptr<binmorph::SeVolume>>(
      m, "Volume", "A structuring element that reaches along the axes before the last two.")
      .def(py::init(&make_volume), "parts"_a,
           "parts: (element of the last two axes or None for the pixel itself, moves along the others).");
  py::class_<binmorph::RankPlan, std::shared_ptr<binmorph::RankPlan>>(m, "Rank", "A rank filter.")
      .def(py::init(&make_rank), "points"_a, "threshold"_a,
           "1 where at least so many of the (dy, dx) that a result pixel reads are.");
  py::class_<Chain>(m, "Chain", "Erosions, dilations and rank filters, one after the other.")
      .def(py::init<const std::vector<std::tuple<Element, bool, bool>>&>(), "stages"_a,
           "stages: (element, dilate, border).")
      .def("run", &Chain::run, "src"_a, "dst"_a, "shape"_a, "mask"_a = py::none(), "without"_a = py::none(),
           "threads"_a = 1, "isa"_a = "",
           "dst = the stages applied to src, and not those of `without`; words, or bytes for pixels.")
      .def("run_until_stable", &Chain::until_stable, "words"_a, "shape"_a, "mask"_a = py::none(),
           "limit"_a = 0, "threads"_a = 1, "isa"_a = "",
           "Applies the only stage to words until nothing changes, or limit times; how often that was.");
  m.def("empty_words", &empty_words_of, "shape"_a,
        "Words, not initialised; on a cache line, and many on huge pages.");
  m.def("thin", &thin_image, "words"_a, "height"_a, "width"_a, "rule"_a, "limit"_a = 0, "threads"_a = 1,
        "isa"_a = "", "Thins words in place until nothing changes, or limit times; how often that was.");
  m.def("skeletonize", &lee_skeleton, "words"_a, "planes"_a, "height"_a, "width"_a, "limit"_a = 0,
        "Thins words in place by the removal of simple points, at most limit rounds; how many those were.");
}
