// Every device kernel, as the checks call them.
#pragma once

#include "kernels/bisel/cuda_bisel.h"
#include "kernels/concat/cuda_concat.h"
#include "kernels/conv2d/cuda_conv2d.h"
#include "kernels/elementwise/cuda_elementwise.h"
#include "kernels/flatten/cuda_flatten.h"
#include "kernels/linear/cuda_linear.h"
#include "kernels/max_pool/cuda_pool.h"
#include "kernels/morphology2d/cuda_morphology2d.h"
#include "kernels/pack/cuda_pack.h"
#include "kernels/thinning/cuda_thinning.h"
#include "kernels/threshold_conv2d/cuda_chain.h"
#include "kernels/threshold_conv2d/cuda_dense.h"
#include "kernels/threshold_conv2d/cuda_threshold_conv2d.h"
#include "kernels/threshold_conv2d/cuda_tiles.h"
#include "kernels/transpose/cuda_transpose.h"
#include "kernels/truth_table/cuda_truth_table.h"

namespace binmorph::cuda {

extern "C" __global__ void bisel_u64_u64__cuda_simt(const BiselParams p);
extern "C" __global__ void bisel_wide_u64_u64__cuda_simt(const BiselParams p);
extern "C" __global__ void concat_u64_u64__cuda_simt(const ConcatParams p);
extern "C" __global__ void concat_b32_b32__cuda_simt(const ConcatParams p);
extern "C" __global__ void conv2d_f32_f32__cuda_simt(const Conv2dParams p);
extern "C" __global__ void conv2d_u8_f32__cuda_simt(const Conv2dParams p);
extern "C" __global__ void pixel_conv2d_u8_i32__cuda_simt(const PixelConv2dParams p);
extern "C" __global__ void elementwise_f32__cuda_simt(const ElementwiseParams p);
extern "C" __global__ void elementwise_i32__cuda_simt(const ElementwiseParams p);
extern "C" __global__ void flatten_u64_u64__cuda_simt(const FlattenParams p);
extern "C" __global__ void flatten_b32_b32__cuda_simt(const FlattenParams p);
extern "C" __global__ void linear_u64_f32__cuda_simt(const LinearParams p);
extern "C" __global__ void linear_f32_f32__cuda_simt(const LinearParams p);
extern "C" __global__ void max_pool_u64_u64__cuda_simt(const PoolParams p);
extern "C" __global__ void max_pool_f32_f32__cuda_simt(const PoolParams p);
extern "C" __global__ void avg_pool_f32_f32__cuda_simt(const PoolParams p);
extern "C" __global__ void morphology2d_u64_u64__cuda_simt(const MorphologyParams p);
extern "C" __global__ void morphology3x3_u64_u64__cuda_simt(const Morphology3x3Params p);
extern "C" __global__ void hit_or_miss3x3_u64_u64__cuda_simt(const Morphology3x3Params p);
extern "C" __global__ void morphology_walk_u64_u64__cuda_simt(const MorphologyWalkParams p);
extern "C" __global__ void morphology_walk_wide_u64_u64__cuda_simt(const MorphologyWalkParams p);
extern "C" __global__ void morphology_program_u64_u64__cuda_simt(const MorphologyProgramParams p);
extern "C" __global__ void differ_u64_u32__cuda_simt(const DifferParams p);
extern "C" __global__ void thin_u64_u64__cuda_simt(const ThinParams p);
extern "C" __global__ void bitwise_u64_u64__cuda_simt(const BitwiseParams p);
extern "C" __global__ void complement_u64_u64__cuda_simt(const ComplementParams p);
extern "C" __global__ void level_set_f32_u64__cuda_simt(const PackParams p);
extern "C" __global__ void level_set_i32_u64__cuda_simt(const PackParams p);
extern "C" __global__ void level_set_u8_u64__cuda_simt(const PackParams p);
extern "C" __global__ void pack_binary_f32_u64__cuda_simt(const PackParams p);
extern "C" __global__ void pack_binary_u8_u64__cuda_simt(const PackParams p);
extern "C" __global__ void unpack_u64_u8__cuda_simt(const UnpackParams p);
extern "C" __global__ void threshold_chain_u64_u64__cuda_cluster(const ThresholdChainParams p);
extern "C" __global__ void threshold_chain_u64_u64__cuda_mma(const ThresholdChainParams p);
extern "C" __global__ void threshold_conv2d_u64_u64__cuda_mma(const ThresholdConv2dParams p);
extern "C" __global__ void count_conv2d_u64_i32__cuda_mma(const CountConv2dParams p);
extern "C" __global__ void two_value_conv2d_u64_f32__cuda_mma(const TwoValueConv2dParams p);
extern "C" __global__ void threshold_conv2d_u64_u64__cuda_wgmma_n64(const ThresholdTilesParams p);
extern "C" __global__ void threshold_conv2d_u64_u64__cuda_wgmma_n128(const ThresholdTilesParams p);
extern "C" __global__ void threshold_conv2d_u64_u64__cuda_wgmma_n256(const ThresholdTilesParams p);
extern "C" __global__ void count_conv2d_u64_i32__cuda_wgmma(const CountTilesParams p);
extern "C" __global__ void two_value_conv2d_u64_f32__cuda_wgmma(const TwoValueTilesParams p);
extern "C" __global__ void threshold_dense_u64_u64__cuda_wgmma(const ThresholdDenseParams p);
extern "C" __global__ void count_dense_u64_i32__cuda_wgmma(const CountDenseParams p);
extern "C" __global__ void threshold_conv2d_u64_u64__cuda_simt(const ThresholdConv2dParams p);
extern "C" __global__ void count_conv2d_u64_i32__cuda_simt(const CountConv2dParams p);
extern "C" __global__ void two_value_conv2d_u64_f32__cuda_simt(const TwoValueConv2dParams p);
extern "C" __global__ void rows_to_channels_u64_u64__cuda_simt(const RepackParams p);
extern "C" __global__ void channels_to_rows_u64_u64__cuda_simt(const RepackParams p);
extern "C" __global__ void truth_table_u64_u64__cuda_simt(const TruthTableParams p);

}  // namespace binmorph::cuda
