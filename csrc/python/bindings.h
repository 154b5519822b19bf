#pragma once

#include <pybind11/pybind11.h>

void bind_bits(pybind11::module_& m);
void bind_graph(pybind11::module_& m);
void bind_model(pybind11::module_& m);
void bind_kernels(pybind11::module_& m);
void bind_cuda(pybind11::module_& m);
void bind_morphology(pybind11::module_& m);
