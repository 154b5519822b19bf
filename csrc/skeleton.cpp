#include "binmorph/skeleton.h"

#include <array>
#include <vector>

#include "kernels/common/bits.h"

namespace binmorph {
namespace {

// 27 voxels as bits, 9 plane + 3 row + column; the middle one is bit 13.
using Cube = std::uint32_t;

constexpr int kMiddle = 13;
constexpr Cube bit_at(int z, int y, int x) { return Cube{1} << (9 * (z + 1) + 3 * (y + 1) + x + 1); }

// The voxels that touch each voxel, the middle one left out.
constexpr std::array<Cube, 27> make_neighbours() {
  std::array<Cube, 27> result{};
  for (int v = 0; v < 27; ++v)
    for (int w = 0; w < 27; ++w) {
      const int dz = v / 9 - w / 9, dy = v / 3 % 3 - w / 3 % 3, dx = v % 3 - w % 3;
      if (w != kMiddle && dz * dz <= 1 && dy * dy <= 1 && dx * dx <= 1)
        result[static_cast<std::size_t>(v)] |= Cube{1} << w;
    }
  return result;
}
constexpr std::array<Cube, 27> kNeighbours = make_neighbours();

// The faces, edges and corners of the middle voxel, each as the other voxels that share it.
struct Cells {
  std::array<Cube, 6> faces{};
  std::array<Cube, 12> edges{};
  std::array<Cube, 8> corners{};
};
constexpr Cells make_cells() {
  Cells cells;
  std::size_t faces = 0, edges = 0, corners = 0;
  for (int z = -1; z <= 1; ++z)
    for (int y = -1; y <= 1; ++y)
      for (int x = -1; x <= 1; ++x) {
        Cube shared = 0;  // the voxels between the middle and (z, y, x)
        for (int k = 1; k < 8; ++k)
          shared |= bit_at((k & 4) != 0 ? z : 0, (k & 2) != 0 ? y : 0, (k & 1) != 0 ? x : 0);
        shared &= ~bit_at(0, 0, 0);
        const int axes = z * z + y * y + x * x;
        if (axes == 1) cells.faces[faces++] = shared;
        if (axes == 2) cells.edges[edges++] = shared;
        if (axes == 3) cells.corners[corners++] = shared;
      }
  return cells;
}
constexpr Cells kCells = make_cells();

// Whether the removal of the middle voxel keeps corners - edges + faces - voxels of the union: what vanishes
// with it are those of its cells that no other voxel shares.
bool keeps_euler_number(Cube cube) {
  int change = -1;
  for (const Cube face : kCells.faces) change += (cube & face) == 0;
  for (const Cube edge : kCells.edges) change -= (cube & edge) == 0;
  for (const Cube corner : kCells.corners) change += (cube & corner) == 0;
  return change == 0;
}

// Whether the other voxels are in at most one piece.
bool is_simple(Cube cube) {
  const Cube others = cube & ~bit_at(0, 0, 0);
  Cube piece = others & (~others + 1), edge = piece;
  while (edge != 0) {
    const Cube reached = kNeighbours[static_cast<std::size_t>(__builtin_ctz(edge))] & others & ~piece;
    piece |= reached;
    edge = (edge & (edge - 1)) | reached;
  }
  return piece == others;
}

bool is_end(Cube cube) { return __builtin_popcount(cube) == 2; }

// The image with a border of zeros on all sides: bit 1 of row 1 of plane 1 is its first voxel.
class Padded {
 public:
  Padded(const std::uint64_t* words, std::size_t planes, std::size_t height, std::size_t width)
      : planes_(planes),
        height_(height),
        width_(width),
        pitch_(words_for(width + 2) + 1),
        plane_(pitch_ * (height + 2)),
        bits_(plane_ * (planes + 2)) {
    const std::size_t row_words = words_for(width);
    for (std::size_t z = 0; z < planes; ++z)
      for (std::size_t y = 0; y < height; ++y, words += row_words)
        for (std::size_t w = 0; w < row_words; ++w) {
          std::uint64_t* to = row(z + 1, y + 1) + w;
          to[0] |= words[w] << 1;
          to[1] |= words[w] >> 63;
        }
  }

  void copy_to(std::uint64_t* words) {
    const std::size_t row_words = words_for(width_);
    for (std::size_t z = 0; z < planes_; ++z)
      for (std::size_t y = 0; y < height_; ++y, words += row_words)
        for (std::size_t w = 0; w < row_words; ++w) {
          const std::uint64_t* from = row(z + 1, y + 1) + w;
          words[w] = from[0] >> 1 | from[1] << 63;
        }
  }

  // Removes the points of one side that may go; whether there were any.
  bool remove_side(int dz, int dy, int dx) {
    found_.clear();
    const std::ptrdiff_t across =
        dz * static_cast<std::ptrdiff_t>(plane_) + dy * static_cast<std::ptrdiff_t>(pitch_);
    for (std::size_t z = 1; z <= planes_; ++z)
      for (std::size_t y = 1; y <= height_; ++y) {
        const std::size_t first = static_cast<std::size_t>(row(z, y) - bits_.data());
        for (std::size_t w = 0; w + 1 < pitch_; ++w) {
          const std::uint64_t here = bits_[first + w];
          if (here == 0) continue;
          std::uint64_t beside =
              bits_[static_cast<std::size_t>(static_cast<std::ptrdiff_t>(first + w) + across)];
          if (dx < 0) beside = here << 1 | (w == 0 ? 0 : bits_[first + w - 1] >> 63);
          if (dx > 0) beside = here >> 1 | bits_[first + w + 1] << 63;
          for (std::uint64_t side = here & ~beside; side != 0; side &= side - 1) {
            const std::size_t place = 64 * (first + w) + static_cast<std::size_t>(__builtin_ctzll(side));
            const Cube cube = cube_at(place);
            if (!is_end(cube) && keeps_euler_number(cube) && is_simple(cube)) found_.push_back(place);
          }
        }
      }
    // One by one: what was simple may not be once a neighbour is gone.
    bool changed = false;
    for (const std::size_t place : found_) {
      const Cube cube = cube_at(place);
      if (!is_simple(cube)) continue;
      bits_[place / 64] &= ~(std::uint64_t{1} << place % 64);
      changed = true;
    }
    return changed;
  }

 private:
  std::uint64_t* row(std::size_t z, std::size_t y) { return bits_.data() + z * plane_ + y * pitch_; }

  // Three voxels of a row from `place` on.
  Cube three(std::size_t place) const {
    const std::uint64_t low = bits_[place / 64] >> place % 64;
    const std::uint64_t high = place % 64 > 61 ? bits_[place / 64 + 1] << (64 - place % 64) : 0;
    return static_cast<Cube>((low | high) & 7);
  }

  Cube cube_at(std::size_t place) const {
    Cube cube = 0;
    const std::size_t first = place - 1 - 64 * (plane_ + pitch_);
    for (unsigned z = 0; z < 3; ++z)
      for (unsigned y = 0; y < 3; ++y)
        cube |= three(first + 64 * (z * plane_ + y * pitch_)) << (9 * z + 3 * y);
    return cube;
  }

  std::size_t planes_, height_, width_, pitch_, plane_;
  std::vector<std::uint64_t> bits_;
  std::vector<std::size_t> found_;
};

}  // namespace

std::size_t skeletonize(std::uint64_t* words, std::size_t planes, std::size_t height, std::size_t width,
                        std::size_t limit) {
  if (planes == 0 || height == 0 || width == 0) return 1;
  Padded image(words, planes, height, width);
  // The order of the sides is that of scikit-image and ImageJ: which of two equal skeletons comes out depends
  // on it.
  static constexpr int kSides[6][3] = {{0, -1, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, -1}, {1, 0, 0}, {-1, 0, 0}};
  const std::size_t sides = planes == 1 ? 4 : 6;  // a single plane keeps both of its faces
  std::size_t rounds = 0;
  for (bool changed = true; changed && (limit == 0 || rounds < limit); ++rounds) {
    changed = false;
    for (std::size_t s = 0; s < sides; ++s)
      changed |= image.remove_side(kSides[s][0], kSides[s][1], kSides[s][2]);
  }
  image.copy_to(words);
  return rounds;
}

}  // namespace binmorph
