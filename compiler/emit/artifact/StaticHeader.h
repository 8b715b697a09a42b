// emit/artifact/StaticHeader.h -- the header that declares an artifact's linked-in kernels.
#pragma once
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

namespace halcyon {

// C and C++. `stem`: the artifact's name without folder and extension; "my-model" gives MY_MODEL_KERNELS.
void writeStaticHeader(llvm::StringRef stem, llvm::StringRef table, size_t entries, llvm::raw_ostream &stream);

} // namespace halcyon
