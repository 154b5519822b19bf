#include "binmorph/morphology.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "binmorph/cpu.h"
#include "binmorph/error.h"
#include "binmorph/shared_pool.h"
#include "flood.h"
#include "kernels/common/bits.h"
#include "kernels/registry.h"

namespace binmorph {
namespace {

constexpr std::size_t kBandBytes = 256 << 10;  // of all rows that wait between stages: they stay in L2
constexpr std::size_t kKeptWords = 1 << 19;    // a thread keeps its arena up to this size

kernels::Morphology2d* choose_kernel(Isa isa) {
  if (!isa_supported(isa)) throw Error(ErrorKind::isa, std::string("this machine lacks ") + isa_name(isa));
  kernels::Morphology2d* chosen = nullptr;
  for (const auto& kernel : kernels::kernel_list<kernels::Morphology2d>())
    if (kernel.isa <= isa && isa_supported(kernel.isa)) chosen = kernel.run;
  return chosen;
}

// Words aligned to cache lines, zero when new. Each thread keeps one for its next call.
class Arena {
 public:
  std::uint64_t* take(std::size_t words) {
    if (words > words_) {
      storage_.reset(new std::uint64_t[words + 8]());
      words_ = words;
    }
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.get());
    return storage_.get() + (64 - address % 64) % 64 / 8;
  }
  void release() {
    if (words_ <= kKeptWords) return;
    storage_.reset();
    words_ = 0;
  }

 private:
  std::unique_ptr<std::uint64_t[]> storage_;
  std::size_t words_ = 0;
};

Arena& thread_arena() {
  thread_local Arena arena;
  return arena;
}

// The rows [first, last) of a stage's result that a later stage still reads.
struct Window {
  std::uint64_t* rows = nullptr;
  std::size_t first = 0, last = 0;
};

// All stages on the rows [begin, end) of one image, the later stages following the first at a distance.
class Pipeline {
 public:
  Pipeline(const std::vector<MorphStage>& stages, const MorphImages& shape, std::size_t image,
           std::size_t rows, kernels::Morphology2d* kernel)
      : stages_(stages), shape_(shape), image_(image), row_words_(shape.row_words()), kernel_(kernel) {
    const std::size_t row_bytes = std::max<std::size_t>(8 * row_words_ * stages.size(), 1);
    band_ = stages.size() == 1 ? rows : std::clamp<std::size_t>(kBandBytes / row_bytes, 16, 512);
    band_ = std::max<std::size_t>(std::min(band_, rows), 1);
    std::size_t capacity = band_;
    std::size_t words = 0;
    capacities_.resize(stages.size());
    for (std::size_t s = stages.size(); s-- > 0;) {
      const kernels::SeProgram program = stages[s].plan->program();
      programs_.insert(programs_.begin(), program);
      capacities_[s] = capacity;  // rows of the result of stage s at a time
      // A masked stage also reads the row that it writes, which its element may not reach.
      const auto below = std::max<std::int64_t>(std::int64_t{program.top} + program.reach, 0);
      const std::int64_t above = std::min(program.top, 0);
      capacity = std::min(capacity + static_cast<std::size_t>(below - above), shape.height);
      if (s + 1 < stages.size()) words += round_up(capacities_[s] * row_words_);
      scratch_words_ = std::max(scratch_words_, kernels::morph_scratch_words(program, kernel_shape(s, 0)));
    }
    scratch_ = thread_arena().take(round_up(scratch_words_) + words);
    std::uint64_t* free = scratch_ + round_up(scratch_words_);
    windows_.resize(stages.size());
    for (std::size_t s = 0; s + 1 < stages.size(); ++s) {
      windows_[s].rows = free;
      free += round_up(capacities_[s] * row_words_);
    }
  }
  ~Pipeline() { thread_arena().release(); }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  void run(const std::uint64_t* src, std::uint64_t* dst, std::size_t begin, std::size_t end) {
    src_ = src;
    for (std::size_t y = begin; y < end; y += band_)
      run_stage(stages_.size() - 1, y, std::min(y + band_, end), dst + y * row_words_);
  }

 private:
  static std::size_t round_up(std::size_t words) { return (words + 7) / 8 * 8; }

  kernels::MorphShape kernel_shape(std::size_t stage, std::size_t first) const {
    return {shape_.height,         shape_.row_bits,       shape_.lanes,
            stages_[stage].dilate, stages_[stage].border, first};
  }

  void run_stage(std::size_t s, std::size_t begin, std::size_t end, std::uint64_t* dst) {
    const kernels::SeProgram& program = programs_[s];
    const auto clip = [&](std::int64_t y) {
      return static_cast<std::size_t>(
          std::clamp<std::int64_t>(y, 0, static_cast<std::int64_t>(shape_.height)));
    };
    std::size_t low = clip(static_cast<std::int64_t>(begin) + program.top);
    std::size_t high = clip(static_cast<std::int64_t>(end) + program.top + program.reach);
    if (stages_[s].mask != nullptr) {
      low = std::min(low, begin);
      high = std::max(high, end);
    }
    const std::uint64_t* src = src_;
    std::size_t first = 0;
    if (s != 0) {
      src = advance(s - 1, low, high);
      first = windows_[s - 1].first;
    }
    kernel_(program, kernel_shape(s, first), src, dst, begin, end, scratch_);
    if (stages_[s].mask != nullptr) keep_unmasked(s, src + (begin - first) * row_words_, begin, end, dst);
  }

  // Makes the window of stage s hold rows [low, high), of which the first ones may be there already.
  const std::uint64_t* advance(std::size_t s, std::size_t low, std::size_t high) {
    Window& window = windows_[s];
    if (low >= window.last) {
      window.first = window.last = low;
    } else if (low > window.first) {
      std::memmove(window.rows, window.rows + (low - window.first) * row_words_,
                   (window.last - low) * row_words_ * sizeof(std::uint64_t));
      window.first = low;
    }
    while (window.last < high) {
      const std::size_t end = std::min(high, window.last + capacities_[s]);
      run_stage(s, window.last, end, window.rows + (window.last - window.first) * row_words_);
      window.last = end;
    }
    return window.rows;
  }

  void keep_unmasked(std::size_t s, const std::uint64_t* src, std::size_t begin, std::size_t end,
                     std::uint64_t* dst) const {
    const std::uint64_t* mask = stages_[s].mask + image_ * shape_.image_words() + begin * row_words_;
    const std::size_t words = (end - begin) * row_words_;
    for (std::size_t i = 0; i < words; ++i) dst[i] = src[i] ^ ((src[i] ^ dst[i]) & mask[i]);
  }

  const std::vector<MorphStage>& stages_;
  const MorphImages& shape_;
  const std::size_t image_, row_words_;
  kernels::Morphology2d* kernel_;
  std::vector<kernels::SeProgram> programs_;
  std::vector<std::size_t> capacities_;
  std::vector<Window> windows_;
  std::size_t band_, scratch_words_ = 0;
  std::uint64_t* scratch_;
  const std::uint64_t* src_ = nullptr;
};

// Small elements that contain their centre: a flood visits what changed instead of the whole image. An
// erosion is a dilation of the complement.
std::optional<std::size_t> flood_images(const MorphStage& stage, const MorphImages& shape,
                                        std::uint64_t* words, std::size_t limit, std::size_t threads) {
  const kernels::SeProgram program = stage.plan->program();
  const std::optional<FloodElement> element = FloodElement::from(program.points, program.point_count);
  if (!element || shape.lanes != 0) return std::nullopt;
  const std::size_t size = shape.image_words(), row_words = shape.row_words();
  const auto complement = [&](std::uint64_t* image) {
    for (std::size_t i = 0; i < size; ++i)
      image[i] ^= (i + 1) % row_words == 0 ? tail_mask(shape.row_bits) : ~std::uint64_t{0};
  };
  std::vector<std::size_t> times(shape.images);
  run_shared(threads, shape.images, [&](std::size_t i) {
    std::uint64_t* image = words + i * size;
    if (!stage.dilate) complement(image);
    times[i] = flood(*element, shape.height, shape.row_bits, stage.border == stage.dilate,
                     stage.mask == nullptr ? nullptr : stage.mask + i * size, image, limit);
    if (!stage.dilate) complement(image);
  });
  return *std::max_element(times.begin(), times.end());
}

}  // namespace

std::size_t MorphImages::row_words() const { return words_for(row_bits); }

void run_stages(const std::vector<MorphStage>& stages, const MorphImages& shape, const std::uint64_t* src,
                std::uint64_t* dst, std::size_t threads, Isa isa) {
  kernels::Morphology2d* kernel = choose_kernel(isa);
  const std::size_t words = shape.image_words();
  if (shape.images == 0 || words == 0) return;
  if (stages.empty()) {
    std::memcpy(dst, src, shape.images * words * sizeof(std::uint64_t));
    return;
  }
  // Few images: each is cut into bands, one per thread. Many: a thread takes whole images.
  const std::size_t cuts = std::min(shape.height, (threads + shape.images - 1) / shape.images);
  const std::size_t chunks = std::min(shape.images, threads);
  const std::size_t rows = (shape.height + cuts - 1) / cuts;
  const auto task = [&](std::size_t index) {
    const std::size_t chunk = index / cuts, begin = index % cuts * rows,
                      end = std::min(begin + rows, shape.height);
    for (std::size_t i = shape.images * chunk / chunks; i < shape.images * (chunk + 1) / chunks; ++i)
      Pipeline(stages, shape, i, rows, kernel).run(src + i * words, dst + i * words, begin, end);
  };
  run_shared(threads, chunks * cuts, task);
}

std::size_t run_until_stable(const MorphStage& stage, const MorphImages& shape, std::uint64_t* words,
                             std::size_t limit, std::size_t threads, Isa isa) {
  const std::size_t count = shape.images * shape.image_words();
  if (count == 0) return 1;
  if (const auto times = flood_images(stage, shape, words, limit, threads)) return *times;
  const std::unique_ptr<std::uint64_t[]> next(new std::uint64_t[count]);
  for (std::size_t times = 1;; ++times) {
    run_stages({stage}, shape, words, next.get(), threads, isa);
    const bool changed = std::memcmp(words, next.get(), count * sizeof(std::uint64_t)) != 0;
    std::memcpy(words, next.get(), count * sizeof(std::uint64_t));
    if (!changed || times == limit) return times;
  }
}

}  // namespace binmorph
