// emit/artifact/Commands.h -- a host.commands as the artifact's command list.
#pragma once
#include "llvm/ADT/StringMap.h"

#include "dialect/host/Host.h"
#include "emit/artifact/Types.h"

namespace halcyon {

// Where a plan has a kernel.
struct KernelPlace {
  uint32_t executable = 0;
  uint32_t number = 0; // among its exports
};

// `exports`: the number of each kernel, by its symbol.
mlir::FailureOr<flatbuffers::Offset<schema::CommandList>>
encodeCommands(host::CommandsOp list, const llvm::StringMap<KernelPlace> &exports,
               Locations &locations, flatbuffers::FlatBufferBuilder &builder);

} // namespace halcyon
