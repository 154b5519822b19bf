// Boxes and chains, hit-or-miss, compiled elements on tiles, thinning, selections and comparisons of
// words.
#include "binmorph/se_plan.h"
#include "device_kernels.h"
#include "device_testing.h"
#include "kernels/morphology2d/cuda_pack.h"
#include "kernels/morphology2d/reference.cpp"
#include "kernels/thinning/reference.cpp"
#include "shape_testing.h"

namespace binmorph::cuda::testing {
namespace {

using kernels::SePoint;

struct Images {
  std::uint32_t images, height, width;
  std::size_t rows() const { return std::size_t{images} * height; }
  std::string label() const {
    return std::to_string(images) + " of " + std::to_string(width) + "x" + std::to_string(height);
  }
};

// `ones`: how many of four words are ORed into it, so that erosions leave something.
std::vector<std::uint64_t> dense_rows(const Images& shape, unsigned ones) {
  auto x = random_rows(shape.rows(), shape.width);
  for (std::uint64_t& w : x)
    for (unsigned i = 0; i < ones; ++i) w |= generator();
  for (std::size_t r = 1; r <= shape.rows(); ++r) x[r * words_for(shape.width) - 1] &= tail_mask(shape.width);
  return x;
}

std::vector<std::uint64_t> fold(const Images& shape, const std::vector<SePoint>& points,
                                const std::vector<std::uint64_t>& x, bool dilate, bool border) {
  kernels::SeProgram program{};
  program.points = points.data();
  program.point_count = points.size();
  std::vector<std::uint64_t> result(x.size());
  const std::size_t image = shape.height * words_for(shape.width);
  for (std::size_t i = 0; i < shape.images; ++i)
    kernels::morphology2d_u64_u64__reference(program, {shape.height, shape.width, 0, dilate, border, 0},
                                             x.data() + i * image, result.data() + i * image, 0, shape.height,
                                             nullptr);
  return result;
}

std::vector<SePoint> small_element(std::uint32_t bits) {
  std::vector<SePoint> points;
  for (int i = 0; i < 9; ++i)
    if (bits >> i & 1) points.push_back({i / 3 - 1, i % 3 - 1});
  return points;
}

constexpr std::uint32_t kCross = 0272;

std::vector<SePoint> box(const BoxReach& reach) {
  std::vector<SePoint> points;
  for (int y = -static_cast<int>(reach.up); y <= static_cast<int>(reach.down); ++y)
    for (int x = -static_cast<int>(reach.left); x <= static_cast<int>(reach.right); ++x)
      points.push_back({y, x});
  return points;
}

// Stages by boxes, or crosses where `shape` says so; bit s of `dilate` and `border` belongs to stage s.
void check_walk(const Images& shape, WalkShape kind, const std::vector<BoxReach>& boxes, std::uint32_t dilate,
                std::uint32_t border, std::uint32_t rows) {
  std::size_t points_at_once = 1;
  for (const BoxReach& r : boxes) points_at_once *= (r.left + 1 + r.right) * (r.up + 1 + r.down);
  unsigned ones = 1;  // so that about half of the first result is set, or not set
  while (ones < 9 && points_at_once >> ones != 0) ++ones;
  auto want = dense_rows(shape, ones);
  if ((dilate & 1) != 0)
    for (std::size_t i = 0; i < shape.rows() * shape.width; ++i) {
      std::uint64_t* row = want.data() + i / shape.width * words_for(shape.width);
      set_bit(row, i % shape.width, !get_bit(row, i % shape.width));
    }
  Array<std::uint64_t> src(want), dst(want.size());
  MorphologyWalkParams p{src.data(), dst.data(), shape.images, shape.height, shape.width, rows, 0, kind, {}};
  std::string label = kind == WalkShape::cross3 ? "crosses" : "boxes";
  for (const BoxReach& reach : boxes) {
    const bool is_dilation = (dilate >> p.stages & 1) != 0, outside = (border >> p.stages & 1) != 0;
    const auto points = kind == WalkShape::cross3 ? small_element(kCross) : box(reach);
    if (kind != WalkShape::cross3) {
      kernels::SeProgram program{};
      program.points = points.data();
      program.point_count = points.size();
      const auto found = box_reach(program);
      if (!found || found->left != reach.left || found->down != reach.down) fail("a box that is none");
    }
    want = fold(shape, points, want, is_dilation, outside);
    BoxReach rest = reach;
    p.stage[p.stages++] = cut_stage(rest, is_dilation, outside);
    if ((rest.left | rest.right | rest.up | rest.down) != 0) fail("a box that is too large for a stage");
    label +=
        " " + std::to_string(reach.left + 1 + reach.right) + "x" + std::to_string(reach.up + 1 + reach.down);
  }
  label +=
      ", dilations " + std::to_string(dilate) + ", borders " + std::to_string(border) + ", " + shape.label();
  launch(launch_morphology_walk(p, 1), morphology_walk_u64_u64__cuda_simt, p);
  expect_equal(label, dst, want);
  if (words_for(shape.width) % 2 != 0) return;
  Array<std::uint64_t> other(want.size());
  p.dst = other.data();
  launch(launch_morphology_walk(p, 2), morphology_walk_wide_u64_u64__cuda_simt, p);
  expect_equal("wide, " + label, other, want);
}

void check_walks() {
  const BoxReach three{1, 1, 1, 1};
  for (const std::uint32_t width : {1u, 63u, 64u, 65u, 127u, 130u, 192u, 256u, 2000u}) {
    const Images shape{2, width % 2 == 0 ? 5u : 21u, width};
    for (const std::uint32_t stages : {1u, 2u, 4u})
      for (const WalkShape kind : {WalkShape::box3, WalkShape::cross3})
        for (const std::uint32_t dilate : {0u, 15u, 5u, 2u})
          check_walk(shape, kind, std::vector<BoxReach>(stages, three), dilate, (dilate * 7 + width) % 16, 8);
    for (const BoxReach& reach : {BoxReach{8, 8, 8, 8}, BoxReach{0, 0, 0, 0}, BoxReach{7, 0, 0, 1},
                                  BoxReach{0, 3, 2, 0}, BoxReach{32, 31, 4, 9}})
      for (const std::uint32_t dilate : {0u, 1u})
        for (const std::uint32_t border : {0u, 1u})
          check_walk(shape, WalkShape::box, {reach}, dilate, border, 9);
    for (const std::uint32_t border : {0u, 1u, 2u, 3u})
      check_walk(shape, WalkShape::box, {{8, 8, 8, 8}, {8, 8, 8, 8}}, border == 2 ? 1 : 2, border, 16);
  }
  check_walk({1, 150, 200}, WalkShape::box, {{32, 32, 32, 32}}, 0, 1, 40);
  check_walk({1, 70, 300}, WalkShape::box, {{32, 32, 9, 0}, {32, 32, 3, 20}}, 2, 1, 8);
}

void check_hit_or_miss(const Images& shape, std::uint32_t ones, std::uint32_t zeros) {
  const auto x = dense_rows(shape, 0);
  Array<std::uint64_t> src(x), dst(x.size());
  const Morphology3x3Params p{src.data(), dst.data(), shape.images, shape.height, shape.width,
                              ones,       zeros,      false,        false};
  launch(launch_morphology3x3(p), hit_or_miss3x3_u64_u64__cuda_simt, p);
  auto want = fold(shape, small_element(ones), x, false, false);
  const auto touched = fold(shape, small_element(zeros), x, true, false);
  for (std::size_t i = 0; i < want.size(); ++i) want[i] &= ~touched[i];
  expect_equal("hit-or-miss " + std::to_string(ones) + "/" + std::to_string(zeros) + ", " + shape.label(),
               dst, want);
}

void check_program(const Images& shape, const std::vector<SePoint>& points, bool border,
                   std::size_t shared_bytes) {
  const SePlan plan(points, false);
  const auto x = dense_rows(shape, 2);
  Array<std::uint64_t> src(x), dst(x.size());
  MorphologyProgramParams p{};
  p.src = src.data();
  p.dst = dst.data();
  p.images = shape.images;
  p.height = shape.height;
  p.width = shape.width;
  p.border = border;
  const std::string label = std::to_string(points.size()) + " points, border " + std::to_string(border) +
                            ", " + shape.label() + ", " + std::to_string(shared_bytes) + " bytes shared";
  if (!pack_program(plan.program(), shared_bytes, 2, p)) return fail("does not fit: " + label);
  if (launch_morphology_program(p).shared_bytes > shared_bytes) fail("too much shared memory: " + label);
  for (const bool dilate : {false, true}) {
    p.dilate = dilate;
    launch(launch_morphology_program(p), morphology_program_u64_u64__cuda_simt, p);
    expect_equal("program, " + label + (dilate ? ", dilation" : ", erosion"), dst,
                 fold(shape, points, x, dilate, border));
  }
}

void check_words(std::size_t words) {
  const auto a = random_rows(1, words * 64), b = random_rows(1, words * 64), m = random_rows(1, words * 64);
  Array<std::uint64_t> first(a), second(b), mask(m), dst(words);
  std::vector<std::uint64_t> want(words);
  for (std::size_t i = 0; i < words; ++i) want[i] = (a[i] & ~m[i]) | (b[i] & m[i]);
  const BitwiseParams p{first.data(), second.data(), mask.data(), dst.data(), words, 4};
  launch(launch_bitwise(p), bitwise_u64_u64__cuda_simt, p);
  expect_equal("select", dst, want);
  for (const std::size_t at : {words, std::size_t{0}, words - 1}) {  // nowhere, first, last
    auto changed = a;
    if (at < words) changed[at] ^= 1ull << 63;
    Array<std::uint64_t> other(changed);
    Array<std::uint32_t> flag(std::vector<std::uint32_t>{0});
    const DifferParams d{first.data(), other.data(), flag.data(), words};
    launch(launch_differ(d), differ_u64_u32__cuda_simt, d);
    expect_equal("differ at " + std::to_string(at), flag, {at < words ? 1u : 0u});
  }
}

void check_thinning(std::uint32_t height, std::uint32_t width) {
  using kernels::ThinRule;
  auto x = dense_rows({1, height, width}, 1);
  for (const ThinRule rule : {ThinRule::guo_hall_1, ThinRule::guo_hall_2, ThinRule::zhang_suen_1,
                              ThinRule::zhang_suen_2, ThinRule::guo_hall_1}) {
    Array<std::uint64_t> src(x), dst(x.size());
    Array<std::uint32_t> changed(std::vector<std::uint32_t>{0});
    const ThinParams p{src.data(), dst.data(), changed.data(), height, width, rule};
    launch(launch_thin(p), thin_u64_u64__cuda_simt, p);
    std::vector<std::uint64_t> want(x.size());
    const bool went =
        kernels::thin_pass_u64_u64__reference(rule, height, width, x.data(), want.data(), 0, height);
    const std::string label =
        "rule " + std::to_string(static_cast<int>(rule)) + ", " + Images{1, height, width}.label();
    expect_equal("thinning by " + label, dst, want);
    expect_equal("change by " + label, changed, {went ? 1u : 0u});
    x = want;
  }
}

std::vector<SePoint> disk(int radius) {
  std::vector<SePoint> points;
  for (int y = -radius; y <= radius; ++y)
    for (int x = -radius; x <= radius; ++x)
      if (y * y + x * x <= radius * radius) points.push_back({y, x});
  return points;
}

}  // namespace
}  // namespace binmorph::cuda::testing

int main(int argc, char** argv) {
  using namespace binmorph::cuda;
  using namespace binmorph::cuda::testing;
  if (const ShapeFile shapes(argc, argv); shapes)
    return run_all("elements", [&] {
      for (const std::uint32_t width : shapes.numbers("width")) {
        check_thinning(1 + width % 7, width);
        const WalkShape kind = width % 3 == 0 ? WalkShape::cross3 : WalkShape::box3;
        check_walk({1, 9, width}, kind, std::vector<BoxReach>(2, {1, 1, 1, 1}), width % 4, 1, 8);
        check_hit_or_miss({1, 1 + width % 4, width}, 0020, 0757);
        check_program({1, 9, width}, disk(3), width % 2 == 0, 48 << 10);
      }
    });
  return run_all("elements", [] {
    check_walks();
    for (const std::uint32_t width : {1u, 63u, 64u, 65u, 130u}) {
      check_hit_or_miss({2, 9, width}, 0020, 0757);
      check_hit_or_miss({1, 17, width}, 0022, 0440);
      check_hit_or_miss({1, 3, width}, 0, 0111);
    }
    std::vector<SePoint> gaps, east, west;  // the last two read words on one side only
    for (int i = 0; i < 40; ++i)
      gaps.push_back({static_cast<int>(below(9)) - 2, static_cast<int>(below(200)) - 90});
    for (int x = 60; x <= 66; ++x) east.push_back({0, x}), west.push_back({0, -x});
    for (const auto& element : {box({7, 7, 7, 7}), gaps, east, west, disk(5), disk(17)})
      for (const bool border : {false, true})
        for (const std::uint32_t width : {1u, 64u, 100u, 257u})
          check_program({width == 64 ? 2u : 1u, width == 1 ? 3u : 70u, width}, element, border,
                        width % 2 == 0 ? 48 << 10 : 200 << 10);
    for (const std::uint32_t width : {1u, 2u, 63u, 64u, 65u, 130u, 200u})
      for (const std::uint32_t height : {1u, 2u, 37u}) check_thinning(height, width);
    check_words(1);
    check_words(300);
  });
}
