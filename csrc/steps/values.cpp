#include <cstring>

#include "binmorph/step.h"
#include "kernels/common/bits.h"

namespace binmorph {
const char* layout_name(Layout layout) { return layout == Layout::rows ? "row-packed" : "batch-sliced"; }

std::size_t value_words(const ValueType& type, Layout layout, Packing packing) {
  if (type.kind == ValueKind::uint8) return (type.size() + 7) / 8;
  if (type.kind == ValueKind::int32 || (type.kind == ValueKind::float32 && !type.flat))
    return (type.size() + 1) / 2;
  if (type.kind == ValueKind::float32) {
    const std::size_t lanes = kernels::kLinearLanes;
    const std::size_t padded = (type.size() + lanes - 1) / lanes * lanes;
    return padded / 2 * (layout == Layout::planes ? kBlockImages : 1);
  }
  if (layout == Layout::planes) return type.size() * kLaneWords;
  if (packing == Packing::channels) return type.height * type.width * words_for(type.channels);
  return type.flat ? words_for(type.size()) : type.channels * type.height * words_for(type.width);
}

Unloader::Unloader(const ValueType& type, Layout layout, Packing packing, Isa isa)
    : type_(type),
      layout_(layout),
      packing_(packing),
      unpack_(best_kernel<kernels::UnpackU8>(isa).run),
      planes_to_images_(best_kernel<kernels::PlanesToImages>(isa).run),
      flatten_(best_kernel<kernels::FlattenValues>(isa).run) {
  if (type.kind == ValueKind::bits && !type.flat && layout == Layout::rows)
    repacker_.emplace(type, packing == Packing::rows ? Packing::channels : Packing::rows, isa);
}

void Unloader::pack(const std::uint64_t* value, Packing packing, std::uint64_t* dst) const {
  if (packing != packing_ && repacker_) return repacker_->run(value, dst);
  std::copy_n(value, value_words(type_, layout_, packing), dst);
}

std::size_t Unloader::scratch_words() const {
  if (type_.kind != ValueKind::bits) return 0;
  if (packing_ == Packing::channels) return type_.channels * words_for(type_.height * type_.width);
  return type_.kind == ValueKind::bits && layout_ == Layout::planes ? kBlockImages * words_for(type_.size())
                                                                    : 0;
}

void Unloader::run(const std::uint64_t* value, std::size_t images, void* dst, std::uint64_t* scratch) const {
  const std::size_t size = type_.size();
  if (type_.kind != ValueKind::bits) {
    const std::size_t pitch = value_words(type_, Layout::rows), pixels = type_.height * type_.width;
    for (std::size_t i = 0; i < images; ++i) {
      char* image = static_cast<char*>(dst) + i * 4 * size;
      if (pixels == 1)
        std::memcpy(image, value + i * pitch, 4 * size);
      else
        flatten_(value + i * pitch, pixels, type_.channels, image);
    }
    return;
  }
  auto* bytes = static_cast<std::uint8_t*>(dst);
  if (layout_ == Layout::planes) {
    planes_to_images_(value, kLaneWords, size, scratch, images, words_for(size));
    unpack_(scratch, images, size, false, bytes);
  } else if (packing_ == Packing::channels) {
    const std::size_t pixels = type_.height * type_.width;
    planes_to_images_(value, words_for(type_.channels), pixels, scratch, type_.channels, words_for(pixels));
    unpack_(scratch, type_.channels, pixels, false, bytes);
  } else if (type_.flat) {
    unpack_(value, 1, size, false, bytes);
  } else {
    unpack_(value, type_.channels * type_.height, type_.width, false, bytes);
  }
}

}  // namespace binmorph
