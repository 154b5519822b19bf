// Bits: the network's input to bits, morphology, pooling, flattening.
#include <limits>

#include "binmorph/error.h"
#include "cuda/steps.h"
#include "kernels/bisel/cuda_pack.h"
#include "kernels/common/bits.h"
#include "kernels/flatten/cuda_flatten.h"
#include "kernels/max_pool/cuda_pool.h"
#include "kernels/pack/cuda_pack.h"
#include "kernels/transpose/cuda_transpose.h"
#include "kernels/truth_table/cuda_truth_table.h"

namespace binmorph::cuda {

// The network's input is [channel][pixel], everything else channels-last.
Strides Maker::strides() const {
  const std::size_t pixels = in.height * in.width;
  if (source == 0) return {in.size(), 1, pixels};
  return {in.size(), in.channels, 1};
}

std::size_t Maker::stream(std::size_t number) const { return number == 0 ? plan.input_stream(node) : number; }

void Maker::operator()(const LevelSets& op) const {
  PackParams params{};
  params.strides = strides();
  params.pixels = in.height * in.width;
  params.channels = narrow(in.channels);
  params.levels = narrow(op.levels);
  const std::size_t values = plan.add_constant(op.values);
  const std::string kind = in.kind == ValueKind::uint8 ? "u8" : in.kind == ValueKind::float32 ? "f32" : "i32";
  plan.add(node, "level_set_" + kind + "_u64__cuda_simt", {source}, params, launch_pack,
           [from = source, to = value, values](PackParams& p, const Frame& f) {
             p.src = pointer<void>(f.values[from]);
             p.dst = pointer<std::uint64_t>(f.values[to]);
             p.values = pointer<float>(f.constants + values);
             p.images = f.images;
           });
}

void Maker::operator()(const PackBinary&) const {
  if (plan.options().packed) return from_rows();
  PackParams params{};
  params.strides = strides();
  params.pixels = in.height * in.width;
  params.channels = narrow(in.channels);
  params.levels = 1;
  const std::string kind = in.kind == ValueKind::uint8 ? "u8" : "f32";
  plan.add(node, "pack_binary_" + kind + "_u64__cuda_simt", {source}, params, launch_pack,
           [from = source, to = value](PackParams& p, const Frame& f) {
             p.src = pointer<void>(f.values[from]);
             p.dst = pointer<std::uint64_t>(f.values[to]);
             p.invalid = pointer<std::uint64_t>(f.invalid);
             p.images = f.images;
           });
}

// The caller's bits are packed already, in rows.
void Maker::from_rows() const {
  RepackParams params{};
  params.channels = narrow(in.channels);
  params.height = narrow(in.height);
  params.width = narrow(in.width);
  if (in.flat) {  // one row of bits
    params.channels = 1;
    params.width = narrow(in.channels);
    FlattenParams copy{};
    copy.pixels = 1;
    copy.channels = params.width;
    plan.add(node, "flatten_u64_u64__cuda_simt", {source}, copy, launch_flatten_bits,
             [from = source, to = value](FlattenParams& p, const Frame& f) {
               p.src = pointer<void>(f.values[from]);
               p.dst = pointer<void>(f.values[to]);
               p.images = f.images;
             });
    return;
  }
  plan.add(node, "rows_to_channels_u64_u64__cuda_simt", {source}, params, launch_rows_to_channels,
           [from = source, to = value](RepackParams& p, const Frame& f) {
             p.src = pointer<std::uint64_t>(f.values[from]);
             p.dst = pointer<std::uint64_t>(f.values[to]);
             p.images = narrow(f.images);
           });
}

void Maker::operator()(const Bisel& op) const {
  BiselParams params{};
  const ConvGeometry g = params.geometry = centred(op);
  if (taps(g) + 2 > 1u << kWideBiselPlanes)
    unsupported("its window has " + std::to_string(taps(g)) + " taps, the device counts up to " +
                std::to_string((1u << kWideBiselPlanes) - 2));
  const Neurons &b = op.bise, &l = op.lui;
  const PackedBisel packed =
      pack_bisel(g, {b.plus.data(), b.minus.data(), b.threshold.data(), b.invert.data(), l.plus.data(),
                     l.minus.data(), l.threshold.data(), l.invert.data()});
  params.planes = packed.planes;
  const std::size_t tables[] = {
      plan.add_constant(packed.plus),          plan.add_constant(packed.minus),
      plan.add_constant(packed.threshold),     plan.add_constant(packed.invert),
      plan.add_constant(packed.lui_plus),      plan.add_constant(packed.lui_minus),
      plan.add_constant(packed.lui_threshold), plan.add_constant(packed.lui_invert)};
  const bool wide = packed.planes > kBiselPlanes;
  plan.add(node, wide ? "bisel_wide_u64_u64__cuda_simt" : "bisel_u64_u64__cuda_simt", {source}, params,
           launch_bisel, [=, from = source, to = value](BiselParams& p, const Frame& f) {
             p.geometry.images = narrow(f.images);
             p.x = pointer<std::uint64_t>(f.values[from]);
             p.y = pointer<std::uint64_t>(f.values[to]);
             p.plus = pointer<std::uint64_t>(f.constants + tables[0]);
             p.minus = pointer<std::uint64_t>(f.constants + tables[1]);
             p.threshold = pointer<std::uint64_t>(f.constants + tables[2]);
             p.invert = pointer<std::uint64_t>(f.constants + tables[3]);
             p.lui_plus = pointer<std::uint64_t>(f.constants + tables[4]);
             p.lui_minus = pointer<std::uint64_t>(f.constants + tables[5]);
             p.lui_threshold = pointer<std::int32_t>(f.constants + tables[6]);
             p.lui_invert = pointer<std::uint32_t>(f.constants + tables[7]);
           });
}

void Maker::operator()(const TruthTable& op) const {
  TruthTableParams params{};
  params.geometry = centred(op);
  params.reads = narrow(op.reads);
  const std::size_t channels = plan.add_constant(op.channels), table = plan.add_constant(op.table);
  plan.add(node, "truth_table_u64_u64__cuda_simt", {source}, params, launch_truth_table,
           [=, from = source, to = value](TruthTableParams& p, const Frame& f) {
             p.geometry.images = narrow(f.images);
             p.x = pointer<std::uint64_t>(f.values[from]);
             p.channels = pointer<std::int32_t>(f.constants + channels);
             p.table = pointer<std::uint64_t>(f.constants + table);
             p.y = pointer<std::uint64_t>(f.values[to]);
           });
}

void Maker::operator()(const MaxPool& op) const {
  PoolParams params{};
  params.geometry = geometry({op.kernel_h, op.kernel_w}, {op.stride_h, op.stride_w}, {1, 1});
  params.geometry.top = static_cast<std::int32_t>(op.padding_h);
  params.geometry.left = static_cast<std::int32_t>(op.padding_w);
  if (in.kind != ValueKind::bits) return pool_numbers(params, "max_pool_f32_f32__cuda_simt");
  plan.add(node, "max_pool_u64_u64__cuda_simt", {source}, params, launch_pool_bits,
           [from = source, to = value](PoolParams& p, const Frame& f) {
             p.geometry.images = narrow(f.images);
             p.src = pointer<void>(f.values[from]);
             p.dst = pointer<void>(f.values[to]);
           });
}

void Maker::operator()(const Flatten&) const {
  const bool bits = in.kind == ValueKind::bits;
  const std::size_t from = bits ? source : stream(source);
  if (in.height * in.width == 1 && from != 0) return;  // the same memory
  FlattenParams params{};
  params.pixels = in.height * in.width;
  params.channels = narrow(in.channels);
  plan.add(node, bits ? "flatten_u64_u64__cuda_simt" : "flatten_b32_b32__cuda_simt", {from}, params,
           bits ? launch_flatten_bits : launch_flatten_b32,
           [from, to = value](FlattenParams& p, const Frame& f) {
             p.src = pointer<void>(f.values[from]);
             p.dst = pointer<void>(f.values[to]);
             p.images = f.images;
           });
}

}  // namespace binmorph::cuda
