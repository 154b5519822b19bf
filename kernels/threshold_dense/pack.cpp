#include "kernels/threshold_dense/pack.h"

#include <algorithm>

#include "kernels/transpose/transpose.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t kLineWords = 8;

const std::uint64_t* aligned(const std::uint64_t* words) {
  const auto address = reinterpret_cast<std::uintptr_t>(words);
  return reinterpret_cast<const std::uint64_t*>((address + 63) / 64 * 64);
}

DenseForm form_of(std::size_t inputs, std::size_t mask_words, const std::uint64_t* plus,
                  const std::uint64_t* minus) {
  const std::size_t words = words_for(inputs);
  bool mask = true, sign = true;
  for (std::size_t at = 0; at < mask_words; ++at) {
    const std::uint64_t all = at % words + 1 == words ? tail_mask(inputs) : ~std::uint64_t{0};
    mask = mask && minus[at] == 0;
    sign = sign && (plus[at] ^ minus[at]) == all;
  }
  return mask ? DenseForm::mask : sign ? DenseForm::sign : DenseForm::ternary;
}

}  // namespace

DensePack::DensePack(std::size_t inputs, std::size_t outputs, const std::uint64_t* plus,
                     const std::uint64_t* minus, const std::int32_t* threshold, const std::uint8_t* invert) {
  const std::size_t in_words = words_for(inputs), out_words = words_for(outputs);
  DenseProgram& p = program_;
  p = {form_of(inputs, outputs * in_words, plus, minus),
       inputs,
       outputs,
       out_words == 1   ? 1u
       : out_words <= 4 ? 4u
                        : 8u,
       0,
       nullptr,
       nullptr,
       nullptr};
  while ((std::size_t{1} << p.bits) <= 2 * inputs + 2) ++p.bits;

  // [inputs][out_words] of each copy, then its columns.
  std::vector<std::uint64_t> transposed(inputs * out_words), left;
  rows_.assign(p.columns() * p.column_rows() * p.pitch + kLineWords, 0);
  auto* rows = const_cast<std::uint64_t*>(aligned(rows_.data()));
  for (std::size_t copy = 0; copy < p.copies(); ++copy) {
    const std::uint64_t* masks = plus;
    if (copy == 1) {
      left.resize(outputs * in_words);
      std::transform(minus, minus + left.size(), left.begin(), [](std::uint64_t w) { return ~w; });
      masks = left.data();
    }
    images_to_planes_u64_u64__generic(masks, outputs, in_words, inputs, transposed.data(), out_words);
    for (std::size_t i = 0; i < inputs; ++i)
      for (std::size_t w = 0; w < out_words; ++w)
        rows[((w / p.pitch * p.column_rows()) + i * p.copies() + copy) * p.pitch + w % p.pitch] =
            transposed[i * out_words + w];
  }

  start_.assign(p.columns() * p.bits * p.pitch, 0);
  invert_.assign(p.columns() * p.pitch, 0);
  const std::int64_t most = (std::int64_t{1} << p.bits) - 1;
  for (std::size_t o = 0; o < outputs; ++o) {
    const std::size_t column = o / (64 * p.pitch), lane = o % (64 * p.pitch);
    const auto shift = p.form == DenseForm::mask ? 0 : static_cast<std::int64_t>(inputs);
    const std::int64_t start = std::clamp<std::int64_t>(most - threshold[o] - shift, 0, most);
    for (std::size_t b = 0; b < p.bits; ++b)
      set_bit(&start_[(column * p.bits + b) * p.pitch], lane, (start >> b) & 1);
    set_bit(&invert_[column * p.pitch], lane, invert[o] != 0);
  }
}

DenseProgram DensePack::program() const {
  DenseProgram p = program_;
  p.rows = aligned(rows_.data());
  p.start = start_.data();
  p.invert = invert_.data();
  return p;
}

}  // namespace binmorph::kernels
