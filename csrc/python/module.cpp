#include <pybind11/pybind11.h>

#include "bindings.h"
#include "binmorph/cpu.h"
#include "binmorph/error.h"

namespace py = pybind11;

namespace {

const char* exception_name(binmorph::ErrorKind kind) {
  switch (kind) {
    case binmorph::ErrorKind::format:
      return "FormatError";
    case binmorph::ErrorKind::shape:
      return "ShapeError";
    case binmorph::ErrorKind::dtype:
      return "DTypeError";
    case binmorph::ErrorKind::domain:
      return "DomainError";
    case binmorph::ErrorKind::isa:
      return "IsaError";
    case binmorph::ErrorKind::memory_limit:
      return "MemoryLimitError";
    case binmorph::ErrorKind::device:
      return "DeviceError";
    case binmorph::ErrorKind::unsupported:
      return "UnsupportedOpError";
  }
  return "BinmorphError";
}

}  // namespace

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() = "Compiled core of binmorph: the packed runtime and its kernels.";
  m.attr("__version__") = BINMORPH_VERSION;

  py::register_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(p);
    } catch (const binmorph::Error& error) {
      const py::object type = py::module_::import("binmorph.errors").attr(exception_name(error.kind()));
      py::set_error(type, error.what());
    }
  });

  m.def(
      "isas",
      [] {
        py::dict result;
        for (int i = 0; i < binmorph::kIsaCount; ++i) {
          const auto isa = static_cast<binmorph::Isa>(i);
          result[binmorph::isa_name(isa)] = binmorph::isa_supported(isa);
        }
        return result;
      },
      "Every instruction set that this build knows, and whether the machine has it.");
  m.def(
      "default_isa", [] { return binmorph::isa_name(binmorph::default_isa()); },
      "The instruction set that is used unless another is asked for; BINMORPH_FORCE_ISA overrides it.");

  bind_bits(m);
  bind_graph(m);
  bind_model(m);
  py::module_ kernels = m.def_submodule("kernels", "Every registered kernel, for tests and benchmarks.");
  bind_kernels(kernels);
  py::module_ cuda = m.def_submodule("cuda", "GPUs: what there is, and networks on them.");
  bind_cuda(cuda);
  py::module_ morphology = m.def_submodule("morphology", "Compiled structuring elements on packed images.");
  bind_morphology(morphology);
}
