#include "codegen/cpu/StaticLibrary.h"

#include "codegen/cpu/Object.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

#include <set>

using namespace mlir;
using namespace halcyon;

static std::string tableName(ArrayRef<uint64_t> hashes) {
  llvm::SHA256 hash;
  for (uint64_t kernel : hashes) {
    std::array<uint8_t, 8> bytes;
    llvm::support::endian::write64le(bytes.data(), kernel);
    hash.update(bytes);
  }
  const uint64_t digest = llvm::support::endian::read64le(hash.final().data());
  return "hcy_kernels_" + llvm::utohexstr(digest, /*LowerCase=*/true, /*Width=*/16);
}

FailureOr<StaticLibrary> halcyon::linkStaticLibrary(ArrayRef<CompiledVariant> variants,
                                                    function_ref<InFlightDiagnostic()> emitError) {
  const CompiledVariant &first = variants.front();
  for (const CompiledVariant &variant : variants) {
    if (!llvm::Triple(variant.triple).isOSBinFormatELF())
      return emitError() << "--executables=static writes an ELF object, which is not for " << variant.triple;
    if (variant.target != first.target)
      return emitError() << "--executables=static writes one object file, which cannot be for " << first.target
                         << " and for " << variant.target;
  }

  std::vector<std::string> objects;
  std::vector<uint64_t> hashes;
  std::set<uint64_t> known;
  for (const CompiledVariant &variant : variants)
    for (auto [object, hash] : llvm::zip(variant.objects, variant.hashes))
      if (known.insert(hash).second) {
        objects.push_back(object);
        hashes.push_back(hash);
      }

  StaticLibrary library;
  library.table = tableName(hashes);
  library.entries = std::max<size_t>(hashes.size(), 1);
  std::string error;
  // What all variants call runs on every machine of the triple.
  FailureOr<ResolvedTarget> baseline = resolveTarget({first.triple, "", {}}, error);
  if (failed(baseline))
    return emitError() << "target " << first.triple << ": " << error;
  FailureOr<std::string> table = emitTableObject(*baseline, *createTargetMachine(*baseline, 2), library.table, hashes, error);
  if (failed(table))
    return emitError() << "target " << first.triple << ": " << error;
  objects.push_back(std::move(*table));
  FailureOr<std::string> object = linkRelocatable(objects, error);
  if (failed(object))
    return emitError() << "link: " << error;
  library.object = std::move(*object);
  return library;
}
