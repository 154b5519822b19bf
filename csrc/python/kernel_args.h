// Arguments of the kernel bindings: every array is checked before a kernel sees its pointer.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "binmorph/cpu.h"
#include "kernels/common/bits.h"
#include "kernels/registry.h"

namespace binmorph::python {

namespace py = pybind11;

using Out = std::optional<py::array>;

// The registered kernel of this name, if this machine can run it.
template <class Fn>
Fn* find_kernel(const std::string& name) {
  for (const kernels::Kernel<Fn>& kernel : kernels::kernel_list<Fn>()) {
    if (name != kernel.name) continue;
    if (isa_supported(kernel.isa)) return kernel.run;
    throw py::value_error("kernel " + name + " needs " + isa_name(kernel.isa) + ", which this machine lacks");
  }
  std::string known;
  for (const kernels::Kernel<Fn>& kernel : kernels::kernel_list<Fn>())
    known += (known.empty() ? "" : ", ") + std::string(kernel.name);
  throw py::value_error("unknown kernel '" + name + "'; registered: " + known);
}

inline std::size_t product(std::initializer_list<std::size_t> factors) {
  std::size_t result = 1;
  for (std::size_t f : factors)
    if (__builtin_mul_overflow(result, f, &result)) throw py::value_error("the extents overflow 64 bits");
  return result;
}

template <class T>
void check_array(const py::array& array, const char* name) {
  if (!py::isinstance<py::array_t<T, py::array::c_style>>(array))
    throw py::value_error(std::string(name) + " must be a C-contiguous array of " +
                          py::str(py::dtype::of<T>()).cast<std::string>());
  if (reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) != 0)
    throw py::value_error(std::string(name) + " is not aligned to its element size");
}

inline void check_size(const char* name, std::size_t size, std::size_t expected) {
  if (size != expected)
    throw py::value_error(std::string(name) + " has " + std::to_string(size) + " elements, expected " +
                          std::to_string(expected));
}

template <class T>
const T* input(const py::array& array, const char* name, std::size_t expected) {
  check_array<T>(array, name);
  check_size(name, static_cast<std::size_t>(array.size()), expected);
  return static_cast<const T*>(array.data());
}

template <class T>
py::array copy_array(const T* from, std::size_t count) {
  py::array_t<T> result(static_cast<py::ssize_t>(count));
  std::copy(from, from + count, result.mutable_data());
  return std::move(result);
}

// The caller's array, or a new one filled with zeros.
template <class T>
T* output(Out& out, std::size_t expected, const char* name = "out") {
  if (!out) {
    out = py::array_t<T>(static_cast<py::ssize_t>(expected));
    T* data = static_cast<T*>(out->mutable_data());
    for (std::size_t i = 0; i < expected; ++i) data[i] = T{0};
    return data;
  }
  check_array<T>(*out, name);
  if (!out->writeable()) throw py::value_error(std::string(name) + " is read-only");
  check_size(name, static_cast<std::size_t>(out->size()), expected);
  return static_cast<T*>(out->mutable_data());
}

}  // namespace binmorph::python
