// binmorph._core.cuda: bits and their morphology on GPUs.
#include "cuda_bits.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "binmorph/error.h"
#include "cuda/device_bits.h"
#include "cuda/morphology.h"
#include "dlpack.h"

namespace py = pybind11;
using namespace binmorph;
using cuda::Words;

namespace {

using Shared = std::shared_ptr<Words>;
using Host = py::array_t<std::uint64_t, py::array::c_style>;
using Stage = std::tuple<std::shared_ptr<SePlan>, bool, bool, std::optional<Shared>>;
using Extents = std::array<std::size_t, 3>;

cuda::Stream stream_of(std::uintptr_t handle) { return reinterpret_cast<cuda::Stream>(handle); }

cuda::RowImages images_of(const Extents& extents) { return {extents[0], extents[1], extents[2]}; }

cuda::DeviceStage stage_of(const Stage& stage) {
  const auto& [plan, dilate, border, mask] = stage;
  return {plan.get(), dilate, border, mask ? mask->get() : nullptr};
}

std::vector<cuda::DeviceStage> stages_of(const std::vector<Stage>& stages) {
  std::vector<cuda::DeviceStage> result;
  for (const Stage& stage : stages) result.push_back(stage_of(stage));
  return result;
}

Shared from_host(int ordinal, const Host& words, std::uintptr_t stream) {
  const auto count = static_cast<std::size_t>(words.size());
  const std::uint64_t* from = words.data();
  const py::gil_scoped_release release;
  return cuda::upload(cuda::Device::get(ordinal), stream_of(stream), from, count);
}

// The owner is kept until the words are gone.
Shared wrap(int ordinal, std::uintptr_t address, std::size_t count, std::uintptr_t stream, py::object owner) {
  auto kept = std::make_shared<py::object>(std::move(owner));
  const auto drop = [kept]() mutable {
    const py::gil_scoped_acquire acquire;
    *kept = py::object();
  };
  return std::make_shared<Words>(cuda::Device::get(ordinal), address, count, stream_of(stream), drop);
}

void to_host(const Words& words, Host& out, std::uintptr_t stream) {
  if (static_cast<std::size_t>(out.size()) != words.count())
    throw Error(ErrorKind::shape, "the array has " + std::to_string(out.size()) + " words, expected " +
                                      std::to_string(words.count()));
  std::uint64_t* to = out.mutable_data();
  const py::gil_scoped_release release;
  cuda::download(stream_of(stream), words, to);
}

// Ready for work on `stream`; the capsule keeps the words.
py::capsule capsule(const Shared& words, const std::vector<std::int64_t>& shape,
                    std::optional<std::uintptr_t> stream) {
  if (stream) {
    const py::gil_scoped_release release;
    const cuda::Work ready(words->device(), stream_of(*stream), {words.get()});
  }
  words->share();
  return dlpack::words_capsule(words, reinterpret_cast<void*>(words->address()), words->device().ordinal(),
                               shape);
}

}  // namespace

void bind_cuda_bits(py::module_& m) {
  using namespace pybind11::literals;
  using release = py::call_guard<py::gil_scoped_release>;
  py::class_<Words, Shared>(m, "Words", "64-bit words on a GPU, and the work that was enqueued on them.")
      .def_property_readonly("device", [](const Words& w) { return w.device().ordinal(); })
      .def_property_readonly("address", &Words::address)
      .def("__len__", &Words::count)
      .def("to_host", &to_host, "out"_a.noconvert(), "stream"_a, "Copies them to an array, and waits.")
      .def("dlpack", &capsule, "shape"_a, "stream"_a, "A DLPack capsule of uint64 words, ready on a stream.");
  m.def("words_from_host", &from_host, "ordinal"_a, "words"_a.noconvert(), "stream"_a,
        "Words of the host copied to a device.");
  m.def("words_of", &wrap, "ordinal"_a, "address"_a, "count"_a, "stream"_a, "owner"_a,
        "Words of another library's, ready on a stream; they keep the owner.");
  m.def(
      "pack_rows",
      [](int ordinal, std::uintptr_t stream, std::uintptr_t address, bool wide, bool check, std::size_t rows,
         std::size_t width) {
        auto [words, invalid] =
            cuda::pack_rows(cuda::Device::get(ordinal), stream_of(stream), address, wide, check, rows, width);
        return std::pair(Shared(std::move(words)), invalid);
      },
      "ordinal"_a, "stream"_a, "address"_a, "wide"_a, "check"_a, "rows"_a, "width"_a, release(),
      "Bytes (wide: float32) as bits: (words, index of the first value that is neither 0 nor 1).");
  m.def(
      "unpack_rows",
      [](const Words& words, std::uintptr_t stream, std::size_t rows, std::size_t width,
         std::uintptr_t address) { cuda::unpack_rows(stream_of(stream), words, rows, width, address); },
      "words"_a, "stream"_a, "rows"_a, "width"_a, "address"_a, release(), "Bits as bytes 0 and 1.");
  m.def(
      "combine",
      [](std::uint32_t operation, const Words& first, const Words& second, std::uintptr_t stream) -> Shared {
        if (operation > 3) throw Error(ErrorKind::shape, "the operations are 0 to 3");
        return cuda::combine(stream_of(stream), operation, first, second);
      },
      "operation"_a, "first"_a, "second"_a, "stream"_a, release(),
      "0: AND, 1: OR, 2: XOR, 3: AND of the first with what the second is not.");
  m.def(
      "complement",
      [](const Words& words, std::size_t rows, std::size_t width, std::uintptr_t stream) -> Shared {
        return cuda::complement(stream_of(stream), rows, width, words);
      },
      "words"_a, "rows"_a, "width"_a, "stream"_a, release(), "The other bits, tails still zero.");
  m.def(
      "equal",
      [](const Words& first, const Words& second, std::uintptr_t stream) {
        return cuda::equal(stream_of(stream), first, second);
      },
      "first"_a, "second"_a, "stream"_a, release(), "Whether all words are equal; waits.");
  m.def(
      "run_stages",
      [](const std::vector<Stage>& stages, const Extents& shape, const Words& words,
         std::uintptr_t stream) -> Shared {
        return cuda::run_stages(stream_of(stream), stages_of(stages), images_of(shape), words);
      },
      "stages"_a, "shape"_a, "words"_a, "stream"_a, release(),
      "The stages (element, dilate, border, mask) applied; shape: (images, height, width).");
  m.def(
      "repeat_stage",
      [](const Stage& stage, std::size_t times, const Extents& shape, const Words& words,
         std::uintptr_t stream) {
        if (times == 0) throw Error(ErrorKind::shape, "times must be at least 1");
        auto [result, changed] =
            cuda::repeat_stage(stream_of(stream), stage_of(stage), times, images_of(shape), words);
        return std::pair(Shared(std::move(result)), changed);
      },
      "stage"_a, "times"_a, "shape"_a, "words"_a, "stream"_a, release(),
      "A stage applied so often, and whether the last time changed anything; waits.");
  m.def(
      "rank_filter",
      [](const std::vector<std::array<std::int32_t, 2>>& points, std::size_t rank, bool border,
         const Extents& shape, const Words& words, std::uintptr_t stream) -> Shared {
        std::vector<kernels::SePoint> element;
        for (const auto& [dy, dx] : points) element.push_back({dy, dx});
        return cuda::rank_filter(stream_of(stream), element, rank, border, images_of(shape), words);
      },
      "points"_a, "rank"_a, "border"_a, "shape"_a, "words"_a, "stream"_a, release(),
      "1 where at least `rank` of the pixels at the points (dy, dx) are 1.");
  m.def(
      "hit_or_miss",
      [](const SePlan& ones, const SePlan& zeros, const Extents& shape, const Words& words,
         std::uintptr_t stream) -> Shared {
        return cuda::hit_or_miss(stream_of(stream), ones, zeros, images_of(shape), words);
      },
      "ones"_a, "zeros"_a, "shape"_a, "words"_a, "stream"_a, release(),
      "1 where one element fits the ones and the other the zeros.");
  m.def(
      "thin",
      [](const Words& words, std::size_t height, std::size_t width, bool zhang_suen, std::size_t limit,
         std::uintptr_t stream) {
        auto [result, done] =
            cuda::thin(stream_of(stream), zhang_suen ? ThinMethod::zhang_suen : ThinMethod::guo_hall, limit,
                       height, width, words);
        return std::pair(Shared(std::move(result)), done);
      },
      "words"_a, "height"_a, "width"_a, "zhang_suen"_a, "limit"_a, "stream"_a, release(),
      "Thins until nothing changes, or limit times; how often that was at most.");
  m.def(
      "time_stages",
      [](const std::vector<Stage>& stages, const Extents& shape, const Words& words, std::size_t rounds,
         std::uintptr_t stream) {
        return cuda::time_stages(stream_of(stream), stages_of(stages), images_of(shape), words, rounds);
      },
      "stages"_a, "shape"_a, "words"_a, "rounds"_a, "stream"_a, release(),
      "Milliseconds of the stages on the device, one per round.");
}
