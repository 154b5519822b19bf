// Numbers that only move, or are pooled or compared, one image at a time.
#include "binmorph/step.h"
#include "kernels/common/bits.h"
#include "kernels/common/interleave.h"
#include "pooled_rows.h"

namespace binmorph {
namespace {

class LoadStep final : public Step {
 public:
  explicit LoadStep(const ValueType& type) : type_(type) {
    reads = writes = Packing::channels;
    cost = static_cast<double>(type.size());
  }
  void run(const StepInput& in, std::uint64_t* out, std::uint64_t*) const override {
    split(in.pool, type_.height * type_.width, cost, [&](std::size_t, std::size_t begin, std::size_t end) {
      if (type_.kind == ValueKind::uint8)
        load(static_cast<const std::uint8_t*>(in.network.values), begin, end,
             reinterpret_cast<std::uint8_t*>(out));
      else
        load(static_cast<const float*>(in.network.values), begin, end, reinterpret_cast<float*>(out));
    });
  }

 private:
  template <class T>
  void load(const T* image, std::size_t begin, std::size_t end, T* out) const {
    kernels::interleave(image + begin, type_.height * type_.width, type_.channels, end - begin,
                        out + begin * type_.channels);
  }

  ValueType type_;
};

class LevelSetsStep final : public Step {
 public:
  LevelSetsStep(const LevelSets& op, const ValueType& in, const Target& target)
      : pixels_(in.height * in.width), channels_(in.channels), levels_(op.levels), values_(op.values) {
    reads = writes = Packing::channels;
    if (in.kind == ValueKind::int32)
      run_i32_ = select_kernel<kernels::LevelSetsI32>(target.isa, *this);
    else
      run_f32_ = select_kernel<kernels::LevelSetsF32>(target.isa, *this);
    cost = static_cast<double>(pixels_ * values_.size());
  }
  void run(const StepInput& in, std::uint64_t* out, std::uint64_t*) const override {
    if (run_i32_ != nullptr)
      run_i32_(reinterpret_cast<const std::int32_t*>(in.value), pixels_, channels_, levels_, values_.data(),
               out);
    else
      run_f32_(reinterpret_cast<const float*>(in.value), pixels_, channels_, levels_, values_.data(), out);
  }

 private:
  std::size_t pixels_, channels_, levels_;
  std::vector<float> values_;
  kernels::LevelSetsI32* run_i32_ = nullptr;
  kernels::LevelSetsF32* run_f32_ = nullptr;
};

class FloatPoolStep final : public Step {
 public:
  FloatPoolStep(const kernels::PoolShape& shape, kernels::PoolKind kind, const Target& target)
      : shape_(shape), kind_(kind) {
    reads = writes = Packing::channels;
    pool_ = select_kernel<kernels::FloatPool>(target.isa, *this);
    cost = float_pool_cost(shape);
  }
  void run(const StepInput& in, std::uint64_t* out, std::uint64_t*) const override {
    split(in.pool, shape_.out_height(), cost, [&](std::size_t, std::size_t begin, std::size_t end) {
      pool_(shape_, kind_, reinterpret_cast<const float*>(in.value), reinterpret_cast<float*>(out), begin,
            end);
    });
  }

 private:
  kernels::PoolShape shape_;
  kernels::PoolKind kind_;
  kernels::FloatPool* pool_ = nullptr;
};

class ConcatStep final : public Step {
 public:
  ConcatStep(const std::vector<ValueType>& in, const Target& target)
      : pixels_(in.front().height * in.front().width) {
    reads = writes = Packing::channels;
    for (const ValueType& type : in) channels_.push_back(type.channels);
    if (in.front().kind == ValueKind::bits)
      bits_ = select_kernel<kernels::ConcatBits>(target.isa, *this);
    else
      values_ = select_kernel<kernels::ConcatValues>(target.isa, *this);
    scratch_words = channels_.size();
    for (const ValueType& type : in)
      cost += static_cast<double>(value_words(type, target.layout, Packing::channels)) / 2;
  }
  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    auto* parts = reinterpret_cast<const void**>(scratch);
    parts[0] = in.value;
    for (std::size_t i = 1; i < channels_.size(); ++i) parts[i] = in.streams[i - 1];
    if (bits_ != nullptr)
      bits_(reinterpret_cast<const std::uint64_t* const*>(parts), channels_.data(), channels_.size(), pixels_,
            out);
    else
      values_(parts, channels_.data(), channels_.size(), pixels_, out);
  }

 private:
  std::size_t pixels_;
  std::vector<std::size_t> channels_;
  kernels::ConcatBits* bits_ = nullptr;
  kernels::ConcatValues* values_ = nullptr;
};

class FlattenValuesStep final : public Step {
 public:
  FlattenValuesStep(const ValueType& in, const Target& target)
      : pixels_(in.height * in.width), channels_(in.channels) {
    reads = writes = Packing::channels;
    flatten_ = select_kernel<kernels::FlattenValues>(target.isa, *this);
    cost = static_cast<double>(in.size());
  }
  void run(const StepInput& in, std::uint64_t* out, std::uint64_t*) const override {
    flatten_(in.value, pixels_, channels_, out);
  }

 private:
  std::size_t pixels_, channels_;
  kernels::FlattenValues* flatten_ = nullptr;
};

}  // namespace

std::unique_ptr<Step> make_load_step(const ValueType& type, const Target&) {
  return std::make_unique<LoadStep>(type);
}

std::unique_ptr<Step> make_level_sets_step(const LevelSets& op, const ValueType& in, const Target& target) {
  return std::make_unique<LevelSetsStep>(op, in, target);
}

std::unique_ptr<Step> make_float_pool_step(const kernels::PoolShape& shape, kernels::PoolKind kind,
                                           const Target& target) {
  return std::make_unique<FloatPoolStep>(shape, kind, target);
}

std::unique_ptr<Step> make_concat_step(const std::vector<ValueType>& in, const Target& target) {
  return std::make_unique<ConcatStep>(in, target);
}

std::unique_ptr<Step> make_flatten_values_step(const ValueType& in, const Target& target) {
  return std::make_unique<FlattenValuesStep>(in, target);
}

}  // namespace binmorph
