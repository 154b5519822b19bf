#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings.h"
#include "binmorph/error.h"
#include "cuda/embedded.h"
#include "cuda/model.h"
#include "cuda/timing.h"
#include "cuda/words.h"
#include "cuda_bits.h"
#include "dlpack.h"

namespace py = pybind11;
using namespace binmorph;
using cuda::DeviceModel;

namespace {

py::dict describe() {
  const cuda::Driver& driver = cuda::find_driver();
  const cuda::Embedded& embedded = cuda::embedded();
  py::list sources, devices;
  for (const cuda::EmbeddedImage& image : embedded.images) sources.append(image.source);
  std::string problem = driver.problem;
  for (int i = 0; problem.empty() && i < driver.devices; ++i) {
    py::dict entry;
    try {
      const cuda::DeviceInfo info = cuda::device_info(i);
      entry["name"] = info.name;
      entry["sm"] = info.sm;
      entry["multiprocessors"] = info.multiprocessors;
      entry["memory"] = info.memory;
      entry["l2"] = info.l2_bytes;
      cuda::Device::get(i);
      entry["problem"] = "";
    } catch (const Error& error) {
      entry["problem"] = error.what();
    }
    devices.append(entry);
  }
  py::dict result;
  result["library"] = driver.library;
  result["version"] = driver.version;
  result["problem"] = problem;
  result["devices"] = devices;
  result["compiler"] = embedded.compiler;
  result["architectures"] = embedded.architectures;
  result["sources"] = sources;
  result["reason"] = embedded.reason;
  return result;
}

// Memory that is wanted to be this long and C-contiguous; anything else is refused.
void check_bytes(const py::array& array, std::size_t bytes, const char* what) {
  if (!(array.flags() & py::array::c_style) || static_cast<std::size_t>(array.nbytes()) != bytes)
    throw Error(ErrorKind::shape, std::string(what) + ": got " + std::to_string(array.nbytes()) +
                                      " bytes, expected " + std::to_string(bytes) + ", C-contiguous");
}

void run(DeviceModel& model, const py::array& x, std::size_t images, bool packed, bool binary, py::array& y) {
  check_bytes(x, images * model.input_bytes(packed), "input");
  check_bytes(y, images * model.output_bytes(packed), "output");
  const void* input = x.data();
  void* output = y.mutable_data();
  const py::gil_scoped_release release;
  model.run(input, {images, packed, binary}, output);
}

void trace(DeviceModel& model, const py::array& x, std::size_t images, const std::vector<py::array>& values) {
  check_bytes(x, images * model.input_bytes(false), "input");
  const auto& nodes = model.graph().nodes();
  if (values.size() != nodes.size()) throw Error(ErrorKind::shape, "trace: one array per node is needed");
  std::vector<void*> pointers;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    check_bytes(values[i], images * cuda::caller_bytes(nodes[i].type), "value");
    py::array value = values[i];
    pointers.push_back(value.mutable_data());
  }
  const void* input = x.data();
  const py::gil_scoped_release release;
  model.trace(input, images, pointers);
}

py::dict plan(DeviceModel& model, std::size_t images) {
  const cuda::Plan& plan = model.plan(images);
  const cuda::Plan::Arena arena = plan.arena(images);
  py::list steps;
  for (const cuda::PlannedLaunch& launch : plan.launches()) {
    py::list names;
    for (std::size_t node : launch.nodes) names.append(model.graph().nodes()[node].name);
    std::size_t bytes = 0;
    for (std::size_t value : launch.writes) bytes += images * cuda::device_bytes(plan.type(value));
    py::dict step;
    step["nodes"] = names;
    step["kernel"] = launch.entry;
    step["bytes"] = bytes;
    step["offset"] = arena.offset[launch.writes.empty() ? launch.reads.front() : launch.writes.front()];
    steps.append(step);
  }
  py::dict result;
  result["arena_bytes"] = arena.bytes;
  result["constant_bytes"] = plan.constants().size();
  result["chunk"] = model.chunk();
  result["steps"] = steps;
  return result;
}

}  // namespace

void bind_cuda(py::module_& m) {
  bind_cuda_bits(m);
  m.def("describe", &describe, "The driver, its devices and the kernels of this build, and what is wrong.");
  m.def("dlpack_view", &dlpack::view, py::arg("capsule"),
        "(address, device type, device number, dtype, shape, whether C-contiguous) of an unused capsule.");
  m.def("copy_times", &cuda::copy_times, py::arg("ordinal"), py::arg("bytes"), py::arg("rounds"),
        py::call_guard<py::gil_scoped_release>(), "Milliseconds of copies within the device's memory.");
  py::class_<DeviceModel>(m, "Model", "A network on a GPU; calls may come from many threads at once.")
      .def(py::init([](const Graph& graph, int ordinal, int tensor_cores, std::size_t max_memory) {
             const py::gil_scoped_release release;
             return std::make_unique<DeviceModel>(
                 graph, ordinal, cuda::DeviceOptions{cuda::TensorCores{tensor_cores}, max_memory});
           }),
           py::arg("graph"), py::arg("ordinal"), py::arg("tensor_cores") = 2,
           py::arg("max_memory") = SIZE_MAX)
      .def("run", &run, py::arg("x"), py::arg("images"), py::arg("packed"), py::arg("binary"), py::arg("y"),
           "Arrays of the host, as the network's input and output lie there; packed: rows of words.")
      .def(
          "run_on",
          [](DeviceModel& model, std::uintptr_t stream, std::uintptr_t x, std::size_t images, bool binary,
             std::uintptr_t y) {
            const py::gil_scoped_release release;
            model.run_on(reinterpret_cast<cuda::Stream>(stream), x, {images, false, binary}, y);
          },
          py::arg("stream"), py::arg("x"), py::arg("images"), py::arg("binary"), py::arg("y"),
          "Device memory on a stream of the caller's; the addresses must be the model's device's.")
      .def(
          "run_packed",
          [](DeviceModel& model, std::uintptr_t stream, const cuda::Words& x,
             std::size_t images) -> std::shared_ptr<cuda::Words> {
            const auto handle = reinterpret_cast<cuda::Stream>(stream);
            if (x.count() != images * model.input_bytes(true) / 8 || &x.device() != &model.device())
              throw Error(ErrorKind::shape, "the words are not " + std::to_string(images) +
                                                " images on the device of the network");
            cuda::Work work(model.device(), handle, {&x});
            const cuda::Words& y = work.make(images * model.output_bytes(true) / 8);
            model.run_on(handle, x.address(), {images, true, true}, y.address());
            return work.take(y);
          },
          py::arg("stream"), py::arg("x"), py::arg("images"), py::call_guard<py::gil_scoped_release>(),
          "Bits in rows to bits in rows, on a stream of the caller's.")
      .def("trace", &trace, py::arg("x"), py::arg("images"), py::arg("values"),
           "Every node's value, in order.")
      .def(
          "profile",
          [](DeviceModel& model, const py::array& x, std::size_t images, std::size_t rounds) {
            check_bytes(x, images * model.input_bytes(false), "input");
            const void* input = x.data();
            const py::gil_scoped_release release;
            return model.profile(input, images, rounds);
          },
          py::arg("x"), py::arg("images"), py::arg("rounds"),
          "Milliseconds of each launch, then of the whole network; one per round.")
      .def("plan", &plan, py::arg("images"), "What runs where, for a batch of that size.")
      .def_property_readonly("sm", [](const DeviceModel& model) { return model.device().info().sm; })
      .def_property_readonly("device_name",
                             [](const DeviceModel& model) { return model.device().info().name; });
}
