// wgmma on bits by itself: what descriptors address and where sums lie, for every width, swizzle and kind of
// A. Emulated it checks the emulation; on a device it settles what the emulation assumes.
#include "device_testing.h"
#include "kernels/common/cuda/wgmma.cuh"

namespace binmorph::cuda {

struct ProbeParams {
  const unsigned char* image;  // of shared memory
  std::uint32_t bytes;
  std::uint64_t a, b;         // descriptors, from address 0
  const unsigned* registers;  // [thread][4]: A, or null
  int* sums;                  // [thread][columns / 2]
};

template <int columns>
__global__ void __launch_bounds__(kWarpgroup) probe(const ProbeParams p) {
  take_turn();
#if BINMORPH_WGMMA
  unsigned char* shared = shared_memory();
  for (unsigned i = threadIdx.x; i < p.bytes; i += kWarpgroup) shared[i] = p.image[i];
  fence_proxy();
  __syncthreads();
  int sum[1][columns / 2];
  for (int i = 0; i < columns / 2; ++i) sum[0][i] = i;  // added to
  const std::uint64_t base = shared_address(shared) >> 4;
  wgmma_fence();
  if (p.registers != nullptr) {
    unsigned a[4];
    for (unsigned i = 0; i < 4; ++i) a[i] = p.registers[threadIdx.x * 4 + i];
    wgmma<columns>(sum[0], a, p.b + base, true);
    wgmma_commit();
    wgmma_wait<0>();
  } else {
    wgmma<columns>(sum[0], p.a + base, p.b + base, true);
    wgmma_commit();
    wgmma_wait<0>();
  }
  settle(sum);
  for (int i = 0; i < columns / 2; ++i) p.sums[threadIdx.x * (columns / 2) + i] = sum[0][i];
#endif
}

namespace testing {
namespace {

// How rows of 256 bits lie. Without swizzle any distances, and any start of 16 bytes.
struct Layout {
  Swizzle swizzle;
  std::uint32_t width, start, leading, stride;
  std::uint32_t at(std::uint32_t row, std::uint32_t chunk) const {
    if (swizzle == Swizzle::none) return start + row / 8 * stride + row % 8 * 16 + chunk * leading;
    const std::uint32_t turns = width / 16, exchange = row * width / 128 % turns;
    return start / width * width + row * width + ((start % width / 16 + chunk) ^ exchange) * 16;
  }
  std::uint64_t descriptor() const { return matrix_at(start, leading, stride, swizzle); }
};

using Matrix = std::vector<std::uint64_t>;  // [rows][4]

void place(std::vector<unsigned char>& image, const Layout& layout, const Matrix& matrix) {
  for (std::uint32_t row = 0; row < matrix.size() / 4; ++row)
    for (std::uint32_t chunk = 0; chunk < 2; ++chunk)
      std::memcpy(image.data() + layout.at(row, chunk), matrix.data() + row * 4 + chunk * 2, 16);
}

template <int columns>
void check(const char* name, const Layout& of_a, const Layout& of_b, bool in_registers) {
  constexpr std::uint32_t kBytes = 96 << 10;
  const Matrix a = random_rows(64, 256), b = random_rows(columns, 256);
  std::vector<unsigned char> bytes(kBytes, 0x55);
  place(bytes, of_a, a);
  place(bytes, of_b, b);
  std::vector<unsigned> registers;
  std::vector<int> want;
  for (std::uint32_t thread = 0; thread < kWarpgroup; ++thread) {
    const std::uint32_t top = thread / 32 * 16 + thread % 32 / 4, quad = thread % 4;
    for (std::uint32_t i = 0; i < 4; ++i) {
      const std::uint64_t word = a[(top + i % 2 * 8) * 4 + i / 2 * 2 + quad / 2];
      registers.push_back(static_cast<unsigned>(word >> (quad % 2 * 32)));
    }
    for (std::uint32_t i = 0; i < columns / 2; ++i) {
      const std::uint32_t row = top + i / 2 % 2 * 8, column = i / 4 * 8 + quad * 2 + i % 2;
      int sum = static_cast<int>(i);
      for (std::uint32_t w = 0; w < 4; ++w) sum += __builtin_popcountll(a[row * 4 + w] & b[column * 4 + w]);
      want.push_back(sum);
    }
  }
  Array<unsigned char> image(bytes);
  Array<unsigned> fragments(registers);
  Array<int> sums(want.size());
  const ProbeParams params{
      image.data(), kBytes, of_a.descriptor(), of_b.descriptor(), in_registers ? fragments.data() : nullptr,
      sums.data()};
  const std::size_t before = failures;
  launch({1, 1, 1, kWarpgroup, kBytes}, probe<columns>, params);
  expect_equal(std::string("wgmma ") + name, sums, want);
  std::printf("m64n%dk256 %s, A in %s: %s\n", columns, name, in_registers ? "registers" : "shared memory",
              failures == before ? "as assumed" : "DIFFERENT");
}

template <int columns>
void check_width() {
  constexpr std::uint32_t kB = 32 << 10;  // where B begins
  for (const bool registers : {false, true}) {
    check<columns>("no swizzle", {Swizzle::none, 16, 0, 1024, 128},
                   {Swizzle::none, 16, kB, columns * 16, 128}, registers);
    check<columns>("no swizzle, shifted by 48 bytes, chunks apart", {Swizzle::none, 16, 48, 4112, 128},
                   {Swizzle::none, 16, kB, columns * 32, 256}, registers);
    for (const std::uint32_t offset : {0u, 32u, 64u, 96u})
      check<columns>("128-byte swizzle", {Swizzle::bytes128, 128, offset, 16, 1024},
                     {Swizzle::bytes128, 128, kB + offset, 16, 1024}, registers);
    check<columns>("64-byte swizzle", {Swizzle::bytes64, 64, 32, 16, 512},
                   {Swizzle::bytes64, 64, kB + 32, 16, 512}, registers);
    check<columns>("32-byte swizzle", {Swizzle::bytes32, 32, 0, 16, 256}, {Swizzle::bytes32, 32, kB, 16, 256},
                   registers);
  }
}

}  // namespace
}  // namespace testing
}  // namespace binmorph::cuda

int main() {
  using namespace binmorph::cuda::testing;
  return run_all("wgmma", [] {
    check_width<8>();
    check_width<16>();
    check_width<32>();
    check_width<64>();
    check_width<96>();
    check_width<128>();
    check_width<192>();
    check_width<256>();
  });
}
