// The one exception of the core; the bindings turn each kind into a class of binmorph.errors.
#pragma once

#include <stdexcept>
#include <string>

namespace binmorph {

enum class ErrorKind { format, shape, dtype, domain, isa, memory_limit, device, unsupported };

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace binmorph
