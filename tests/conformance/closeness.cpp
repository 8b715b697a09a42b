#include "closeness.hpp"

#include <algorithm>
#include <cmath>

#include "fail.hpp"

namespace conformance {
namespace {

bool is_close(long double a, long double b, double rtol, double atol) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  if (std::isinf(a) || std::isinf(b)) return false;
  return std::fabs(a - b) <= static_cast<long double>(atol) + static_cast<long double>(rtol) * std::fabs(b);
}

}  // namespace

std::string difference(const tools::HostTensor& actual, const tools::HostTensor& reference, double rtol, double atol) {
  if (actual.type != reference.type || actual.shape != reference.shape)
    return "expected " + tools::describe(reference.type, reference.shape) + ", got " + tools::describe(actual.type, actual.shape);
  if (reference.type == halcyon::ElementType::bf16) rtol = std::max(rtol, 0x1p-6);
  const uint64_t count = reference.elements();
  const bool complex = reference.type.kind == halcyon::ElementKind::complex;
  uint64_t wrong = 0, first = 0;
  for (uint64_t i = 0; i < count; ++i) {
    bool close = is_close(element(actual, i), element(reference, i), rtol, atol);
    if (complex) close = close && is_close(element(actual, i, true), element(reference, i, true), rtol, atol);
    if (!close && wrong++ == 0) first = i;
  }
  if (wrong == 0) return "";
  return tools::format("%llu of %llu elements differ, the first at %s: expected %.9Lg, got %.9Lg",
                       static_cast<unsigned long long>(wrong), static_cast<unsigned long long>(count),
                       tools::position(reference.shape, first).c_str(), element(reference, first), element(actual, first));
}

}  // namespace conformance
