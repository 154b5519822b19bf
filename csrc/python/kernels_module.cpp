// binmorph._core.kernels: every registered kernel by name, for tests and benchmarks.
#include <string>
#include <tuple>
#include <vector>

#include "bindings.h"
#include "kernel_args.h"
#include "kernels_bindings.h"

namespace binmorph::python {
namespace {

using KernelInfo = std::tuple<std::string, std::string, std::string, bool>;

template <class Fn>
void list_operation(const char* op, std::vector<KernelInfo>& list) {
  for (const kernels::Kernel<Fn>& kernel : kernels::kernel_list<Fn>())
    list.emplace_back(op, kernel.name, isa_name(kernel.isa), isa_supported(kernel.isa));
}

// The operation's name is also the name of the function that runs its kernels; convolutions are classes
// (Conv2d, FloatConv2d, PixelConv2d).
std::vector<KernelInfo> list_kernels() {
  std::vector<KernelInfo> list;
  list_operation<kernels::AccumulateConv2d>("accumulate_conv2d", list);
  list_operation<kernels::AccumulateConv2dI16>("accumulate_conv2d_i16", list);
  list_operation<kernels::ConcatBits>("concat_bits", list);
  list_operation<kernels::ConcatValues>("concat_values", list);
  list_operation<kernels::Conv2dF32>("conv2d_f32", list);
  list_operation<kernels::DecisionPlanes>("decision_planes", list);
  list_operation<kernels::ElementwiseF32>("elementwise_f32", list);
  list_operation<kernels::ElementwiseI16>("elementwise_i16", list);
  list_operation<kernels::ElementwiseI32>("elementwise_i32", list);
  list_operation<kernels::Flatten>("flatten", list);
  list_operation<kernels::FlattenValues>("flatten_values", list);
  list_operation<kernels::FloatPool>("float_pool", list);
  list_operation<kernels::ImagesToPlanes>("images_to_planes", list);
  list_operation<kernels::LevelSetF32>("level_set_f32", list);
  list_operation<kernels::LevelSetU8>("level_set_u8", list);
  list_operation<kernels::LevelSetsF32>("level_sets_f32", list);
  list_operation<kernels::LevelSetsI32>("level_sets_i32", list);
  list_operation<kernels::LinearBits>("linear_bits", list);
  list_operation<kernels::MaxPoolPlanes>("max_pool_planes", list);
  list_operation<kernels::MaxPoolRows>("max_pool_rows", list);
  list_operation<kernels::Morphology2d>("morphology2d", list);
  list_operation<kernels::PackBinaryF32>("pack_binary_f32", list);
  list_operation<kernels::PackBinaryU8>("pack_binary_u8", list);
  list_operation<kernels::PixelConv2d>("pixel_conv2d", list);
  list_operation<kernels::PlanesToImages>("planes_to_images", list);
  list_operation<kernels::SparseConv2d>("sparse_conv2d", list);
  list_operation<kernels::SparseThreshold>("sparse_threshold", list);
  list_operation<kernels::ThinPass>("thin_pass", list);
  list_operation<kernels::ThresholdConv2d>("threshold_conv2d", list);
  list_operation<kernels::ThresholdDense>("threshold_dense", list);
  list_operation<kernels::ThresholdPlanes>("threshold_planes", list);
  list_operation<kernels::UnpackU8>("unpack_u8", list);
  list_operation<kernels::WindowPlanes>("window_planes", list);
  list_operation<kernels::WindowRows>("window_rows", list);
  return list;
}

}  // namespace
}  // namespace binmorph::python

void bind_kernels(pybind11::module_& m) {
  m.def("list_kernels", &binmorph::python::list_kernels,
        "Rows of (operation, kernel, instruction set, runs on this machine), slowest instruction set first.");
  binmorph::python::bind_morphology_kernels(m);
  binmorph::python::bind_packing_kernels(m);
  binmorph::python::bind_peak_kernels(m);
  binmorph::python::bind_stream_kernels(m);
  binmorph::python::bind_sum_conv_kernels(m);
  binmorph::python::bind_window_kernels(m);
  binmorph::python::bind_sparse_kernels(m);
  binmorph::python::bind_threshold_kernels(m);
  binmorph::python::bind_conv_kernels(m);
}
