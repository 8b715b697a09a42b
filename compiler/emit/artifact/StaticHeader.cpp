#include "emit/artifact/StaticHeader.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

static std::string macroName(StringRef stem) {
  std::string name = stem.upper();
  for (char &letter : name)
    if (!isAlnum(letter))
      letter = '_';
  return name.empty() || isDigit(name[0]) ? "_" + name : name;
}

void halcyon::writeStaticHeader(StringRef stem, StringRef table, size_t entries, raw_ostream &stream) {
  const std::string name = macroName(stem);
  stream << formatv(R"(/* The kernels of {0}.hcm, which {0}.o links in. Made by halcyonc; the three files belong together.
 *
 *   halcyon::cpu::create_device({{.static_kernels = {1}_KERNELS})
 */
#ifndef {1}_KERNELS
#include "halcyon/hal/kernel_abi.h"

#ifdef __cplusplus
extern "C" {{
#endif
extern const hcy_static_kernel {2}[{3}];
#ifdef __cplusplus
}
#endif

#define {1}_KERNELS {2}
#define {1}_KERNEL_COUNT {3}
#endif
)",
                    stem, name, table, entries);
}
