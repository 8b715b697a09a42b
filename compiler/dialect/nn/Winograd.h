// dialect/nn/Winograd.h -- where a tile's polynomials are taken: the filter's transform and those of inputs and sums agree.
#pragma once

namespace halcyon::nn {

// Tiles of 2x2: 0, 1, -1, infinity. Tiles of 4x4: 0, near, -near, far, -far, infinity. The usual 1 and 2 have twice the
// error of these (128 channels, relative to the root mean square: 1.9e-6 and 0.9e-6; a direct sum 0.4e-6). Their squares
// and the product of those have no rounding error in f32.
inline constexpr double winogradNear = 0.625, winogradFar = 1.5;

} // namespace halcyon::nn
