// Bits on GPUs: packed, unpacked, copied, combined; on a stream of the caller's.
#pragma once

#include <optional>
#include <utility>

#include "cuda/words.h"

namespace binmorph::cuda {

// A flag on the device, 0 at first.
class Flag {
 public:
  explicit Flag(Work& work);
  void clear() const;
  std::uint32_t* data() const { return pointer<std::uint32_t>(words_.address()); }
  bool read() const;  // waits

 private:
  Work& work_;
  const Words& words_;
};

// All throw Error(shape) where words or extents do not fit, Error(memory_limit), Error(device).

// op as in BitwiseParams, 0 to 3.
NewWords combine(Stream stream, std::uint32_t op, const Words& first, const Words& second);
NewWords complement(Stream stream, std::size_t rows, std::size_t width, const Words& src);
bool equal(Stream stream, const Words& first, const Words& second);  // waits

// Rows of bytes 0 and 1 (or float32, `wide`) packed. With `check`: the index of the first element that is
// neither, for which it waits.
std::pair<NewWords, std::optional<std::uint64_t>> pack_rows(Device& device, Stream stream, Address values,
                                                            bool wide, bool check, std::size_t rows,
                                                            std::size_t width);

// dst: rows * width bytes, 0 or 1.
void unpack_rows(Stream stream, const Words& src, std::size_t rows, std::size_t width, Address dst);

NewWords upload(Device& device, Stream stream, const std::uint64_t* words, std::size_t count);
void download(Stream stream, const Words& src, std::uint64_t* words);  // waits

}  // namespace binmorph::cuda
