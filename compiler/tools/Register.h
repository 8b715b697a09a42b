// tools/Register.h -- the dialects and passes that halcyonc and halcyon-opt know.
#pragma once

namespace mlir {
class DialectRegistry;
}

namespace halcyon {

// Every dialect that a model, or a pass on it, may hold; with the interfaces that passes need.
void registerDialects(mlir::DialectRegistry &registry);

// Every pass of the compiler, by its own name, for halcyon-opt.
void registerPasses();

} // namespace halcyon
