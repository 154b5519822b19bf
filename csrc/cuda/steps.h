// Makes the launches of one node; a visitor of its operation.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <type_traits>

#include "cuda/plan.h"
#include "cuda/programs.h"
#include "kernels/max_pool/cuda_pool.h"
#include "kernels/threshold_conv2d/cuda_dense.h"
#include "kernels/threshold_conv2d/cuda_tiles.h"

namespace binmorph::cuda {

constexpr std::uint32_t narrow(std::size_t n) { return static_cast<std::uint32_t>(n); }

struct Maker {
  Plan& plan;
  std::size_t node, source, value;  // value: the number of what it writes
  const ValueType &in, &out;
  const ProgramPlan* program;  // of the group whose root the node is; empty: the node stands alone

  void elementwise() const;  // the program by itself
  void operator()(const LevelSets& op) const;
  void operator()(const PackBinary& op) const;
  void operator()(const Bisel& op) const;
  void operator()(const TruthTable& op) const;
  void operator()(const ThresholdConv2d& op) const;
  void operator()(const CountConv2d& op) const;
  void operator()(const TwoValueConv2d& op) const;
  void operator()(const PixelConv2d& op) const;
  void operator()(const Conv2d& op) const;
  void operator()(const Affine&) const { elementwise(); }
  void operator()(const Add&) const { elementwise(); }
  void operator()(const PRelu&) const { elementwise(); }
  void operator()(const Clamp&) const { elementwise(); }
  void operator()(const MaxPool& op) const;
  void operator()(const AvgPool& op) const;
  void operator()(const Concat& op) const;
  void operator()(const Flatten& op) const;
  void operator()(const ThresholdDense& op) const;
  void operator()(const Linear& op) const;

 private:
  using Pair = std::array<std::size_t, 2>;

  // Masks and border classes as constants of the plan.
  struct Masks {
    bool mma;
    kernels::ConvForm form;
    std::size_t plus, minus;
    std::string suffix() const;
    LaunchShape shape(const BitWindows& w) const {
      return mma ? launch_windows_mma(w) : launch_windows_simt(w);
    }
  };
  struct Classes {
    bool several = false;
    std::size_t row = 0, column = 0;
    PixelClasses at(const Frame& frame) const;
  };
  Masks masks(const ConvGeometry& g, const std::string& op, const std::uint64_t* plus,
              const std::uint64_t* minus) const;
  Classes classes(const Window& op, std::size_t count) const;
  static void set_windows(BitWindows& windows, const Masks& masks, const Classes& classes, const Frame& frame,
                          std::size_t from);

  // The same for the kernels of warpgroups.
  struct Tiles {
    std::string entry;
    kernels::ConvForm form;
    TilePlan plan;
    std::size_t packed;
  };
  struct LargeDense {
    std::string entry;
    kernels::ConvForm form;
    DensePlan plan;
    std::size_t packed;
  };
  std::optional<LargeDense> large_dense(const ConvGeometry& g, const std::uint64_t* plus,
                                        const std::uint64_t* minus,
                                        const std::vector<std::int32_t>* thresholds) const;
  std::optional<Tiles> tiles(const ConvGeometry& g, const std::string& op, const std::uint64_t* plus,
                             const std::uint64_t* minus, const std::vector<std::int32_t>* thresholds) const;

  // Launches `op` with the best kernel. thresholds: null where the result is numbers; fill: all but the
  // windows.
  template <class Params, class Fill>
  void windows(const std::string& op, const Params& params, const std::uint64_t* plus,
               const std::uint64_t* minus, const Classes& c, const std::vector<std::int32_t>* thresholds,
               Fill fill) const;

  // Windows over images, not padded, in one group; and those of a convolution.
  ConvGeometry geometry(const Pair& kernel, const Pair& stride, const Pair& dilation) const;
  ConvGeometry geometry(const Window& op) const;

  // Windows with their centre on the pixel (WindowShape).
  template <class Op>
  ConvGeometry centred(const Op& op) const {
    ConvGeometry g = geometry({op.kernel_h, op.kernel_w}, {1, 1}, {1, 1});
    const kernels::WindowShape shape{in.channels, in.height, in.width, op.kernel_h, op.kernel_w, op.border};
    g.top = static_cast<std::int32_t>(shape.top());
    g.left = static_cast<std::int32_t>(shape.left());
    g.border = op.border;
    return g;
  }

  Strides strides() const;                       // of the value that is read
  std::size_t stream(std::size_t number) const;  // a value of numbers, channels-last
  void from_rows() const;
  void threshold(const ConvGeometry& g, const Neurons& neurons, const std::vector<std::int32_t>& thresholds,
                 const Classes& classes) const;

  // The end of a sum: its values are stored, or go through the program that follows.
  struct Ending {
    ProgramPlan after;
    std::size_t to;
    template <class Params>
    void operator()(Params& p, const Frame& f) const {
      after.fill(p.program, f);
      p.y = after.empty() ? pointer<std::remove_pointer_t<decltype(p.y)>>(f.values[to]) : nullptr;
    }
  };
  template <class Params>
  Ending ending(Params& params) const {
    params.program = program->program();
    return {*program, value};
  }
  void ended() const {  // once the launch is there
    if (!program->empty()) plan.amend(program->reads(), program->writes());
  }
  void pool_numbers(const PoolParams& params, const std::string& entry) const;
  [[noreturn]] void unsupported(const std::string& why) const;
};

template <class Params, class Fill>
void Maker::windows(const std::string& op, const Params& params, const std::uint64_t* plus,
                    const std::uint64_t* minus, const Classes& c, const std::vector<std::int32_t>* thresholds,
                    Fill fill) const {
  const ConvGeometry& g = params.windows.geometry;
  const auto packed_windows = [&](const auto& packed, const auto& all, const auto& shape) {
    const Masks none{false, packed.form, 0, 0};
    plan.add(node, packed.entry, {source}, all, shape,
             [=, from = source, at = packed.packed](auto& p, const Frame& f) {
               set_windows(p.conv.windows, none, c, f, from);
               p.packed = pointer<unsigned char>(f.constants + at);
               fill(p.conv, f);
             });
  };
  if (const std::optional<Tiles> t = tiles(g, op, plus, minus, thresholds))
    return packed_windows(*t, Tiled<Params>{params, t->plan, nullptr}, launch_tiles<Params>);
  if constexpr (!std::is_same_v<Params, TwoValueConv2dParams>) {
    if (const std::optional<LargeDense> d = large_dense(g, plus, minus, thresholds))
      return packed_windows(*d, Dense<Params>{params, d->plan, nullptr}, launch_dense<Params>);
  }
  const Masks m = masks(g, op, plus, minus);
  plan.add(
      node, op + m.suffix(), {source}, params, [m](const Params& p) { return m.shape(p.windows); },
      [=, from = source](Params& p, const Frame& f) {
        set_windows(p.windows, m, c, f, from);
        fill(p, f);
      });
}

}  // namespace binmorph::cuda
