// binmorph._core.morphology: compiled structuring elements and sequences of erosions and dilations.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.h"
#include "binmorph/morphology.h"
#include "binmorph/thinning.h"
#include "kernel_args.h"

namespace binmorph::python {
namespace {

using namespace pybind11::literals;

using Words = py::array_t<std::uint64_t, py::array::c_style>;
using Points = py::array_t<std::int32_t, py::array::c_style>;
using Stage = std::tuple<std::shared_ptr<SePlan>, bool, bool, std::optional<Words>>;
using Shape = std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>;

constexpr std::int32_t kFarthest = 1 << 28;  // of a point: sums of a few offsets stay within 32 bits

std::shared_ptr<SePlan> make_plan(const Points& points, bool planar) {
  if (points.ndim() != 2 || points.shape(1) != 2) throw py::value_error("points must have shape (n, 2)");
  std::vector<kernels::SePoint> list;
  for (py::ssize_t i = 0; i < points.shape(0); ++i) {
    const std::int32_t dy = points.at(i, 0), dx = points.at(i, 1);
    if (std::max(std::abs(dy), std::abs(dx)) > kFarthest)
      throw py::value_error("a point of the structuring element is too far from its centre");
    list.push_back({dy, dx});
  }
  const py::gil_scoped_release release;
  return std::make_shared<SePlan>(std::move(list), planar);
}

struct Call {
  MorphImages shape;
  std::size_t words, threads;
  Isa isa;
};

Call checked(const Shape& shape, std::size_t threads, const std::string& isa) {
  const auto [images, height, width, lanes] = shape;
  const std::size_t row_bits = product({width, lanes == 0 ? 1 : 64 * lanes});
  if (threads == 0) throw py::value_error("threads must be at least 1");
  if (product({row_bits, 2}) > SIZE_MAX - 128) throw py::value_error("the extents overflow 64 bits");
  return {{images, height, row_bits, lanes},
          product({images, height, words_for(row_bits)}),
          threads,
          isa.empty() ? default_isa() : isa_from_name(isa)};
}

MorphStage checked_stage(const Stage& stage, const Call& call) {
  const auto& [plan, dilate, border, mask] = stage;
  if (plan->planar() != (call.shape.lanes != 0))
    throw py::value_error("the element was compiled for another layout");
  return {plan.get(), dilate, border, mask ? input<std::uint64_t>(*mask, "mask", call.words) : nullptr};
}

// Stages kept ready for many calls.
class Chain {
 public:
  explicit Chain(const std::vector<std::tuple<std::shared_ptr<SePlan>, bool, bool>>& stages) {
    for (const auto& [plan, dilate, border] : stages) {
      plans_.push_back(plan);
      stages_.push_back({plan.get(), dilate, border, nullptr});
    }
  }

  std::vector<MorphStage> stages(const std::uint64_t* mask, bool planar) const {
    std::vector<MorphStage> result = stages_;
    for (MorphStage& stage : result) {
      if (stage.plan->planar() != planar)
        throw py::value_error("the element was compiled for another layout");
      stage.mask = mask;
    }
    return result;
  }

  void run(const py::array& src, const py::array& dst, const Shape& shape, const std::optional<Words>& mask,
           const Chain* without, std::size_t threads, const std::string& isa) const {
    const Call call = checked(shape, threads, isa);
    const std::size_t pixels = product({call.shape.images, call.shape.height, call.shape.row_bits});
    MorphSource from{};
    MorphTarget to{};
    Out out = dst;
    if (src.itemsize() != 1) {
      from.words = input<std::uint64_t>(src, "src", call.words);
    } else {
      from.bytes = bytes<const std::uint8_t>(src, "src", pixels, call);
    }
    if (dst.itemsize() != 1) {
      to.words = output<std::uint64_t>(out, call.words, "dst");
    } else {
      to.bytes = bytes<std::uint8_t>(dst, "dst", pixels, call);
      if (!dst.writeable()) throw py::value_error("dst is read-only");
    }
    const auto first = reinterpret_cast<std::uintptr_t>(src.data()),
               second = reinterpret_cast<std::uintptr_t>(dst.data());
    if (first < second + static_cast<std::size_t>(dst.nbytes()) &&
        second < first + static_cast<std::size_t>(src.nbytes()))
      throw py::value_error("src and dst must not overlap");
    const bool planar = call.shape.lanes != 0;
    const std::uint64_t* bits = mask ? input<std::uint64_t>(*mask, "mask", call.words) : nullptr;
    const std::vector<MorphStage> own = stages(bits, planar);
    std::vector<MorphStage> others;
    if (without != nullptr) others = without->stages(bits, planar);
    const py::gil_scoped_release release;
    run_stages(own, without == nullptr ? nullptr : &others, call.shape, from, to, call.threads, call.isa);
  }

 private:
  template <class T>
  static T* bytes(const py::array& array, const char* name, std::size_t pixels, const Call& call) {
    if (call.shape.lanes != 0) throw py::value_error(std::string(name) + " must be words");
    if ((array.flags() & py::array::c_style) == 0)
      throw py::value_error(std::string(name) + " must be C-contiguous");
    check_size(name, static_cast<std::size_t>(array.size()), pixels);
    return static_cast<T*>(const_cast<void*>(array.data()));
  }

  std::vector<std::shared_ptr<SePlan>> plans_;
  std::vector<MorphStage> stages_;
};

std::size_t until_stable(const Stage& stage, const Shape& shape, const py::array& words, std::size_t limit,
                         std::size_t threads, const std::string& isa) {
  const Call call = checked(shape, threads, isa);
  Out out = words;
  std::uint64_t* data = output<std::uint64_t>(out, call.words, "words");
  const MorphStage checked = checked_stage(stage, call);
  const py::gil_scoped_release release;
  return run_until_stable(checked, call.shape, data, limit, call.threads, call.isa);
}

std::size_t thin_image(const py::array& words, std::size_t height, std::size_t width, const std::string& rule,
                       std::size_t limit, std::size_t threads, const std::string& isa) {
  const Call call = checked({1, height, width, 0}, threads, isa);
  Out out = words;
  std::uint64_t* data = output<std::uint64_t>(out, call.words, "words");
  if (rule != "guo-hall" && rule != "zhang-suen")
    throw py::value_error("unknown rule '" + rule + "'; known: guo-hall, zhang-suen");
  const ThinMethod method = rule == "guo-hall" ? ThinMethod::guo_hall : ThinMethod::zhang_suen;
  const py::gil_scoped_release release;
  return thin(data, height, width, method, limit, call.threads, call.isa);
}

// On a cache line, which numpy's own are on only by chance: vectors that lie across two lines cost twice.
py::array_t<std::uint64_t> empty_words(const std::vector<std::size_t>& shape) {
  std::size_t words = 1;
  for (const std::size_t n : shape) words = product({words, n});
  product({words, sizeof(std::uint64_t)});
  constexpr std::align_val_t line{64};
  const auto release = [](void* p) { ::operator delete(p, std::align_val_t{64}); };
  void* memory = ::operator new(std::max<std::size_t>(words, 1) * sizeof(std::uint64_t), line);
  const py::capsule owner(memory, release);
  return py::array_t<std::uint64_t>(shape, static_cast<std::uint64_t*>(memory), owner);
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
  py::class_<Chain>(m, "Chain", "Erosions and dilations, one after the other.")
      .def(py::init<const std::vector<std::tuple<std::shared_ptr<binmorph::SePlan>, bool, bool>>&>(),
           "stages"_a, "stages: (element, dilate, border).")
      .def("run", &Chain::run, "src"_a, "dst"_a, "shape"_a, "mask"_a = py::none(), "without"_a = py::none(),
           "threads"_a = 1, "isa"_a = "",
           "dst = the stages applied to src, and not those of `without`; words, or bytes for pixels.");
  m.def("empty_words", &empty_words, "shape"_a, "Words on a cache line, not initialised.");
  m.def("run_until_stable", &until_stable, "stage"_a, "shape"_a, "words"_a, "limit"_a = 0, "threads"_a = 1,
        "isa"_a = "", "Applies a stage to words until nothing changes, or limit times; how often that was.");
  m.def("thin", &thin_image, "words"_a, "height"_a, "width"_a, "rule"_a, "limit"_a = 0, "threads"_a = 1,
        "isa"_a = "", "Thins words in place until nothing changes, or limit times; how often that was.");
}
