# The GPU kernels: each kernels/OP/cuda_KIND.cu becomes one compressed fat binary inside the extension. Nothing of
# CUDA is linked; the driver is found at run time. Without nvcc the build has no kernels, and says so.
set(BINMORPH_CUDA AUTO CACHE STRING "GPU kernels: AUTO (if nvcc is found), ON (nvcc is required), OFF")
set_property(CACHE BINMORPH_CUDA PROPERTY STRINGS AUTO ON OFF)
set(BINMORPH_CUDA_ARCHITECTURES "75;80;86;89;90a;100;120" CACHE STRING
    "Compute capabilities to compile for; the newest comes as PTX, too")
if(NOT BINMORPH_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "BINMORPH_CUDA is '${BINMORPH_CUDA}', not AUTO, ON or OFF")
endif()

file(GLOB cuda_sources CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
     "${PROJECT_SOURCE_DIR}/kernels/*/cuda_*.cu")
# Not what nvcc says that it read: CMake's command for that names its own path, which pip changes at every install.
file(GLOB_RECURSE cuda_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/kernels/*.h" "${PROJECT_SOURCE_DIR}/kernels/*.cuh"
     "${PROJECT_SOURCE_DIR}/kernels/common/cuda/*.inc")
set(cuda_reason "")
set(cuda_compiler "")
set(cuda_names "")
if(BINMORPH_CUDA STREQUAL OFF)
  set(cuda_reason "it was built with BINMORPH_CUDA=OFF")
else()
  find_program(BINMORPH_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin
               DOC "NVIDIA's compiler")
  if(BINMORPH_NVCC)
    execute_process(COMMAND "${BINMORPH_NVCC}" --version OUTPUT_VARIABLE version RESULT_VARIABLE failed)
    execute_process(COMMAND "${BINMORPH_NVCC}" --list-gpu-code OUTPUT_VARIABLE known)
    if(NOT failed AND version MATCHES "release [0-9.]+, V([0-9.]+)")
      set(cuda_compiler "${CMAKE_MATCH_1}")
    endif()
  endif()
  if(NOT BINMORPH_NVCC)
    set(cuda_reason "nvcc was not found when it was built")
  elseif(NOT cuda_compiler)
    set(cuda_reason "${BINMORPH_NVCC} did not run when it was built")
  elseif(cuda_compiler VERSION_LESS 11.8)  # the first to know sm_90, and C++17 as it is used here
    set(cuda_reason "nvcc ${cuda_compiler} is too old, 11.8 is needed")
    set(cuda_compiler "")
  endif()
endif()

if(cuda_compiler)
  # An older nvcc lacks the newest chips, a newer one the oldest.
  set(targets "")
  set(newest "")
  foreach(arch IN LISTS BINMORPH_CUDA_ARCHITECTURES)
    string(REGEX REPLACE "[a-z]+$" "" plain "${arch}")
    if(cuda_compiler VERSION_LESS 12.0)
      set(arch ${plain})  # what only one generation has came with 12.0
    endif()
    if(known MATCHES "sm_${plain}[^0-9]")
      list(APPEND targets "-gencode=arch=compute_${arch},code=sm_${arch}")
      string(APPEND cuda_names "sm_${arch} ")
      if(arch STREQUAL plain)
        set(newest ${arch})
      endif()
    endif()
  endforeach()
  if(newest)  # what only one generation runs is no PTX for later ones
    list(APPEND targets "-gencode=arch=compute_${newest},code=compute_${newest}")
    string(APPEND cuda_names "compute_${newest}")
  endif()
  if(NOT targets)
    message(FATAL_ERROR "nvcc ${cuda_compiler} knows none of BINMORPH_CUDA_ARCHITECTURES=${BINMORPH_CUDA_ARCHITECTURES}")
  endif()
  string(STRIP "${cuda_names}" cuda_names)
  set(compress -Xfatbin=-compress-all)
  if(cuda_compiler VERSION_GREATER_EQUAL 12.8)
    set(compress --compress-mode=size)
  endif()
  set(images "")
  set(declarations "")
  set(cuda_binaries "")
  foreach(source IN LISTS cuda_sources)
    string(REPLACE "/" "_" name "${source}")
    set(binary "${PROJECT_BINARY_DIR}/cuda/${name}.fatbin")
    # -fmad=false: float sums have a stated order of roundings here, too.
    add_custom_command(
      OUTPUT "${binary}" DEPENDS "${PROJECT_SOURCE_DIR}/${source}" ${cuda_headers} VERBATIM
      COMMAND "${BINMORPH_NVCC}" -fatbin -std=c++17 -O3 -fmad=false --expt-relaxed-constexpr ${compress} --threads 2 ${targets}
              -I "${PROJECT_SOURCE_DIR}" -o "${binary}" "${PROJECT_SOURCE_DIR}/${source}"
      COMMENT "nvcc ${source}")
    list(APPEND cuda_binaries "${binary}")
    string(MAKE_C_IDENTIFIER "binmorph_${name}" symbol)
    string(REGEX REPLACE "^kernels/" "" label "${source}")
    string(APPEND declarations "extern \"C\" __attribute__((visibility(\"hidden\"))) const unsigned char ${symbol}[];\n"
           "__asm__(\".section .rodata,\\\"a\\\",@progbits\\n.balign 64\\n.hidden ${symbol}\\n.globl ${symbol}\\n\"\n"
           "        \"${symbol}:\\n.incbin \\\"${binary}\\\"\\n.previous\\n\");\n")
    string(APPEND images "      {\"${label}\", ${symbol}},\n")
  endforeach()
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/cuda")
  if(NOT cuda_sources)
    set(cuda_reason "the sources have none")
  endif()
  message(STATUS "GPU kernels: ${BINMORPH_NVCC} ${cuda_compiler} for ${cuda_names}")
elseif(BINMORPH_CUDA STREQUAL ON)
  message(FATAL_ERROR "BINMORPH_CUDA=ON: ${cuda_reason}. Install the CUDA toolkit, or set BINMORPH_NVCC.")
else()
  message(STATUS "GPU kernels: none, this build runs on the CPU only (${cuda_reason})")
endif()

set(embedded "${PROJECT_BINARY_DIR}/cuda/embedded.cpp")
file(CONFIGURE OUTPUT "${embedded}" @ONLY CONTENT [=[
// Written by cmake/cuda.cmake.
#include "cuda/embedded.h"

@declarations@
const binmorph::cuda::Embedded& binmorph::cuda::embedded() {
  static const Embedded kernels{{
@images@  }, "@cuda_compiler@", "@cuda_names@", "@cuda_reason@"};
  return kernels;
}
]=])
set_source_files_properties("${embedded}" PROPERTIES OBJECT_DEPENDS "${cuda_binaries}")
list(APPEND core_sources "${embedded}")
