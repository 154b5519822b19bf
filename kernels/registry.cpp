#include "kernels/registry.h"

#include <type_traits>
#include <vector>

namespace binmorph::kernels {

template <class Fn>
KernelList<Fn> kernel_list() {
  static const std::vector<Kernel<Fn>> kernels = [] {
    std::vector<Kernel<Fn>> list;
#define BINMORPH_KERNEL(op, isa, name) \
  if constexpr (std::is_same_v<Fn, op>) list.push_back({#name, Isa::isa, name});
#include "kernels/concat/kernels.inc"
#include "kernels/conv2d/kernels.inc"
#include "kernels/decision_planes/kernels.inc"
#include "kernels/elementwise/kernels.inc"
#include "kernels/flatten/kernels.inc"
#include "kernels/float_pool/kernels.inc"
#include "kernels/level_sets/kernels.inc"
#include "kernels/linear/kernels.inc"
#include "kernels/max_pool/kernels.inc"
#include "kernels/morphology2d/kernels.inc"
#include "kernels/pack/kernels.inc"
#include "kernels/pixel_conv2d/kernels.inc"
#include "kernels/sparse_conv2d/kernels.inc"
#include "kernels/thinning/kernels.inc"
#include "kernels/threshold_conv2d/kernels.inc"
#include "kernels/threshold_dense/kernels.inc"
#include "kernels/threshold_planes/kernels.inc"
#include "kernels/transpose/kernels.inc"
#include "kernels/window/kernels.inc"
#undef BINMORPH_KERNEL
    return list;
  }();
  return {kernels.data(), kernels.size()};
}

template KernelList<AccumulateConv2d> kernel_list<AccumulateConv2d>();
template KernelList<AccumulateConv2dI16> kernel_list<AccumulateConv2dI16>();
template KernelList<ConcatBits> kernel_list<ConcatBits>();
template KernelList<ConcatValues> kernel_list<ConcatValues>();
template KernelList<Conv2dF32> kernel_list<Conv2dF32>();
template KernelList<DecisionPlanes> kernel_list<DecisionPlanes>();
template KernelList<ElementwiseF32> kernel_list<ElementwiseF32>();
template KernelList<ElementwiseI16> kernel_list<ElementwiseI16>();
template KernelList<ElementwiseI32> kernel_list<ElementwiseI32>();
template KernelList<Flatten> kernel_list<Flatten>();
template KernelList<FlattenValues> kernel_list<FlattenValues>();
template KernelList<FloatPool> kernel_list<FloatPool>();
template KernelList<ImagesToPlanes> kernel_list<ImagesToPlanes>();
template KernelList<LevelSetF32> kernel_list<LevelSetF32>();
template KernelList<LevelSetU8> kernel_list<LevelSetU8>();
template KernelList<LevelSetsF32> kernel_list<LevelSetsF32>();
template KernelList<LevelSetsI32> kernel_list<LevelSetsI32>();
template KernelList<LinearBits> kernel_list<LinearBits>();
template KernelList<MaxPoolPlanes> kernel_list<MaxPoolPlanes>();
template KernelList<MaxPoolRows> kernel_list<MaxPoolRows>();
template KernelList<Morphology2d> kernel_list<Morphology2d>();
template KernelList<PackBinaryF32> kernel_list<PackBinaryF32>();
template KernelList<PackBinaryU8> kernel_list<PackBinaryU8>();
template KernelList<PixelConv2d> kernel_list<PixelConv2d>();
template KernelList<PlanesToImages> kernel_list<PlanesToImages>();
template KernelList<SparseConv2d> kernel_list<SparseConv2d>();
template KernelList<SparseThreshold> kernel_list<SparseThreshold>();
template KernelList<ThinPass> kernel_list<ThinPass>();
template KernelList<ThresholdConv2d> kernel_list<ThresholdConv2d>();
template KernelList<ThresholdDense> kernel_list<ThresholdDense>();
template KernelList<ThresholdPlanes> kernel_list<ThresholdPlanes>();
template KernelList<UnpackU8> kernel_list<UnpackU8>();
template KernelList<WindowPlanes> kernel_list<WindowPlanes>();
template KernelList<WindowRows> kernel_list<WindowRows>();

}  // namespace binmorph::kernels
