// A registered kernel: dispatch, tests and benchmarks all read the list made of these.
#pragma once

#include <cstddef>

#include "kernels/common/isa.h"

namespace binmorph::kernels {

template <class Fn>
struct Kernel {
  const char* name;
  Isa isa;
  Fn* run;
};

template <class Fn>
struct KernelList {
  const Kernel<Fn>* first;
  std::size_t count;
  const Kernel<Fn>* begin() const { return first; }
  const Kernel<Fn>* end() const { return first + count; }
};

}  // namespace binmorph::kernels
