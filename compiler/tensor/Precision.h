// tensor/Precision.h -- what halcyonc --precision asks for.
#pragma once

namespace halcyon {

enum class Precision { f32, f16, bf16 };

} // namespace halcyon
