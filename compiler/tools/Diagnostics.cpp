#include "tools/Diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

// The first file and the first name that a location holds.
static void printLocation(llvm::raw_ostream &stream, Location loc) {
  FileLineColLoc file;
  NameLoc name;
  loc->walk([&](Location inner) {
    if (auto found = dyn_cast<FileLineColLoc>(inner); found && !file)
      file = found;
    if (auto found = dyn_cast<NameLoc>(inner); found && !name)
      name = found;
    return WalkResult::advance();
  });
  if (file) {
    stream << file.getFilename().getValue();
    if (file.getLine())
      stream << ':' << file.getLine() << ':' << file.getColumn();
    stream << ": ";
  }
  if (name)
    stream << '\'' << name.getName().getValue() << "': ";
}

halcyon::PrintDiagnostics::PrintDiagnostics(MLIRContext *context) : ScopedDiagnosticHandler(context) {
  context->printOpOnDiagnostic(false);
  setHandler([](Diagnostic &diagnostic) {
    llvm::SmallString<256> text;
    llvm::raw_svector_ostream stream(text);
    auto line = [&](const Diagnostic &each, StringRef severity) {
      stream << "halcyonc: ";
      printLocation(stream, each.getLocation());
      stream << severity << ": " << each.str();
    };
    switch (diagnostic.getSeverity()) {
    case DiagnosticSeverity::Error:
      line(diagnostic, "error");
      break;
    case DiagnosticSeverity::Warning:
      line(diagnostic, "warning");
      break;
    case DiagnosticSeverity::Note:
    case DiagnosticSeverity::Remark:
      line(diagnostic, "note");
      break;
    }
    for (Diagnostic &note : diagnostic.getNotes()) {
      stream << " (";
      if (note.getLocation() != diagnostic.getLocation())
        printLocation(stream, note.getLocation());
      stream << note.str() << ')';
    }
    // One line: a message's own line breaks, as of a type or an operation, are spaces.
    for (char &letter : text)
      letter = letter == '\n' ? ' ' : letter;
    llvm::errs() << text << '\n';
  });
}
