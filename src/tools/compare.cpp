#include "compare.hpp"

#include <cmath>

#include "fail.hpp"

namespace tools {
namespace {

long double magnitude(long double real, long double imaginary) {
  return imaginary == 0 ? std::fabs(real) : std::hypot(real, imaginary);
}

// |a - b|; infinity where it is not a number although it should be one.
long double distance(long double a, long double b) {
  if (std::isnan(a) && std::isnan(b)) return 0;
  if (a == b) return 0;
  const long double difference = std::fabs(a - b);
  return std::isnan(difference) ? INFINITY : difference;
}

}  // namespace

Comparison compare(const HostTensor& actual, const HostTensor& reference, double rtol, double atol) {
  if (actual.type != reference.type || actual.shape != reference.shape)
    return {false, "expected " + describe(reference.type, reference.shape) + ", got " + describe(actual.type, actual.shape)};
  const bool complex = reference.type.kind == halcyon::ElementKind::complex;
  const uint64_t count = reference.elements();
  long double top = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const long double size = magnitude(element(reference, i), complex ? element(reference, i, true) : 0);
    if (std::isfinite(size) && size > top) top = size;
  }
  bool holds = true;
  uint64_t wrong = 0, worst_at = 0;
  long double worst = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const long double b = element(reference, i), a = element(actual, i);
    const long double ib = complex ? element(reference, i, true) : 0, ia = complex ? element(actual, i, true) : 0;
    const long double off = magnitude(distance(a, b), distance(ia, ib));
    const long double size = magnitude(b, ib);
    const long double allowed = static_cast<long double>(atol) * top +
                                (std::isfinite(size) ? static_cast<long double>(rtol) * size : 0);
    if (!(off <= allowed)) {
      holds = false;
      ++wrong;
    }
    if (off > worst) {
      worst = off;
      worst_at = i;
    }
  }
  const long double relative = worst == 0 ? 0 : worst / top;
  std::string text = format("max |a-b| / max|b| = %.3Lg at %s", relative,
                            count ? position(reference.shape, worst_at).c_str() : "[]");
  if (!holds)
    text += format(": got %.9Lg, expected %.9Lg; %llu of %llu elements differ too much", element(actual, worst_at),
                   element(reference, worst_at), static_cast<unsigned long long>(wrong),
                   static_cast<unsigned long long>(count));
  return {holds, text};
}

}  // namespace tools
