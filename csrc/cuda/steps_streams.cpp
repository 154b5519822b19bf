// Numbers: convolutions that write sums, elementwise operations, pooling, concatenation.
#include <algorithm>

#include "cuda/steps.h"
#include "kernels/concat/cuda_concat.h"
#include "kernels/conv2d/cuda_conv2d.h"
#include "kernels/elementwise/cuda_elementwise.h"
#include "kernels/flatten/cuda_flatten.h"
#include "kernels/max_pool/cuda_pool.h"
#include "kernels/threshold_conv2d/cuda_pack.h"

namespace binmorph::cuda {
namespace {

// [outputs][channels of the group][taps] to [taps][channels of the group][lanes], zeros past the end.
template <class T>
std::vector<T> lanes_last(const std::vector<T>& weight, std::size_t outputs, std::size_t channels,
                          std::size_t taps) {
  const std::size_t lanes = lanes_for(narrow(outputs));
  std::vector<T> result(taps * channels * lanes);
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t t = 0; t < taps; ++t)
        result[(t * channels + c) * lanes + o] = weight[(o * channels + c) * taps + t];
  return result;
}

std::vector<float> padded(const std::vector<float>& values) {
  return pad_lanes(values.data(), 1, narrow(values.size()), 0.0f);
}

}  // namespace

void Maker::operator()(const CountConv2d& op) const {
  CountConv2dParams params{};
  params.windows.geometry = geometry(op);
  params.factor = op.factor;
  const std::size_t rows = op.constant.size() / out.channels;
  const std::size_t constant =
      plan.add_constant(pad_lanes(op.constant.data(), rows, narrow(out.channels), std::int32_t{0}));
  const Classes c = classes(op, rows);
  const Ending end = ending(params);
  windows("count_conv2d_u64_i32", params, op.plus.data(), op.minus.data(), c, nullptr,
          [=](CountConv2dParams& p, const Frame& f) {
            p.constant = pointer<std::int32_t>(f.constants + constant);
            end(p, f);
          });
  ended();
}

void Maker::operator()(const TwoValueConv2d& op) const {
  TwoValueConv2dParams params{};
  params.windows.geometry = geometry(op);
  params.factor = op.factor;
  const std::size_t rows = op.constant.size() / out.channels;
  // One class of the two may stand for all of the other's.
  std::vector<std::int32_t> constants(op.constant), totals(op.total);
  const std::size_t classes_of = std::max(rows, totals.size());
  totals.resize(classes_of, op.total.front());
  for (std::size_t i = rows; i < classes_of; ++i)
    constants.insert(constants.end(), op.constant.begin(),
                     op.constant.begin() + static_cast<std::ptrdiff_t>(out.channels));
  const std::size_t tables[] = {
      plan.add_constant(pad_lanes(constants.data(), classes_of, narrow(out.channels), std::int32_t{0})),
      plan.add_constant(totals), plan.add_constant(padded(op.difference)), plan.add_constant(padded(op.low))};
  const Classes c = classes(op, classes_of);
  const Ending end = ending(params);
  windows("two_value_conv2d_u64_f32", params, op.plus.data(), nullptr, c, nullptr,
          [=](TwoValueConv2dParams& p, const Frame& f) {
            p.constant = pointer<std::int32_t>(f.constants + tables[0]);
            p.total = pointer<std::int32_t>(f.constants + tables[1]);
            p.difference = pointer<float>(f.constants + tables[2]);
            p.low = pointer<float>(f.constants + tables[3]);
            end(p, f);
          });
  ended();
}

void Maker::operator()(const PixelConv2d& op) const {
  PixelConv2dParams params{};
  const ConvGeometry g = params.geometry = geometry(op);
  params.strides = strides();
  const std::size_t rows = op.constant.size() / out.channels;
  const std::size_t weight =
      plan.add_constant(lanes_last(op.weight, out.channels, group_channels(g), taps(g)));
  const std::size_t constant =
      plan.add_constant(pad_lanes(op.constant.data(), rows, narrow(out.channels), std::int32_t{0}));
  const Classes c = classes(op, rows);
  const Ending end = ending(params);
  plan.add(
      node, "pixel_conv2d_u8_i32__cuda_simt", {source}, params,
      [](const PixelConv2dParams& p) { return launch_conv2d(p.geometry); },
      [=, from = source](PixelConv2dParams& p, const Frame& f) {
        p.geometry.images = narrow(f.images);
        p.x = pointer<std::uint8_t>(f.values[from]);
        p.weight = pointer<std::int8_t>(f.constants + weight);
        p.constant = pointer<std::int32_t>(f.constants + constant);
        p.classes = c.at(f);
        end(p, f);
      });
  ended();
}

void Maker::operator()(const Conv2d& op) const {
  Conv2dParams params{};
  const ConvGeometry g = params.geometry = geometry(op);
  params.strides = strides();
  const std::size_t weight =
      plan.add_constant(lanes_last(op.weight, out.channels, group_channels(g), taps(g)));
  const std::size_t bias = plan.add_constant(padded(op.bias));
  const Ending end = ending(params);
  plan.add(
      node, in.kind == ValueKind::uint8 ? "conv2d_u8_f32__cuda_simt" : "conv2d_f32_f32__cuda_simt", {source},
      params, [](const Conv2dParams& p) { return launch_conv2d(p.geometry); },
      [=, from = source](Conv2dParams& p, const Frame& f) {
        p.geometry.images = narrow(f.images);
        p.x = pointer<void>(f.values[from]);
        p.weight = pointer<float>(f.constants + weight);
        p.bias = pointer<float>(f.constants + bias);
        end(p, f);
      });
  ended();
}

void Maker::pool_numbers(const PoolParams& params, const std::string& entry) const {
  plan.add(node, entry, {stream(source)}, params, launch_pool_f32,
           [from = stream(source), to = value](PoolParams& p, const Frame& f) {
             p.geometry.images = narrow(f.images);
             p.src = pointer<void>(f.values[from]);
             p.dst = pointer<void>(f.values[to]);
           });
}

void Maker::operator()(const AvgPool& op) const {
  PoolParams params{};
  params.geometry = geometry({op.kernel_h, op.kernel_w}, {op.stride_h, op.stride_w}, {1, 1});
  pool_numbers(params, "avg_pool_f32_f32__cuda_simt");
}

void Maker::operator()(const Concat&) const {
  std::vector<std::size_t> values;
  std::vector<std::uint32_t> channels;
  for (std::size_t input : plan.graph().nodes()[node].inputs) {
    values.push_back(in.kind == ValueKind::bits ? input : stream(input));
    channels.push_back(narrow(plan.graph().type(input).channels));
  }
  const std::size_t pixels = out.height * out.width;
  const bool bits = in.kind == ValueKind::bits;
  auto next = values.begin();
  for (const ConcatParams& params : concat_launches(channels)) {
    const std::vector<std::size_t> sources(next, next + params.sources);
    next += params.sources;
    plan.add(node, bits ? "concat_u64_u64__cuda_simt" : "concat_b32_b32__cuda_simt", sources, params,
             bits ? launch_concat_bits : launch_concat_b32, [=, to = value](ConcatParams& p, const Frame& f) {
               for (std::size_t i = 0; i < sources.size(); ++i)
                 p.src[i] = pointer<void>(f.values[sources[i]]);
               p.dst = pointer<void>(f.values[to]);
               p.pixels = f.images * pixels;
             });
  }
}

}  // namespace binmorph::cuda
