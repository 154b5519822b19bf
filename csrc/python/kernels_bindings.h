// The submodule binmorph._core.kernels, in parts.
#pragma once

#include <pybind11/pybind11.h>

namespace binmorph::python {

void bind_packing_kernels(pybind11::module_& m);
void bind_peak_kernels(pybind11::module_& m);
void bind_stream_kernels(pybind11::module_& m);
void bind_sum_conv_kernels(pybind11::module_& m);
void bind_morphology_kernels(pybind11::module_& m);
void bind_window_kernels(pybind11::module_& m);
void bind_conv_kernels(pybind11::module_& m);
void bind_sparse_kernels(pybind11::module_& m);
void bind_threshold_kernels(pybind11::module_& m);

}  // namespace binmorph::python
