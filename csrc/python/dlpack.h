// The parts of DLPack that are used here: a capsule of any library, looked at and left to its owner; and
// capsules of words on a GPU.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace dlpack {

// The layout that the DLPack standard (1.0, without a version field) gives these.
struct Tensor {
  void* data;
  std::int32_t device_type, device_id, dimensions;
  std::uint8_t type_code, type_bits;
  std::uint16_t type_lanes;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements; null: C-contiguous
  std::uint64_t byte_offset;
};

inline std::string type_name(const Tensor& t) {
  static const char* const kCodes[] = {"int", "uint", "float", "opaque", "bfloat", "complex", "bool"};
  if (t.type_code == 6) return "bool";
  const std::string code = t.type_code < 6 ? kCodes[t.type_code] : "type " + std::to_string(t.type_code);
  return code + std::to_string(t.type_bits) + (t.type_lanes == 1 ? "" : "x" + std::to_string(t.type_lanes));
}

inline bool contiguous(const Tensor& t) {
  const bool empty = std::find(t.shape, t.shape + t.dimensions, 0) != t.shape + t.dimensions;
  if (t.strides == nullptr || empty) return true;
  std::int64_t expected = 1;
  for (std::int32_t i = t.dimensions - 1; i >= 0; --i) {
    if (t.shape[i] != 1 && t.strides[i] != expected) return false;
    expected *= t.shape[i];
  }
  return true;
}

// (address, device type, device number, dtype, shape, whether C-contiguous)
inline pybind11::tuple view(const pybind11::capsule& capsule) {
  const char* name = capsule.name();
  if (name == nullptr || std::string(name) != "dltensor")
    throw pybind11::value_error("not a DLPack capsule that nobody has used");
  const Tensor& t = *static_cast<const Tensor*>(capsule.get_pointer());
  const std::vector<std::int64_t> shape(t.shape, t.shape + t.dimensions);
  return pybind11::make_tuple(reinterpret_cast<std::uintptr_t>(t.data) + t.byte_offset, t.device_type,
                              t.device_id, type_name(t), pybind11::tuple(pybind11::cast(shape)),
                              contiguous(t));
}

struct ManagedTensor {
  Tensor tensor;
  void* owner;
  void (*deleter)(ManagedTensor*);
};

// uint64 words at `address` on a CUDA device, C-contiguous; the capsule, and whoever takes it, keep `owner`.
inline pybind11::capsule words_capsule(std::shared_ptr<void> owner, void* address, std::int32_t device,
                                       std::vector<std::int64_t> shape) {
  constexpr std::int32_t kCuda = 2;
  constexpr std::uint8_t kUnsigned = 1;
  struct Exported : ManagedTensor {
    std::shared_ptr<void> kept;
    std::vector<std::int64_t> extents;
  };
  auto* made = new Exported{{}, std::move(owner), std::move(shape)};
  made->tensor = {address,   kCuda, device, static_cast<std::int32_t>(made->extents.size()),
                  kUnsigned, 64,    1,      made->extents.data(),
                  nullptr,   0};
  made->owner = made;
  made->deleter = [](ManagedTensor* self) { delete static_cast<Exported*>(self); };
  return pybind11::capsule(static_cast<ManagedTensor*>(made), "dltensor", [](PyObject* capsule) {
    // Whoever used it gave it another name, and calls the deleter.
    if (PyCapsule_IsValid(capsule, "dltensor") == 0) return;
    auto* tensor = static_cast<ManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
    tensor->deleter(tensor);
  });
}

}  // namespace dlpack
