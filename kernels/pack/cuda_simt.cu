#include "kernels/common/cuda/device.cuh"
#include "kernels/pack/cuda_pack.h"

namespace binmorph::cuda {
namespace {

// One thread makes one word: 64 channels of a pixel. Neighbouring threads are neighbouring pixels, whose
// values lie side by side in a network's input.
template <class Bit>
__device__ __forceinline__ void pack_word(const PackParams& p, Bit bit) {
  const unsigned bits = p.channels * p.levels, words = words_of(bits);
  const std::uint64_t item = thread_item();
  if (item >= p.images * p.pixels * words) return;
  const std::uint64_t pixel = item % p.pixels, image = item / p.pixels / words;
  const unsigned w = static_cast<unsigned>(item / p.pixels % words);
  const std::uint64_t at = image * p.strides.image + pixel * p.strides.pixel;
  const unsigned end = bits - w * 64 < 64 ? bits - w * 64 : 64;
  std::uint64_t word = 0;
  for (unsigned i = 0; i < end; ++i) word |= static_cast<std::uint64_t>(bit(at, w * 64 + i)) << i;
  p.dst[(image * p.pixels + pixel) * words + w] = word;
}

template <class T>
__device__ __forceinline__ void level_set(const PackParams& p) {
  pack_word(p, [&](std::uint64_t at, unsigned i) {
    return static_cast<float>(static_cast<const T*>(p.src)[at + i / p.levels * p.strides.channel]) >=
           p.values[i];
  });
}

template <class T>
__device__ __forceinline__ void pack_binary(const PackParams& p) {
  pack_word(p, [&](std::uint64_t at, unsigned c) {
    const std::uint64_t from = at + c * p.strides.channel;
    const T value = static_cast<const T*>(p.src)[from];
    if (!(value == 0 || value == 1)) atomicMin(reinterpret_cast<Word*>(p.invalid), static_cast<Word>(from));
    return value == 1;
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kBlock) level_set_f32_u64__cuda_simt(const PackParams p) {
  take_turn();
  level_set<float>(p);
}
extern "C" __global__ void __launch_bounds__(kBlock) level_set_i32_u64__cuda_simt(const PackParams p) {
  take_turn();
  level_set<std::int32_t>(p);
}
extern "C" __global__ void __launch_bounds__(kBlock) level_set_u8_u64__cuda_simt(const PackParams p) {
  take_turn();
  level_set<std::uint8_t>(p);
}
extern "C" __global__ void __launch_bounds__(kBlock) pack_binary_f32_u64__cuda_simt(const PackParams p) {
  take_turn();
  pack_binary<float>(p);
}
extern "C" __global__ void __launch_bounds__(kBlock) pack_binary_u8_u64__cuda_simt(const PackParams p) {
  take_turn();
  pack_binary<std::uint8_t>(p);
}

extern "C" __global__ void __launch_bounds__(kBlock) unpack_u64_u8__cuda_simt(const UnpackParams p) {
  take_turn();
  const std::uint64_t item = thread_item();
  if (item >= p.images * p.pixels * p.channels) return;
  const std::uint64_t pixel = item % p.pixels, image = item / p.pixels / p.channels;
  const unsigned c = static_cast<unsigned>(item / p.pixels % p.channels);
  p.dst[item] = p.src[(image * p.pixels + pixel) * words_of(p.channels) + c / 64] >> (c % 64) & 1;
}

}  // namespace binmorph::cuda
