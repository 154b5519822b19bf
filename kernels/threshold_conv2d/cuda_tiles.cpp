#include "kernels/threshold_conv2d/cuda_tiles.h"

#include <algorithm>
#include <utility>

#include "kernels/common/bits.h"

namespace binmorph::cuda {
namespace {

using kernels::Border;
using kernels::ConvForm;

constexpr std::uint32_t kMaxSlots = 1u << 13;  // of a tile and of a row: small numbers are divided quickly
constexpr std::uint32_t kBarrierBytes = 128;

// Columns and pixels of a tile. A tile has costs of its own: a long one is better where nobody waits for it.
constexpr std::pair<std::uint32_t, std::uint32_t> kTileShapes[] = {
    {256, 64}, {128, 64}, {64, kLongTile}, {64, 128}};

struct Shift {
  std::uint32_t plane, slots, tap;
};

// What a padded row of one phase holds, wide enough for windows not to meet what lies beyond. Constants
// outside are shared by the end of a row and the begin of the next.
std::uint32_t padded(std::uint32_t size, std::uint32_t out, std::uint32_t reach, std::uint32_t stride,
                     std::uint32_t before, Border border) {
  const std::uint32_t all = out + reach;
  if (border == Border::replicate) return all;
  const std::uint32_t inside = (size + before + stride - 1) / stride;
  const std::uint32_t shared = std::max(all - std::min(all, before / stride), inside);
  return std::max({out, reach + 1, std::min(all, shared)});
}

// A run of parts neighbouring slots serves every tap in it.
struct Chunk {
  std::uint32_t plane, slots, chunk;
  std::vector<std::uint32_t> tap;  // of each part; kNone: no weight
};
constexpr std::uint32_t kNone = UINT32_MAX;

std::vector<Shift> shifts_of(const ConvGeometry& g, TilePlan& t) {
  std::vector<Shift> shifts;
  t.planes = 0;
  for (std::uint32_t tap = 0; tap < taps(g); ++tap) {
    const std::uint32_t dy = tap / g.kernel_w * g.dilation_h, dx = tap % g.kernel_w * g.dilation_w;
    const std::uint32_t y = dy % g.stride_h, x = dx % g.stride_w;
    std::uint32_t plane = 0;
    while (plane < t.planes && (t.phase_y[plane] != y || t.phase_x[plane] != x)) ++plane;
    if (plane == kMaxTilePlanes) return {};
    if (plane == t.planes) {
      t.phase_y[t.planes] = static_cast<std::uint8_t>(y);
      t.phase_x[t.planes++] = static_cast<std::uint8_t>(x);
    }
    shifts.push_back({plane, dy / g.stride_h * t.row_slots + dx / g.stride_w, tap});
  }
  return shifts;
}

std::vector<Chunk> chunks_of(const TilePlan& t, std::vector<Shift> shifts) {
  std::sort(shifts.begin(), shifts.end(), [](const Shift& a, const Shift& b) {
    return a.plane != b.plane ? a.plane < b.plane : a.slots < b.slots;
  });
  std::vector<Chunk> chunks;
  for (const Shift& s : shifts) {
    Chunk* last = chunks.empty() ? nullptr : &chunks.back();
    if (t.parts > 1 && last != nullptr && last->plane == s.plane && s.slots - last->slots < t.parts) {
      last->tap[s.slots - last->slots] = s.tap;
      continue;
    }
    for (std::uint32_t k = 0; k < t.chunks; ++k) {
      chunks.push_back({s.plane, s.slots, k, std::vector<std::uint32_t>(t.parts, kNone)});
      chunks.back().tap[0] = s.tap;
    }
  }
  return chunks;
}

// Few channels: before the first slot there is room for what its pixel is not part of (Gatherer::spread).
std::uint32_t address_of(const TilePlan& t, const Chunk& c) {
  return (c.plane * t.chunks + c.chunk) * t.pitch + t.parts - 1 + c.slots;
}

// By address, so that the second chunk of a step follows the first.
std::vector<Chunk> ordered_chunks(const ConvGeometry& g, TilePlan& t) {
  std::vector<Chunk> chunks = chunks_of(t, shifts_of(g, t));
  std::sort(chunks.begin(), chunks.end(),
            [&](const Chunk& a, const Chunk& b) { return address_of(t, a) < address_of(t, b); });
  return chunks;
}

std::uint32_t round_to(std::uint32_t n, std::uint32_t unit) { return (n + unit - 1) / unit * unit; }

// Thresholds in 16 bits; for weights of +-1 those of even windows and those of odd ones.
std::uint32_t table_bytes(ConvForm form, std::uint32_t classes, std::uint32_t outputs) {
  return classes * outputs * 2 * (form == ConvForm::sign ? 2 : 1);
}

bool fits(ConvForm form, TilePlan& t, bool bits, std::uint32_t shared_limit) {
  t.block_bytes = t.steps * t.columns * 32;
  if (bits) t.block_bytes += table_bytes(form, t.classes, tile_outputs(t, form));
  t.pixel_bytes = t.planes * t.chunks * t.pitch * 16;
  std::uint64_t bytes = kBarrierBytes + std::uint64_t{t.block_bytes} + kTileStages * t.pixel_bytes;
  bytes += 2 * (round_to(t.planes * t.pitch * 2, 16) + t.rows * 16);  // popcounts of pixels, rows of a tile
  if (!bits) bytes += 8 * 8 * (t.columns + 1) * 4;
  if (bytes > shared_limit) return false;
  t.shared_bytes = static_cast<std::uint32_t>(bytes);
  return true;
}

}  // namespace

std::optional<TilePlan> plan_tiles(const ConvGeometry& g, ConvForm form, std::uint32_t classes, bool bits,
                                   std::uint32_t max_blocks, std::uint32_t shared_limit) {
  const std::uint64_t inputs = std::uint64_t{g.channels} * taps(g);
  // Counts are compared in 16 bits: see pack_tiles.
  if (g.groups != 1 || taps(g) > kMaxTileTaps || inputs > kMaxInputs || g.top < 0 || g.left < 0) return {};
  TilePlan t{};
  const std::uint32_t reach_y = (g.kernel_h - 1) * g.dilation_h / g.stride_h;
  const std::uint32_t reach_x = (g.kernel_w - 1) * g.dilation_w / g.stride_w;
  t.row_slots =
      padded(g.width, g.out_width, reach_x, g.stride_w, static_cast<std::uint32_t>(g.left), g.border);
  t.image_rows =
      padded(g.height, g.out_height, reach_y, g.stride_h, static_cast<std::uint32_t>(g.top), g.border);
  const std::uint64_t slots = std::uint64_t{t.image_rows} * t.row_slots;
  const std::uint64_t pixels = std::max(slots, std::uint64_t{g.height} * g.width);
  if (g.images * pixels >= UINT32_MAX) return {};
  if (t.row_slots > kMaxSlots || t.image_rows > kMaxSlots || reach_y * t.row_slots > kMaxSlots) return {};
  if (g.stride_h > 255 || g.stride_w > 255) return {};
  t.row_slots_magic = division_magic(t.row_slots);
  t.image_rows_magic = division_magic(t.image_rows);
  t.parts = g.channels <= 32 ? 4 : g.channels <= 64 ? 2 : 1;
  t.chunks = (g.channels + 127) / 128;
  t.taps = taps(g);
  t.classes = classes;
  t.max_blocks = max_blocks;
  const std::vector<Shift> shifts = shifts_of(g, t);
  if (shifts.empty()) return {};
  std::uint32_t reach = 0;
  for (const Shift& s : shifts) reach = std::max(reach, s.slots);
  const auto steps = static_cast<std::uint32_t>((chunks_of(t, shifts).size() + 1) / 2);
  if (steps > kMaxTileSteps) return {};
  t.steps = steps;
  // The cheapest width by cycles of the tensor core; 64 columns read shared memory as fast as it goes.
  std::optional<TilePlan> best;
  std::uint64_t best_cost = UINT64_MAX;
  for (const auto& [columns, rows] : kTileShapes) {
    if ((!bits && columns != 128) || (form == ConvForm::ternary && columns == 64)) continue;
    if (rows == kLongTile && g.images * slots < std::uint64_t{2} * rows * max_blocks) continue;
    t.columns = columns;
    t.rows = rows;
    t.slots = t.rows + reach;
    // The chunks of a pixel fall into different banks.
    t.pitch = round_to(t.slots + 2 * (t.parts - 1), 8) + (t.chunks == 1   ? 0
                                                          : t.chunks == 2 ? 4
                                                          : t.chunks <= 4 ? 2
                                                                          : 1);
    if (t.slots > kMaxSlots || t.planes * t.chunks * t.pitch > 0x3FFF) continue;
    const std::uint64_t cost =
        blocks_for(g.out_channels, tile_outputs(t, form)) * (columns == 64 ? 36 : columns / 2);
    if (cost >= best_cost || !fits(form, t, bits, shared_limit)) continue;
    best_cost = cost;
    const std::vector<Chunk> chunks = ordered_chunks(g, t);
    for (std::uint32_t k = 0; k < t.steps; ++k) {
      const std::uint32_t first = address_of(t, chunks[2 * k]);
      // A missing second chunk reads the next slot, and has no weights.
      const std::uint32_t second = 2 * k + 1 < chunks.size() ? address_of(t, chunks[2 * k + 1]) : first + 1;
      t.step[k] = first | (second - first) << 16;
    }
    for (const Shift& s : shifts)
      t.tap[s.tap] = static_cast<std::uint16_t>(2 * (s.plane * t.pitch + s.slots));
    best = t;
  }
  return best;
}

std::vector<unsigned char> pack_tiles(const ConvGeometry& g, ConvForm form, const TilePlan& tile,
                                      const std::uint64_t* plus, const std::uint64_t* minus,
                                      const std::int32_t* threshold) {
  TilePlan t = tile;
  const std::vector<Chunk> chunks = ordered_chunks(g, t);
  const std::uint32_t per_block = tile_outputs(t, form), quarter = per_block / 4;
  const std::size_t mask_words = words_for(std::size_t{g.channels} * taps(g)), part_bits = 128 / t.parts;
  const std::size_t blocks = static_cast<std::size_t>(blocks_for(g.out_channels, per_block));
  std::vector<unsigned char> result(blocks * t.block_bytes, 0);
  for (std::size_t block = 0; block < blocks; ++block) {
    unsigned char* base = result.data() + block * t.block_bytes;
    // Column n = 8 j + 2 thread + i belongs to thread `thread` of a quad, which ends with neighbouring
    // outputs.
    for (std::uint32_t n = 0; n < t.columns; ++n) {
      const bool second = n >= per_block;  // ternary weights: those of -1
      const std::uint32_t column = second ? n - per_block : n;
      const std::size_t o = block * per_block + column / 2 % 4 * quarter + column / 8 * 2 + column % 2;
      if (o >= g.out_channels) continue;
      const std::uint64_t* mask = (second ? minus : plus) + o * mask_words;
      for (std::size_t k = 0; k < chunks.size(); ++k) {
        unsigned char* to = base + ((k / 2 * 2 + k % 2) * t.columns + n) * 16;
        for (std::size_t part = 0; part < t.parts; ++part) {
          if (chunks[k].tap[part] == kNone) continue;
          for (std::size_t b = 0; b < part_bits && chunks[k].chunk * 128 + b < g.channels; ++b) {
            const std::size_t channel = chunks[k].chunk * 128 + b, at = part * part_bits + b;
            if (get_bit(mask, channel * taps(g) + chunks[k].tap[part]))
              to[at / 8] = static_cast<unsigned char>(to[at / 8] | 1u << (at % 8));
          }
        }
      }
    }
    if (threshold == nullptr) continue;
    pack_thresholds(g, form, t.classes, per_block, block * per_block, threshold,
                    base + t.steps * t.columns * 32);
  }
  return result;
}

void pack_thresholds(const ConvGeometry& g, ConvForm form, std::size_t classes, std::size_t outputs,
                     std::size_t first, const std::int32_t* threshold, unsigned char* table) {
  const auto inputs = static_cast<std::int32_t>(g.channels * taps(g));
  const std::size_t parities = form == ConvForm::sign ? 2 : 1;
  for (std::size_t row = 0; row < classes * parities; ++row)
    for (std::size_t i = 0; i < outputs; ++i, table += 2) {
      std::int32_t value = inputs + 1;  // never reached
      if (first + i < g.out_channels)
        value = std::clamp(threshold[row / parities * g.out_channels + first + i], -inputs, inputs + 1);
      if (parities == 2) value = (value + static_cast<std::int32_t>(row % 2) + 1) >> 1;
      const auto half = static_cast<std::uint32_t>(0x8000 - value);
      table[0] = static_cast<unsigned char>(half);
      table[1] = static_cast<unsigned char>(half >> 8);
    }
}

}  // namespace binmorph::cuda
