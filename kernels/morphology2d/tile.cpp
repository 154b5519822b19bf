// The cut of an image into blocks: small enough for L2, large enough that the rows and words read around a
// block, which neighbouring blocks compute again, cost little. Whole rows beat strips of them by a quarter to
// a half, and blocks that fit L1 gain nothing over blocks that fit L2 (measured, AVX2 and AVX-512, 512 to
// 8192 pixels).
#include <algorithm>

#include "kernels/common/bits.h"
#include "kernels/morphology2d/morphology2d.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t kAlign =
    8;  // words of a cache line: rows of equal alignment make vertical reads aligned
constexpr std::size_t kSlack = 40;                     // words that whole vectors may pass the end by
constexpr double kL2 = 256 << 10, kTwiceL2 = 2 * kL2;  // bytes for the buffers
constexpr double kStrip = 1.3;                         // what strips cost more than whole rows

std::size_t round_up(std::size_t n) { return (n + kAlign - 1) / kAlign * kAlign; }

// Work per result word, relative: halo rows cost less than rows of the result, which also get the last step.
double block_cost(const SeProgram& program, std::size_t rows, std::size_t pitch, std::size_t halo) {
  const double r = static_cast<double>(rows), p = static_cast<double>(pitch);
  const double bytes = 8.0 * (program.buffers - 1) * (r + program.reach) * p;
  const double memory = bytes <= kL2 ? 1.0 : bytes <= kTwiceL2 ? 1.2 : 2.5;
  return (1 + 0.7 * program.reach / r + 1.0 / r) * p / (p - static_cast<double>(halo)) * memory;
}

// All that the choice depends on.
struct TileKey {
  std::size_t words, left, right;
  std::uint32_t buffers, reach;
  bool operator==(const TileKey& o) const {
    return words == o.words && left == o.left && right == o.right && buffers == o.buffers && reach == o.reach;
  }
};

MorphTile choose_tile(const TileKey& key, const SeProgram& program) {
  const std::size_t halo = key.left + key.right;
  const std::size_t whole = key.words < kAlign ? key.words + halo : round_up(key.words + halo);
  MorphTile best{};
  double best_cost = 0;
  for (const std::size_t candidate :
       {whole, std::size_t{256}, std::size_t{128}, std::size_t{64}, std::size_t{32}}) {
    const std::size_t pitch =
        candidate == whole ? whole : round_up(candidate + (halo > candidate / 2 ? 2 * halo : 0));
    if (pitch > whole) continue;
    for (std::size_t rows = 8; rows <= 256; rows *= 2) {
      const double cost = block_cost(program, rows, pitch, halo) * (pitch == whole ? 1 : kStrip);
      if (best.rows != 0 && cost >= best_cost) continue;
      best_cost = cost;
      best.rows = rows;
      best.pitch = pitch;
    }
  }
  best.words = std::min(key.words, best.pitch - halo);
  best.front = 2 * round_up(key.left) - key.left;  // the first word of the result lies on a cache line
  best.buffer_words =
      round_up(best.front + (best.rows + program.reach + 1) * best.pitch + key.right + kSlack);
  return best;
}

}  // namespace

// The search takes longer than a small image: the last answers are kept.
MorphTile morph_tile(const SeProgram& program, const MorphShape& shape) {
  struct Answer {
    TileKey key;
    MorphTile tile;
  };
  thread_local Answer answers[8] = {};
  const std::size_t lanes = std::max<std::size_t>(shape.lanes, 1);
  const TileKey key{words_for(shape.row_bits), program.left_words * lanes, program.right_words * lanes,
                    program.buffers, program.reach};
  Answer& answer = answers[(key.words + key.left + key.right + key.buffers + key.reach) % 8];
  if (answer.tile.rows == 0 || !(answer.key == key)) answer = {key, choose_tile(key, program)};
  return answer.tile;
}

}  // namespace binmorph::kernels
