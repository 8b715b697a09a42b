// halcyonc: compiles a model ahead of time into one artifact.
#include "mlir/Support/LLVM.h"
#include "llvm/Support/LogicalResult.h"

#include "tools/CommandLine.h"
#include "tools/Compile.h"

int main(int argc, char **argv) {
  halcyon::Options options;
  switch (halcyon::parseCommandLine(argc, argv, options)) {
  case halcyon::Parsed::help:
    return 0;
  case halcyon::Parsed::usage_error:
    return 2;
  case halcyon::Parsed::ok:
    return llvm::succeeded(halcyon::compile(options)) ? 0 : 1;
  }
}
