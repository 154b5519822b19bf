// BitBuffer: the base class that gives BitArray the buffer protocol, which Python classes cannot define
// before 3.12.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "bindings.h"

namespace {

namespace py = pybind11;

class BitBuffer {
 public:
  // Not array_t as the argument: its conversion takes longer than the check.
  explicit BitBuffer(py::array words) : words_(std::move(words)) {
    if (!py::isinstance<py::array_t<std::uint64_t, py::array::c_style>>(words_))
      throw py::type_error("words must be a C-contiguous array of uint64");
  }

  // Read-only: whoever writes words could set tail bits, which must stay zero.
  py::buffer_info view() const {
    const std::vector<py::ssize_t> shape(words_.shape(), words_.shape() + words_.ndim());
    const std::vector<py::ssize_t> strides(words_.strides(), words_.strides() + words_.ndim());
    return {const_cast<void*>(words_.data()),
            static_cast<py::ssize_t>(sizeof(std::uint64_t)),
            py::format_descriptor<std::uint64_t>::format(),
            words_.ndim(),
            shape,
            strides,
            true};
  }

 private:
  py::array words_;
};

}  // namespace

void bind_bits(py::module_& m) {
  py::class_<BitBuffer>(m, "BitBuffer", py::buffer_protocol(), "Packed words behind the buffer protocol.")
      .def(py::init<py::array>(), py::arg("words"))
      .def_buffer([](const BitBuffer& self) { return self.view(); });
}
