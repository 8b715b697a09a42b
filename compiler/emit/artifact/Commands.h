// emit/artifact/Commands.h -- a host.commands as the artifact's command list.
#pragma once
#include "llvm/ADT/StringMap.h"

#include "dialect/host/Host.h"
#include "emit/artifact/Types.h"

namespace halcyon {

// `exports`: the number of each kernel, by its symbol.
mlir::FailureOr<flatbuffers::Offset<schema::CommandList>>
encodeCommands(host::CommandsOp list, const llvm::StringMap<uint32_t> &exports,
               Locations &locations, flatbuffers::FlatBufferBuilder &builder);

} // namespace halcyon
