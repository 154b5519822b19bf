#include "binmorph/morphology.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "binmorph/cpu.h"
#include "binmorph/error.h"
#include "binmorph/shared_pool.h"
#include "flood.h"
#include "kernels/common/bits.h"
#include "morph_arena.h"
#include "morph_pipeline.h"
#include "settle.h"

namespace binmorph {
namespace {

constexpr std::size_t kBandBytes = 256 << 10;  // of all rows that wait between stages: they stay in L2

template <class Fn>
Fn* best_kernel(Isa isa) {
  Fn* chosen = nullptr;
  for (const auto& kernel : kernels::kernel_list<Fn>())
    if (kernel.isa <= isa && isa_supported(kernel.isa)) chosen = kernel.run;
  return chosen;
}

// Small images take less time than a look at what the CPU has: it is done once.
const MorphKernels& choose_kernels(Isa isa) {
  static const std::array<MorphKernels, kIsaCount> chosen = [] {
    std::array<MorphKernels, kIsaCount> result{};
    for (int i = 0; i < kIsaCount; ++i)
      if (const Isa up_to = static_cast<Isa>(i); isa_supported(up_to))
        result[static_cast<std::size_t>(i)] = {
            best_kernel<kernels::Morphology2d>(up_to), best_kernel<kernels::LevelSetU8>(up_to),
            best_kernel<kernels::UnpackU8>(up_to), best_kernel<kernels::ThresholdPlanes>(up_to)};
    return result;
  }();
  const MorphKernels& kernels = chosen[static_cast<std::size_t>(isa)];
  if (kernels.morphology == nullptr)
    throw Error(ErrorKind::isa, std::string("this machine lacks ") + isa_name(isa));
  return kernels;
}

// One thread's part of a call: a stage sequence, perhaps another one, and the bands that go through them.
class BandWorker {
 public:
  BandWorker(const std::vector<MorphStage>& stages, const std::vector<MorphStage>* without,
             const MorphImages& shape, const MorphSource& src, const MorphTarget& dst, std::size_t rows,
             const MorphKernels& kernels)
      : shape_(shape),
        src_(src),
        dst_(dst),
        kernels_(kernels),
        streams_(shape.images * shape.height * shape.row_bits >= kernels::kStreamedBytes),
        band_(band_rows(stages.size() + (without == nullptr ? 0 : without->size()), rows)),
        pipeline_(stages, shape, band_, src.bytes != nullptr, kernels) {
    const std::size_t band_words = (band_ * shape.row_words() + 7) / 8 * 8;
    const std::size_t bands = (dst.bytes != nullptr ? 1 : 0) + (without != nullptr ? 1 : 0);
    if (without != nullptr) other_.emplace(*without, shape, band_, src.bytes != nullptr, kernels);
    const std::size_t scratch =
        std::max(pipeline_.scratch_words(), other_ ? other_->scratch_words() : std::size_t{0});
    const std::size_t own = pipeline_.window_words(), others = other_ ? other_->window_words() : 0;
    std::uint64_t* memory = morph_arena().take(scratch + own + others + bands * band_words);
    pipeline_.place(memory, memory + scratch);
    if (other_) other_->place(memory, memory + scratch + own);
    result_ = memory + scratch + own + others;
    removed_ = result_ + (dst.bytes != nullptr ? band_words : 0);
  }
  ~BandWorker() { morph_arena().release(); }
  BandWorker(const BandWorker&) = delete;
  BandWorker& operator=(const BandWorker&) = delete;

  void run(std::size_t image, std::size_t begin, std::size_t end) {
    pipeline_.start(src_, image);
    if (other_) other_->start(src_, image);
    for (std::size_t y = begin; y < end; y += band_) run_band(image, y, std::min(y + band_, end));
  }

 private:
  // A single stage on words passes them once; everything else does so in bands that stay in the cache.
  std::size_t band_rows(std::size_t stages, std::size_t rows) const {
    if (stages == 1 && src_.bytes == nullptr && dst_.bytes == nullptr) return std::max<std::size_t>(rows, 1);
    const std::size_t row_bytes = std::max<std::size_t>(8 * shape_.row_words() * (stages + 1), 1);
    return std::max<std::size_t>(std::min(std::clamp<std::size_t>(kBandBytes / row_bytes, 16, 512), rows), 1);
  }

  void run_band(std::size_t image, std::size_t begin, std::size_t end) {
    const std::size_t words = (end - begin) * shape_.row_words();
    std::uint64_t* result = result_;
    if (dst_.words != nullptr)
      result = dst_.words + image * shape_.image_words() + begin * shape_.row_words();
    pipeline_.run(begin, end, result);
    if (other_) {
      other_->run(begin, end, removed_);
      for (std::size_t i = 0; i < words; ++i) result[i] &= ~removed_[i];
    }
    if (dst_.bytes != nullptr)
      kernels_.unpack(result, end - begin, shape_.row_bits, streams_,
                      dst_.bytes + (image * shape_.height + begin) * shape_.row_bits);
  }

  const MorphImages& shape_;
  const MorphSource& src_;
  const MorphTarget& dst_;
  const MorphKernels& kernels_;
  const bool streams_;
  const std::size_t band_;
  MorphPipeline pipeline_;
  std::optional<MorphPipeline> other_;
  std::uint64_t* result_;
  std::uint64_t* removed_;
};

// Small elements that contain their centre: a flood visits what changed instead of the whole image. An
// erosion is a dilation of the complement.
std::optional<std::size_t> flood_images(const MorphStage& stage, const MorphImages& shape,
                                        std::uint64_t* words, std::size_t limit, std::size_t threads) {
  if (stage.plan == nullptr) return std::nullopt;
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

bool any_volume(const std::vector<MorphStage>& stages) {
  return std::any_of(stages.begin(), stages.end(), [](const MorphStage& s) { return s.volume != nullptr; });
}

// Stages on whole stacks of words, one after the other.
void run_in_turn(const std::vector<MorphStage>& stages, const MorphImages& shape, const std::uint64_t* src,
                 std::uint64_t* dst, std::size_t threads, Isa isa) {
  const std::size_t count = shape.images * shape.image_words();
  std::unique_ptr<std::uint64_t[]> buffers[2];
  for (std::size_t s = 0; s < stages.size(); ++s) {
    std::unique_ptr<std::uint64_t[]>& buffer = buffers[s % 2];
    if (s + 1 < stages.size() && buffer == nullptr) buffer.reset(new std::uint64_t[count]);
    std::uint64_t* to = s + 1 < stages.size() ? buffer.get() : dst;
    if (stages[s].volume != nullptr) {
      run_volume(stages[s], shape, src, to, threads, isa);
    } else {
      run_stages({stages[s]}, nullptr, shape, {src, nullptr}, {to, nullptr}, threads, isa);
    }
    src = to;
  }
  if (stages.empty()) std::copy_n(src, count, dst);
}

void run_volumes(const std::vector<MorphStage>& stages, const std::vector<MorphStage>* without,
                 const MorphImages& shape, const MorphSource& src, const MorphTarget& dst,
                 std::size_t threads, Isa isa) {
  const std::size_t count = shape.images * shape.image_words();
  const auto words = [count] { return std::unique_ptr<std::uint64_t[]>(new std::uint64_t[count]); };
  std::unique_ptr<std::uint64_t[]> packed, result, removed;
  const std::uint64_t* from = src.words;
  if (from == nullptr) {
    packed = words();
    run_stages({}, nullptr, shape, src, {packed.get(), nullptr}, threads, isa);
    from = packed.get();
  }
  std::uint64_t* to = dst.words;
  if (to == nullptr) to = (result = words()).get();
  run_in_turn(stages, shape, from, to, threads, isa);
  if (without != nullptr) {
    removed = words();
    run_in_turn(*without, shape, from, removed.get(), threads, isa);
    for (std::size_t i = 0; i < count; ++i) to[i] &= ~removed[i];
  }
  if (dst.words == nullptr) run_stages({}, nullptr, shape, {to, nullptr}, dst, threads, isa);
}

}  // namespace

std::size_t MorphImages::row_words() const { return words_for(row_bits); }

void run_stages(const std::vector<MorphStage>& stages, const std::vector<MorphStage>* without,
                const MorphImages& shape, const MorphSource& src, const MorphTarget& dst, std::size_t threads,
                Isa isa) {
  const MorphKernels& kernels = choose_kernels(isa);
  if (shape.images == 0 || shape.image_words() == 0) return;
  if (any_volume(stages) || (without != nullptr && any_volume(*without)))
    return run_volumes(stages, without, shape, src, dst, threads, isa);
  // Few images: each is cut into bands, one per thread. Many: a thread takes whole images.
  const std::size_t cuts = std::min(shape.height, (threads + shape.images - 1) / shape.images);
  const std::size_t chunks = std::min(shape.images, threads);
  const std::size_t rows = (shape.height + cuts - 1) / cuts;
  const auto task = [&](std::size_t index) {
    const std::size_t chunk = index / cuts, begin = index % cuts * rows,
                      end = std::min(begin + rows, shape.height);
    BandWorker worker(stages, without, shape, src, dst, rows, kernels);
    for (std::size_t i = shape.images * chunk / chunks; i < shape.images * (chunk + 1) / chunks; ++i)
      worker.run(i, begin, end);
  };
  run_shared(threads, chunks * cuts, task);
}

std::size_t run_until_stable(const MorphStage& stage, const MorphImages& shape, std::uint64_t* words,
                             std::size_t limit, std::size_t threads, Isa isa) {
  const std::size_t size = shape.image_words(), count = shape.images * size;
  if (count == 0) return 1;
  if (const auto times = flood_images(stage, shape, words, limit, threads)) return *times;
  if (stage.volume != nullptr)
    if (const auto times = settle_volume(stage, shape, words, limit, isa)) return *times;
  if (stage.plan != nullptr && settles(stage)) {
    const MorphKernels& kernels = choose_kernels(isa);
    std::vector<std::size_t> times(shape.images);
    run_shared(threads, shape.images, [&](std::size_t i) {
      times[i] = settle(stage, shape, words + i * size,
                        stage.mask == nullptr ? nullptr : stage.mask + i * size, limit, kernels);
    });
    return *std::max_element(times.begin(), times.end());
  }
  const std::unique_ptr<std::uint64_t[]> next(new std::uint64_t[count]);
  for (std::size_t times = 1;; ++times) {
    run_stages({stage}, nullptr, shape, {words, nullptr}, {next.get(), nullptr}, threads, isa);
    const bool changed = std::memcmp(words, next.get(), count * sizeof(std::uint64_t)) != 0;
    std::memcpy(words, next.get(), count * sizeof(std::uint64_t));
    if (!changed || times == limit) return times;
  }
}

}  // namespace binmorph
