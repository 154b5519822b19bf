// Stages of image morphology kept ready for many calls, on arrays that are checked at each.
#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "binmorph/morphology.h"
#include "kernel_args.h"

namespace binmorph::python {

using Words = py::array_t<std::uint64_t, py::array::c_style>;
using Element = std::variant<std::shared_ptr<SePlan>, std::shared_ptr<SeVolume>, std::shared_ptr<RankPlan>>;

constexpr std::size_t kAlignedFrom = 512, kHugeFrom = std::size_t{1} << 19;  // words

// Memory on huge pages. The last block that was given back is kept for the next call: the system clears new
// pages, which takes as long as packing the image.
struct HugeBlock {
  static constexpr std::align_val_t page{2 << 20};
  static constexpr std::size_t kKeptBytes = 32 << 20;

  explicit HugeBlock(std::size_t size) : bytes(size), memory(::operator new(size, page)) {
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, bytes, MADV_HUGEPAGE);  // a hint only
#endif
  }
  ~HugeBlock() { ::operator delete(memory, page); }
  HugeBlock(const HugeBlock&) = delete;
  HugeBlock& operator=(const HugeBlock&) = delete;

  static HugeBlock* take(std::size_t size) {
    HugeBlock* block = kept().exchange(nullptr);
    if (block != nullptr && block->bytes == size) return block;
    delete block;
    return new HugeBlock(size);
  }
  static void give_back(void* p) {
    auto* block = static_cast<HugeBlock*>(p);
    if (block->bytes <= kKeptBytes) block = kept().exchange(block);
    delete block;
  }

  const std::size_t bytes;
  void* const memory;

 private:
  static std::atomic<HugeBlock*>& kept() {
    static std::atomic<HugeBlock*> block{nullptr};
    return block;
  }
};

inline Words huge_words(const std::vector<py::ssize_t>& extents, std::size_t bytes) {
  HugeBlock* block = HugeBlock::take(bytes);
  const py::capsule owner(block, &HugeBlock::give_back);
  return Words(extents, static_cast<std::uint64_t*>(block->memory), owner);
}

// Not initialised. Many words lie on a cache line (vectors across two lines cost twice; numpy's own lie on
// one only by chance), very many on huge pages.
inline Words empty_words(const py::ssize_t* shape, py::ssize_t ndim) {
  const std::vector<py::ssize_t> extents(shape, shape + ndim);
  std::size_t words = 1;
  for (const py::ssize_t n : extents) {
    if (n < 0) throw py::value_error("negative extent");
    words = product({words, static_cast<std::size_t>(n)});
  }
  if (words < kAlignedFrom) return Words(extents);
  const std::size_t bytes = product({words, sizeof(std::uint64_t)});
  if (words >= kHugeFrom) return huge_words(extents, bytes);
  constexpr std::align_val_t line{64};
  void* memory = ::operator new(bytes, line);
  const py::capsule owner(memory, [](void* p) { ::operator delete(p, line); });
  return Words(extents, static_cast<std::uint64_t*>(memory), owner);
}

struct Call {
  MorphImages shape;
  std::size_t words, threads;
  Isa isa;
};

// extents: of the images, any number of axes; with lanes, those of one image.
inline Call checked(const py::tuple& extents, std::size_t lanes, std::size_t threads,
                    const std::string& isa) {
  std::size_t last[2] = {1, 1}, images = 1;
  const std::size_t axes = extents.size();
  std::vector<std::size_t> lead;
  for (std::size_t i = 0; i < axes; ++i) {
    const auto n = py::cast<std::size_t>(extents[i]);
    if (i + 2 >= axes) {
      last[i + 2 - axes] = n;
    } else {
      lead.push_back(n);
      images = product({images, n});
    }
  }
  const auto [height, width] = last;
  const std::size_t row_bits = product({width, lanes == 0 ? 1 : 64 * lanes});
  if (threads == 0) throw py::value_error("threads must be at least 1");
  if (product({row_bits, 2}) > SIZE_MAX - 128) throw py::value_error("the extents overflow 64 bits");
  return {{images, height, row_bits, lanes, std::move(lead)},
          product({images, height, words_for(row_bits)}),
          threads,
          isa.empty() ? default_isa() : isa_from_name(isa)};
}

class Chain {
 public:
  // Not a pointer: pybind11 looks long for a conversion of None to one.
  using Other = std::optional<std::reference_wrapper<const Chain>>;

  explicit Chain(const std::vector<std::tuple<Element, bool, bool>>& stages) : elements_(stages) {
    for (const auto& [element, dilate, border] : stages) {
      MorphStage stage{nullptr, dilate, border, nullptr};
      bool planar = false;
      if (const auto* plan = std::get_if<std::shared_ptr<SePlan>>(&element)) {
        stage.plan = plan->get();
        planar = stage.plan->planar();
      } else if (const auto* volume = std::get_if<std::shared_ptr<SeVolume>>(&element)) {
        stage.volume = volume->get();
      } else {
        stage.rank = std::get<std::shared_ptr<RankPlan>>(element).get();
      }
      if (!stages_.empty() && planar != planar_)
        throw py::value_error("elements of one chain must be compiled for one layout");
      planar_ = planar;
      stages_.push_back(stage);
    }
  }

  // Without dst: new words of the shape of src.
  py::array run(const py::array& src, const std::optional<py::array>& target, const py::tuple& extents,
                const std::optional<Words>& mask, const Other& without, std::size_t threads,
                const std::string& isa) const {
    const Call call = checked(extents, lanes(src), threads, isa);
    const std::size_t pixels = product({call.shape.images, call.shape.height, call.shape.row_bits});
    if (without && without->get().planar_ != planar_)
      throw py::value_error("elements of one chain must be compiled for one layout");
    if (!target && src.itemsize() == 1) throw py::value_error("bytes need a dst");
    const py::array dst = target ? *target : empty_words(src.shape(), src.ndim());
    MorphSource from{};
    MorphTarget to{};
    Out out = dst;
    if (src.itemsize() != 1) {
      from.words = input<std::uint64_t>(src, "src", call.words);
    } else {
      from.bytes = bytes<const std::uint8_t>(src, "src", pixels, call);
    }
    if (dst.itemsize() != 1) {
      to.words = output<std::uint64_t>(out, call.words, "output");
    } else {
      to.bytes = bytes<std::uint8_t>(dst, "output", pixels, call);
      if (!dst.writeable()) throw py::value_error("output is read-only");
    }
    const std::uint64_t* bits = mask ? input<std::uint64_t>(*mask, "mask", call.words) : nullptr;
    const std::vector<MorphStage> own = stages(bits, call);
    std::vector<MorphStage> others;
    if (without) others = without->get().stages(bits, call);
    // What is still read must not be written over: the result is made apart and copied.
    const bool apart = overlap(src, dst) || (mask && overlap(*mask, dst));
    std::unique_ptr<std::uint64_t[]> made;
    const MorphTarget final = to;
    const std::size_t size = static_cast<std::size_t>(final.words != nullptr ? 8 * call.words : pixels);
    if (apart) {
      made.reset(new std::uint64_t[size / 8 + 1]);
      if (final.words != nullptr) {
        to.words = made.get();
      } else {
        to.bytes = reinterpret_cast<std::uint8_t*>(made.get());
      }
    }
    {
      const py::gil_scoped_release release;
      run_stages(own, without ? &others : nullptr, call.shape, from, to, call.threads, call.isa);
      if (apart)
        std::memcpy(final.words != nullptr ? static_cast<void*>(final.words) : final.bytes, made.get(), size);
    }
    return dst;
  }

  std::size_t until_stable(const py::array& words, const py::tuple& extents, const std::optional<Words>& mask,
                           std::size_t limit, std::size_t threads, const std::string& isa) const {
    const Call call = checked(extents, lanes(words), threads, isa);
    if (stages_.size() != 1) throw py::value_error("one stage is repeated, not several");
    Out out = words;
    std::uint64_t* data = output<std::uint64_t>(out, call.words, "words");
    const std::uint64_t* bits = mask ? input<std::uint64_t>(*mask, "mask", call.words) : nullptr;
    const MorphStage stage = stages(bits, call)[0];
    const py::gil_scoped_release release;
    return run_until_stable(stage, call.shape, data, limit, call.threads, call.isa);
  }

 private:
  std::size_t lanes(const py::array& words) const {
    if (!planar_) return 0;
    if (words.ndim() == 0) throw py::value_error("bit planes have an axis of words");
    return static_cast<std::size_t>(words.shape(words.ndim() - 1));
  }

  std::vector<MorphStage> stages(const std::uint64_t* mask, const Call& call) const {
    std::vector<MorphStage> result = stages_;
    for (MorphStage& stage : result) {
      if (stage.volume != nullptr && !stage.volume->parts.empty() &&
          stage.volume->axes != call.shape.lead.size())
        throw py::value_error("the volume has other axes than the images");
      stage.mask = mask;
    }
    return result;
  }

  static bool overlap(const py::array& a, const py::array& b) {
    const auto first = reinterpret_cast<std::uintptr_t>(a.data()),
               second = reinterpret_cast<std::uintptr_t>(b.data());
    return first < second + static_cast<std::size_t>(b.nbytes()) &&
           second < first + static_cast<std::size_t>(a.nbytes());
  }

  template <class T>
  static T* bytes(const py::array& array, const char* name, std::size_t pixels, const Call& call) {
    if (call.shape.lanes != 0) throw py::value_error(std::string(name) + " must be words");
    if ((array.flags() & py::array::c_style) == 0)
      throw py::value_error(std::string(name) + " must be C-contiguous");
    check_size(name, static_cast<std::size_t>(array.size()), pixels);
    return static_cast<T*>(const_cast<void*>(array.data()));
  }

  std::vector<std::tuple<Element, bool, bool>> elements_;  // own what the stages point to
  std::vector<MorphStage> stages_;
  bool planar_ = false;
};

}  // namespace binmorph::python
