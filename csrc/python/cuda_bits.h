// The part of binmorph._core.cuda about bits and their morphology.
#pragma once

#include <pybind11/pybind11.h>

void bind_cuda_bits(pybind11::module_& m);
