// Chains of 3x3 stages, hit-or-miss, compiled elements on tiles, thinning, selections and comparisons of
// words.
#include "binmorph/se_plan.h"
#include "device_kernels.h"
#include "device_testing.h"
#include "kernels/morphology2d/cuda_pack.h"
#include "kernels/morphology2d/reference.cpp"
#include "kernels/thinning/reference.cpp"

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

constexpr std::uint32_t kBox = 0777, kCross = 0272;

void check_chain(const Images& shape, std::uint32_t stages, bool cross, std::uint32_t dilate,
                 std::uint32_t border) {
  auto want = dense_rows(shape, 3);
  Array<std::uint64_t> src(want), dst(want.size());
  const MorphologyChainParams p{src.data(), dst.data(), shape.images, shape.height, shape.width,
                                stages,     dilate,     border,       cross};
  launch(launch_morphology_chain(p), morphology_chain_u64_u64__cuda_simt, p);
  for (std::uint32_t s = 0; s < stages; ++s)
    want = fold(shape, small_element(cross ? kCross : kBox), want, (dilate >> s & 1) != 0,
                (border >> s & 1) != 0);
  expect_equal("chain of " + std::to_string(stages) + ", dilations " + std::to_string(dilate) + ", borders " +
                   std::to_string(border) + ", " + shape.label(),
               dst, want);
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

int main() {
  using namespace binmorph::cuda;
  using namespace binmorph::cuda::testing;
  return run_all("elements", [] {
    for (const std::uint32_t width : {1u, 31u, 63u, 64u, 65u, 97u, 130u, 192u})
      for (const std::uint32_t stages : {2u, 4u})
        for (const bool cross : {false, true}) {
          const Images shape{2, width % 2 == 0 ? 3u : 21u, width};
          for (const std::uint32_t dilate : {0u, 15u, 2u, 5u})
            check_chain(shape, stages, cross, dilate, (dilate * 7 + width) % 16);
          check_chain(shape, stages, cross, 9, 0);
          check_chain(shape, stages, cross, 12, 15);
        }
    for (const std::uint32_t width : {1u, 63u, 64u, 65u, 130u}) {
      check_hit_or_miss({2, 9, width}, 0020, 0757);
      check_hit_or_miss({1, 17, width}, 0022, 0440);
      check_hit_or_miss({1, 3, width}, 0, 0111);
    }
    std::vector<SePoint> box, gaps;
    for (int y = -7; y <= 7; ++y)
      for (int x = -7; x <= 7; ++x) box.push_back({y, x});
    for (int i = 0; i < 40; ++i)
      gaps.push_back({static_cast<int>(below(9)) - 2, static_cast<int>(below(200)) - 90});
    std::vector<SePoint> east, west;  // each reads words on one side only
    for (int x = 60; x <= 66; ++x) east.push_back({0, x}), west.push_back({0, -x});
    for (const auto& element : {box, gaps, east, west, disk(5), disk(17)})
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
