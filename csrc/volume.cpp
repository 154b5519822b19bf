#include "binmorph/volume.h"

#include <algorithm>
#include <memory>

#include "binmorph/morphology.h"
#include "binmorph/shared_pool.h"
#include "flood.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

constexpr std::size_t kOutside = SIZE_MAX;
constexpr std::size_t kSmallPlane = 256;  // words

// The plane that lies `moves` away from the plane at `place`.
std::size_t moved(const std::vector<std::size_t>& lead, const std::size_t* place, const std::int64_t* moves) {
  std::size_t plane = 0;
  for (std::size_t axis = 0; axis < lead.size(); ++axis) {
    const std::size_t at = place[axis] + static_cast<std::size_t>(moves[axis]);  // wraps before the first
    if (at >= lead[axis]) return kOutside;
    plane = plane * lead[axis] + at;
  }
  return plane;
}

// Folds every place of one part into planes [begin, end) of the result. Planes of src lie `pitch` words
// apart.
void fold_part(const VolumePart& part, const MorphStage& stage, const MorphImages& shape,
               const std::uint64_t* src, std::size_t pitch, std::uint64_t* dst, std::size_t begin,
               std::size_t end) {
  const std::size_t size = shape.image_words(), axes = shape.lead.size();
  std::vector<std::size_t> place(axes);
  for (std::size_t plane = begin; plane < end; ++plane) {
    for (std::size_t axis = axes, rest = plane; axis-- > 0; rest /= shape.lead[axis])
      place[axis] = rest % shape.lead[axis];
    std::uint64_t* to = dst + plane * size;
    for (std::size_t m = 0; m < part.moves.size(); m += axes) {
      const std::size_t other = moved(shape.lead, place.data(), part.moves.data() + m);
      if (other == kOutside) {
        // A border of the fold's neutral value changes nothing.
        if (stage.border == stage.dilate) std::fill_n(to, size, stage.dilate ? ~std::uint64_t{0} : 0);
        continue;
      }
      const std::uint64_t* from = src + other * pitch;
      if (stage.dilate) {
        for (std::size_t i = 0; i < size; ++i) to[i] |= from[i];
      } else {
        for (std::size_t i = 0; i < size; ++i) to[i] &= from[i];
      }
    }
  }
}

// Small planes as one tall image with rows of border between them: one call of the kernel for all planes.
struct Tall {
  std::unique_ptr<std::uint64_t[]> words;
  std::size_t pitch = 0;  // words from plane to plane
  MorphImages shape{};
};

Tall stack_planes(const MorphStage& stage, const MorphImages& shape, const std::uint64_t* src) {
  std::int64_t reach = 0;  // rows that any part reads above or below its own
  for (const VolumePart& part : stage.volume->parts) {
    if (part.plan == nullptr) continue;
    const kernels::SeProgram program = part.plan->program();
    reach = std::max({reach, -std::int64_t{program.top}, std::int64_t{program.top} + program.reach});
  }
  const std::size_t size = shape.image_words(), row = shape.row_words(),
                    between = static_cast<std::size_t>(reach);
  Tall tall;
  tall.pitch = size + between * row;
  tall.shape = {1, shape.images * (shape.height + between), shape.row_bits, 0};
  tall.words.reset(new std::uint64_t[shape.images * tall.pitch]);
  const std::uint64_t outside = stage.border ? ~std::uint64_t{0} : 0, inside = tail_mask(shape.row_bits);
  for (std::size_t i = 0; i < shape.images; ++i) {
    std::uint64_t* to = std::copy_n(src + i * size, size, tall.words.get() + i * tall.pitch);
    for (std::size_t w = 0; w < between * row; ++w) to[w] = (w + 1) % row == 0 ? outside & inside : outside;
  }
  return tall;
}

}  // namespace

void run_volume(const MorphStage& stage, const MorphImages& shape, const std::uint64_t* src,
                std::uint64_t* dst, std::size_t threads, Isa isa) {
  const std::size_t size = shape.image_words(), count = shape.images * size, row = shape.row_words();
  if (count == 0) return;
  std::fill_n(dst, count, stage.dilate ? 0 : ~std::uint64_t{0});
  const std::size_t chunks = std::min(shape.images, threads);
  std::unique_ptr<std::uint64_t[]> made;
  Tall tall;
  for (const VolumePart& part : stage.volume->parts) {
    const std::uint64_t* from = src;
    std::size_t pitch = size;
    if (part.plan != nullptr) {
      if (size <= kSmallPlane && tall.words == nullptr) tall = stack_planes(stage, shape, src);
      const bool small = tall.words != nullptr;
      if (small) pitch = tall.pitch;
      if (made == nullptr) made.reset(new std::uint64_t[shape.images * pitch]);
      run_stages({{part.plan.get(), stage.dilate, stage.border, nullptr}}, nullptr,
                 small ? tall.shape : shape, {small ? tall.words.get() : src, nullptr}, {made.get(), nullptr},
                 threads, isa);
      from = made.get();
    }
    run_shared(threads, chunks, [&](std::size_t c) {
      fold_part(part, stage, shape, from, pitch, dst, shape.images * c / chunks,
                shape.images * (c + 1) / chunks);
    });
  }
  const std::uint64_t inside = tail_mask(shape.row_bits);
  for (std::size_t i = row - 1; i < count; i += row) dst[i] &= inside;
  if (stage.mask == nullptr) return;
  for (std::size_t i = 0; i < count; ++i) dst[i] = src[i] ^ ((src[i] ^ dst[i]) & stage.mask[i]);
}

std::optional<std::size_t> settle_volume(const MorphStage& stage, const MorphImages& shape,
                                         std::uint64_t* words, std::size_t limit, Isa isa) {
  const std::size_t size = shape.image_words(), axes = shape.lead.size(), row = shape.row_words();
  // What a plane reads of itself, which a flood settles at once, and of other planes.
  bool centre = false;
  std::optional<FloodElement> within;
  for (const VolumePart& part : stage.volume->parts)
    for (std::size_t m = 0; m < part.moves.size(); m += axes) {
      if (std::any_of(&part.moves[m], &part.moves[m] + axes, [](std::int64_t move) { return move != 0; }))
        continue;
      centre = true;
      if (part.plan == nullptr) continue;
      const kernels::SeProgram program = part.plan->program();
      within = FloodElement::from(program.points, program.point_count);
      if (!within) return std::nullopt;
    }
  if (!centre) return std::nullopt;
  const auto complement = [&] {  // an erosion is a dilation of the complement
    for (std::size_t i = 0; i < shape.images * size; ++i)
      words[i] ^= (i + 1) % row == 0 ? tail_mask(shape.row_bits) : ~std::uint64_t{0};
  };
  const bool border = stage.border == stage.dilate;
  const MorphImages plane{1, shape.height, shape.row_bits, 0};
  std::vector<std::uint64_t> reached(size), made(size);
  std::vector<std::size_t> place(axes);
  const auto visit = [&](std::size_t z) {
    for (std::size_t axis = axes, rest = z; axis-- > 0; rest /= shape.lead[axis])
      place[axis] = rest % shape.lead[axis];
    std::fill(reached.begin(), reached.end(), 0);
    for (const VolumePart& part : stage.volume->parts)
      for (std::size_t m = 0; m < part.moves.size(); m += axes) {
        const std::size_t other = moved(shape.lead, place.data(), &part.moves[m]);
        if (other == z) continue;
        if (other == kOutside) {
          if (border) std::fill(reached.begin(), reached.end(), ~std::uint64_t{0});
          continue;
        }
        const std::uint64_t* from = words + other * size;
        if (part.plan != nullptr) {
          run_stages({{part.plan.get(), true, border, nullptr}}, nullptr, plane, {from, nullptr},
                     {made.data(), nullptr}, 1, isa);
          from = made.data();
        }
        for (std::size_t i = 0; i < size; ++i) reached[i] |= from[i];
      }
    std::uint64_t* to = words + z * size;
    const std::uint64_t* mask = stage.mask == nullptr ? nullptr : stage.mask + z * size;
    std::uint64_t added = 0;
    for (std::size_t i = 0; i < size; ++i) {
      std::uint64_t more = reached[i] & ~to[i];
      if (mask != nullptr) more &= mask[i];
      if ((i + 1) % row == 0) more &= tail_mask(shape.row_bits);
      added |= more;
      to[i] |= more;
    }
    return added != 0;
  };
  if (!stage.dilate) complement();
  const auto settle = [&](std::size_t z) {
    if (within)
      flood(*within, shape.height, shape.row_bits, border,
            stage.mask == nullptr ? nullptr : stage.mask + z * size, words + z * size, 0);
  };
  for (std::size_t z = 0; z < shape.images; ++z) settle(z);
  std::size_t sweeps = 0;
  for (bool changed = true; changed && (limit == 0 || sweeps < limit); ++sweeps) {
    changed = false;
    for (std::size_t i = 0; i < shape.images; ++i) {
      const std::size_t z = sweeps % 2 == 0 ? i : shape.images - 1 - i;
      if (!visit(z)) continue;
      settle(z);
      changed = true;
    }
  }
  if (!stage.dilate) complement();
  return sweeps;
}

}  // namespace binmorph
