#include "cuda/device_bits.h"

#include <string>

#include "binmorph/error.h"
#include "kernels/common/bits.h"
#include "kernels/morphology2d/cuda_morphology2d.h"
#include "kernels/pack/cuda_pack.h"

namespace binmorph::cuda {
namespace {

void check_rows(std::size_t rows, std::size_t width, const Words& words) {
  if (words.count() != rows * words_for(width) || width > UINT32_MAX / 2)
    throw Error(ErrorKind::shape, std::to_string(rows) + " rows of " + std::to_string(width) +
                                      " bits do not lie in " + std::to_string(words.count()) + " words");
}

}  // namespace

Flag::Flag(Work& work) : work_(work), words_(work.make(1)) { clear(); }

void Flag::clear() const {
  check(driver().cuMemsetD8Async(words_.address(), 0, sizeof(std::uint32_t), work_.stream()),
        "clearing a flag");
}

bool Flag::read() const {
  std::uint32_t value = 0;
  work_.copy(&value, words_.address(), sizeof value);
  return value != 0;
}

NewWords combine(Stream stream, std::uint32_t op, const Words& first, const Words& second) {
  if (first.count() != second.count() || &first.device() != &second.device())
    throw Error(ErrorKind::shape, "bit logic needs operands of one size on one device");
  Work work(first.device(), stream, {&first, &second});
  const Words& result = work.make(first.count());
  const BitwiseParams params{first.data(), second.data(), nullptr, result.data(), first.count(), op};
  work.launch("bitwise_u64_u64__cuda_simt", launch_bitwise(params), params);
  return work.take(result);
}

NewWords complement(Stream stream, std::size_t rows, std::size_t width, const Words& src) {
  check_rows(rows, width, src);
  Work work(src.device(), stream, {&src});
  const Words& result = work.make(src.count());
  const ComplementParams params{src.data(), result.data(), rows, static_cast<std::uint32_t>(width)};
  work.launch("complement_u64_u64__cuda_simt", launch_complement(params), params);
  return work.take(result);
}

bool equal(Stream stream, const Words& first, const Words& second) {
  if (first.count() != second.count() || &first.device() != &second.device()) return false;
  if (first.count() == 0) return true;
  Work work(first.device(), stream, {&first, &second});
  const Flag flag(work);
  const DifferParams params{first.data(), second.data(), flag.data(), first.count()};
  work.launch("differ_u64_u32__cuda_simt", launch_differ(params), params);
  return !flag.read();
}

std::pair<NewWords, std::optional<std::uint64_t>> pack_rows(Device& device, Stream stream, Address values,
                                                            bool wide, bool check_values, std::size_t rows,
                                                            std::size_t width) {
  Work work(device, stream, {});
  const Words &result = work.make(rows * words_for(width)), &flag = work.make(1);
  check(driver().cuMemsetD8Async(flag.address(), 0xFF, sizeof(std::uint64_t), stream), "clearing a flag");
  PackParams params{};
  params.src = pointer<void>(values);
  params.strides = {width, 0, 1};
  params.dst = result.data();
  params.invalid = flag.data();
  params.images = rows;
  params.pixels = 1;
  params.channels = static_cast<std::uint32_t>(width);
  params.levels = 1;
  work.launch(wide ? "pack_binary_f32_u64__cuda_simt" : "pack_binary_u8_u64__cuda_simt", launch_pack(params),
              params);
  if (!check_values) return {work.take(result), std::nullopt};
  std::uint64_t invalid = 0;
  work.copy(&invalid, flag.address(), sizeof invalid);
  return {work.take(result), invalid == UINT64_MAX ? std::nullopt : std::optional(invalid)};
}

void unpack_rows(Stream stream, const Words& src, std::size_t rows, std::size_t width, Address dst) {
  check_rows(rows, width, src);
  Work work(src.device(), stream, {&src});
  const UnpackParams params{src.data(), pointer<std::uint8_t>(dst), rows, 1,
                            static_cast<std::uint32_t>(width)};
  work.launch("unpack_u64_u8__cuda_simt", launch_unpack(params), params);
}

NewWords upload(Device& device, Stream stream, const std::uint64_t* words, std::size_t count) {
  Work work(device, stream, {});
  const Words& result = work.make(count);
  work.copy(result.address(), words, 8 * count);
  return work.take(result);
}

void download(Stream stream, const Words& src, std::uint64_t* words) {
  const Work work(src.device(), stream, {&src});
  work.copy(words, src.address(), 8 * src.count());
}

}  // namespace binmorph::cuda
