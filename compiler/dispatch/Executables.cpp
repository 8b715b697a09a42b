#include "dispatch/Outline.h"

#include "mlir/IR/AsmState.h"

using namespace mlir;
using namespace halcyon::dispatch;

// A location's name, fit for a symbol: letters, digits and underscores.
static std::string nameOf(Location loc) {
  std::string name;
  loc->walk([&](Location inner) {
    auto named = dyn_cast<NameLoc>(inner);
    if (!named)
      return WalkResult::advance();
    name = named.getName().str();
    return WalkResult::interrupt();
  });
  for (char &letter : name)
    if (!llvm::isAlnum(letter))
      letter = '_';
  return StringRef(name).take_front(64).str();
}

std::string halcyon::dispatch::textOf(ExecutableOp executable) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  executable.print(stream, OpPrintingFlags().printGenericOpForm().enableDebugInfo(false).useLocalScope());
  return text;
}

ExecutableOp Executables::add(ExecutableOp executable, StringRef function, Operation *root) {
  auto [entry, isNew] = byText.try_emplace(textOf(executable), executable);
  if (!isNew) {
    executable.erase();
    return entry->second;
  }
  std::string name = nameOf(root->getLoc());
  if (name.empty())
    name = root->getName().stripDialect().str();
  name = (function + "_" + name).str();
  if (unsigned count = names[name]++)
    name.append("_").append(std::to_string(count));
  // A counted name may meet one that ends in a number.
  while (module.lookupSymbol(name))
    name += "_";
  executable.setSymName(name);
  if (last)
    module.getBody()->getOperations().insert(std::next(last->getIterator()), executable);
  else
    module.getBody()->push_front(executable);
  return last = executable;
}
