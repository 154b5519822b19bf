// Every registered kernel, by operation. The lists are the kernels.inc files; there is no other registration.
#pragma once

#include "kernels/common/kernel_list.h"
#include "kernels/concat/concat.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/decision_planes/decision_planes.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/flatten/flatten.h"
#include "kernels/float_pool/float_pool.h"
#include "kernels/level_sets/level_sets.h"
#include "kernels/linear/linear.h"
#include "kernels/max_pool/max_pool.h"
#include "kernels/morphology2d/morphology2d.h"
#include "kernels/pack/pack.h"
#include "kernels/pixel_conv2d/pixel_conv2d.h"
#include "kernels/sparse_conv2d/sparse_conv2d.h"
#include "kernels/thinning/thinning.h"
#include "kernels/threshold_conv2d/threshold_conv2d.h"
#include "kernels/threshold_dense/threshold_dense.h"
#include "kernels/threshold_planes/threshold_planes.h"
#include "kernels/transpose/transpose.h"
#include "kernels/window/window.h"

namespace binmorph::kernels {

// In order of Isa. Defined for each operation's function type (ThresholdPlanes, LevelSetF32, ...).
template <class Fn>
KernelList<Fn> kernel_list();

}  // namespace binmorph::kernels
