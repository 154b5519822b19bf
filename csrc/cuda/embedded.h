// The kernels that this build holds, compiled by nvcc; written by cmake/cuda.cmake.
#pragma once

#include <string>
#include <vector>

namespace binmorph::cuda {

struct EmbeddedImage {
  const char* source;  // for messages, "OP/cuda_KIND.cu"
  const void* data;    // a fat binary
};

struct Embedded {
  std::vector<EmbeddedImage> images;
  std::string compiler;       // nvcc's version; empty: none was at hand
  std::string architectures;  // "sm_75 sm_80 ... compute_120"
  std::string reason;         // why there are no images
};

const Embedded& embedded();

}  // namespace binmorph::cuda
