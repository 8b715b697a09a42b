#include "tensor/SmallFloats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <bit>
#include <cmath>

using namespace mlir;
using namespace halcyon;

static uint16_t brainBits(float number) {
  const auto bits = std::bit_cast<uint32_t>(number);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return static_cast<uint16_t>(bits >> 16 | 0x40); // a NaN stays one
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// What is too large becomes infinite.
static uint16_t halfBits(float number) {
  const auto bits = std::bit_cast<uint32_t>(number);
  const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return static_cast<uint16_t>(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x477ff000)
    return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 113u << 23) { // denormal: the addition of 0.5 rounds, its unit is 2^-24
    const float sum = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(sum) - 0x3f000000));
  }
  return static_cast<uint16_t>(sign | ((magnitude + 0xfff + (magnitude >> 13 & 1) - (112u << 23)) >> 13));
}

std::optional<StridedConstant> halcyon::floatWeights(Value value) {
  auto isSmall = [](Type element) { return element.isF16() || element.isBF16(); };
  Type element = getElementTypeOrSelf(value);
  if (!element.isF32() && !isSmall(element))
    return {};
  std::optional<ComputedConstant> constant = computedConstant(value);
  if (!constant || constant->inputs.size() != 1)
    return {};
  const StridedConstant &only = constant->inputs.front();
  if (!constant->op)
    return only;
  Block *body = constant->op.getBody();
  auto widened = body->getTerminator()->getOperand(0).getDefiningOp<arith::ExtFOp>();
  if (!element.isF32() || !widened || widened.getIn() != body->getArgument(0) || !isSmall(only.element))
    return {};
  return only;
}

std::optional<SmallVector<uint16_t>> halcyon::smallFloats(const StridedConstant &weights, Precision precision) {
  SmallVector<uint16_t> made;
  made.reserve(ShapedType::getNumElements(weights.shape));
  bool fits = true;
  visitElements(weights, [&](const char *element) {
    if (!weights.element.isF32()) {
      std::memcpy(&made.emplace_back(), element, sizeof(uint16_t));
      return;
    }
    float number;
    std::memcpy(&number, element, sizeof(number));
    made.push_back(precision == Precision::f16 ? halfBits(number) : brainBits(number));
    fits &= precision == Precision::bf16 || !std::isfinite(number) || (made.back() & 0x7fff) != 0x7c00;
  });
  return fits ? std::optional(std::move(made)) : std::nullopt;
}
