// One node made runnable for one layout: kernels chosen, masks packed for them, memory known.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binmorph/cpu.h"
#include "binmorph/graph.h"
#include "binmorph/thread_pool.h"
#include "kernels/registry.h"

namespace binmorph {

enum class Layout {
  rows,    // one image at a time; an image row starts on a word, features are dense bits
  planes,  // a block of images; one plane of kLaneWords words per pixel or feature, one image per bit
};

const char* layout_name(Layout layout);

// How an image lies in the layout of rows. Flat values are the same in both: dense bits, or numbers.
enum class Packing {
  rows,      // bits [channels][height][words_for(width)]
  channels,  // bits [height][width][words_for(channels)], numbers [height][width][channels]: convolutions
};

inline constexpr std::size_t kLaneWords = 4;  // 256 images, one AVX2 vector
inline constexpr std::size_t kBlockImages = 64 * kLaneWords;

// Words that a value of this type takes in the arena, for one unit (an image, or a block of images).
std::size_t value_words(const ValueType& type, Layout layout, Packing packing = Packing::rows);

// The caller's images: values, or bits that are already packed (then `values` is null).
struct NetworkInput {
  const void* values;
  const std::uint64_t* packed;
  Packing packing;    // of those bits
  std::size_t first;  // number of the first image in the caller's batch, for messages
};

// Error(domain) for an element that is neither 0 nor 1, of an image of the caller's batch.
[[noreturn]] void throw_not_binary(double value, std::size_t element, std::size_t image);

struct StepInput {
  NetworkInput network;        // at the unit's first image
  const std::uint64_t* value;  // the value read (unused by steps that read the network's input)
  // The other values read, in order, and then every value written (the first of which is `out`, too).
  void* const* streams;
  std::size_t images;  // 1, or for planes and for steps that take blocks, those of the unit
  ThreadPool* pool;    // null: stay on the calling thread
};

class Step {
 public:
  virtual ~Step() = default;
  virtual void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const = 0;

  std::size_t scratch_words = 0;
  double cost = 0;  // estimated vector operations per unit
  Packing reads = Packing::rows, writes = Packing::rows;
  bool blocks = false;  // in rows: takes all images of a unit at once, one after the other in memory
  bool loads = false;   // reads the network's input itself, in the caller's order of channels
  bool alias = false;   // the output is the input, bit for bit and word for word: nothing to run
  // Streams (a value read, a value written) of which each number is read before it is written: they may share
  // memory if nobody else reads the first.
  std::vector<std::pair<std::size_t, std::size_t>> in_place;
  std::vector<std::string> kernels;  // what will run, by name
  struct Rival {
    std::string kernel;
    double cost;
  };
  std::vector<Rival> rivals;  // what would have run in their place, but costs more
};

// The best registered kernel whose instruction set is not above `isa`.
template <class Fn>
const kernels::Kernel<Fn>& best_kernel(Isa isa) {
  const kernels::Kernel<Fn>* best = nullptr;
  for (const kernels::Kernel<Fn>& k : kernels::kernel_list<Fn>())
    if (k.isa <= isa && isa_supported(k.isa) && (best == nullptr || k.isa > best->isa)) best = &k;
  return *best;
}

// The same; its name is added to the step's list.
template <class Fn>
Fn* select_kernel(Isa isa, Step& step) {
  const kernels::Kernel<Fn>& best = best_kernel<Fn>(isa);
  step.kernels.emplace_back(best.name);
  return best.run;
}

constexpr std::size_t max_pieces(std::size_t threads) { return threads < 2 ? 1 : 2 * threads; }

// Pieces for work of this cost in vector operations: one where a hand-over costs about as much, one for each
// thread, and of long work more, so that a thread that is held up does not hold up all.
constexpr std::size_t pieces_for(double cost, std::size_t threads) {
  constexpr double kWorthAHandOver = 15000, kLong = 400000;  // some 2 and 50 microseconds
  if (threads < 2 || cost < kWorthAHandOver) return 1;
  return cost < kLong ? threads : max_pieces(threads);
}

// Calls body(piece, begin, end) over [0, count), cut in `pieces`.
template <class Body>
void split(ThreadPool* pool, std::size_t count, std::size_t pieces, const Body& body) {
  pieces = std::min(count, pieces);
  if (pool == nullptr || pieces < 2) return body(0, 0, count);
  pool->run(pieces, [&](std::size_t i) { body(i, count * i / pieces, count * (i + 1) / pieces); });
}

// The same, in as many pieces as the cost is worth.
template <class Body>
void split(ThreadPool* pool, std::size_t count, double cost, const Body& body) {
  split(pool, count, pool == nullptr ? std::size_t{1} : pieces_for(cost, pool->threads()), body);
}

// Estimated vector operations, two a cycle, of programs on planes and of an elementwise program.
// Of the neurons of a plane program only those count that `same_as` (if given) says are themselves.
double plane_program_cost(const kernels::PlaneProgram& program, const kernels::PlaneShape& shape, Isa isa,
                          const std::vector<std::size_t>* same_as = nullptr);
double decision_program_cost(const kernels::DecisionProgram& program, const kernels::PlaneShape& shape,
                             Isa isa);
double elementwise_cost(const std::vector<kernels::ElementwiseStep>& steps, std::size_t pixels,
                        std::size_t channels, Isa isa);

// Kernels that move bits, and what a unit of their work is.
enum class Move {
  level_set_f32,  // packing: a word of a row
  level_set_u8,
  pack_binary_f32,
  pack_binary_u8,
  images_to_planes,  // 64 x 64 bits of a block of images
  planes_to_images,
  rows_to_channels,  // 64 x 64 bits of an image
  channels_to_rows,
  max_pool_rows,     // a word of a row and a row or column of the window, per row of the result
  max_pool_planes,   // four words of a pixel and a tap of the window, per pixel of the result
  window_rows,       // a word written, in rows of one word
  window_wide_rows,  // and in longer ones
  window_planes,
  flatten,      // a word of a row
  linear_bits,  // a bit, per pass over the outputs
};
double move_cost(Move move, std::size_t units, Isa isa);

constexpr std::size_t round_to_line(std::size_t words) { return (words + 7) / 8 * 8; }  // of 64 bytes

struct Target {
  Layout layout;
  Isa isa;
  std::size_t threads;
  std::size_t images = 1;  // most in a unit of rows
};

// Bits of one image [channels, height, width] from one packing to the other: row by row of the image, a
// matrix of channels x pixels is transposed.
class Repacker {
 public:
  Repacker(const ValueType& type, Packing to, Isa isa);
  const char* kernel() const { return name_; }
  void run(const std::uint64_t* from, std::uint64_t* to) const;
  double cost() const;

 private:
  ValueType type_;
  Isa isa_;
  const char* name_;
  kernels::ImagesToPlanes* to_channels_ = nullptr;  // either this or the other
  kernels::PlanesToImages* to_rows_ = nullptr;
};

struct Fused;

// `packing`: of what it writes, in rows.
std::unique_ptr<Step> make_pack_step(const Node& node, const ValueType& in, Packing packing,
                                     const Target& target);
std::unique_ptr<Step> make_bisel_step(const Bisel& op, const ValueType& in, const Target& target);
std::unique_ptr<Step> make_truth_table_step(const TruthTable& op, const ValueType& in, const Target& target);
std::unique_ptr<Step> make_conv2d_step(const ThresholdConv2d& op, const ValueType& in, const Target& target);
std::unique_ptr<Step> make_repack_step(const ValueType& type, Packing to, const Target& target);
// Pooling and flattening of bits read what there is.
std::unique_ptr<Step> make_max_pool_step(const MaxPool& op, const ValueType& in, Packing packing,
                                         const Target& target);
std::unique_ptr<Step> make_flatten_step(const ValueType& in, Packing packing, const Target& target);
std::unique_ptr<Step> make_dense_step(const ThresholdDense& op, const ValueType& in, const Target& target);
std::unique_ptr<Step> make_linear_step(const Linear& op, const ValueType& in, const Target& target);

// Numbers, one image at a time. All read and write Packing::channels.
// The network's input as a value: float32 or uint8, channels-last.
std::unique_ptr<Step> make_load_step(const ValueType& type, const Target& target);
// A convolution or an elementwise node and what is fused behind it.
std::unique_ptr<Step> make_sums_step(const Graph& graph, const Fused& fused, const Target& target);
std::unique_ptr<Step> make_level_sets_step(const LevelSets& op, const ValueType& in, const Target& target);
std::unique_ptr<Step> make_float_linear_step(const Linear& op, const ValueType& in, const Target& target);
std::unique_ptr<Step> make_float_pool_step(const kernels::PoolShape& shape, kernels::PoolKind kind,
                                           const Target& target);
std::unique_ptr<Step> make_concat_step(const std::vector<ValueType>& in, const Target& target);
std::unique_ptr<Step> make_flatten_values_step(const ValueType& in, const Target& target);

// Writes a value for the caller: bits as bytes 0 or 1, numbers as they are, [images][size].
class Unloader {
 public:
  Unloader(const ValueType& type, Layout layout, Packing packing, Isa isa);
  void run(const std::uint64_t* value, std::size_t images, void* dst, std::uint64_t* scratch) const;
  // Bits of one image (not of planes) as packed bits.
  void pack(const std::uint64_t* value, Packing packing, std::uint64_t* dst) const;
  std::size_t scratch_words() const;

 private:
  ValueType type_;
  Layout layout_;
  Packing packing_;
  kernels::UnpackU8* unpack_;
  kernels::PlanesToImages* planes_to_images_;
  kernels::FlattenValues* flatten_;
  std::optional<Repacker> repacker_;  // to the other packing, where there is one
};

}  // namespace binmorph
