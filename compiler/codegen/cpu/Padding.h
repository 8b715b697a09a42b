// codegen/cpu/Padding.h -- a padded operand that register blocks read without a padded copy.
//
// On tensors it is fill + insert_slice outside of the workgroup's tile (halcyon-cpu-padding). On buffers it is a memory
// that is filled, then gets a copy of the source; where blocks read the source itself, that memory vanishes.
#pragma once
#include "codegen/cpu/RegisterPlan.h"

namespace halcyon {

// A result `parallel * stride + reduction * dilation` of an operand's map; of one position, there is no parallel loop.
struct Window {
  std::optional<unsigned> parallel;
  unsigned reduction = 0;
  int64_t stride = 0, dilation = 0;
};
std::optional<Window> windowOf(mlir::linalg::LinalgOp op, mlir::AffineExpr expr);

// Whether register blocks certainly read through the padding that `padding` makes: of any size, it needs no memory. They do
// where the other operands are panels.
bool readsThroughPadding(mlir::linalg::GenericOp padding, mlir::OpOperand &use);

// Whether the op is part of such a fill + insert_slice.
bool makesPadding(mlir::Operation *op);
// The loop that a tile must not cut, so that blocks know which of their rows reach over the border.
std::optional<unsigned> wholeLoopOfPadding(mlir::linalg::LinalgOp op);

struct Padding {
  struct Dim {
    std::optional<unsigned> result; // of the operand's map, whose position counts; else the position is 0
    llvm::SmallVector<mlir::OpFoldResult> offsets; // to add to it
    int64_t shift = 0;                             // as well
    mlir::OpFoldResult size;                       // of the source
    std::optional<Window> window; // where positions may lie outside
  };
  unsigned operand = 0;
  mlir::Value source;
  mlir::Value value;                         // of what lies outside; may be null where blocks know their rows
  llvm::SmallVector<Dim> dims;               // of the source
  mlir::Value copy;                          // with `made`, what fills it, useless when the op is gone
  llvm::SmallVector<mlir::Operation *> made;
};
void eraseWithViews(mlir::Value memory, mlir::RewriterBase &rewriter);
// Null where the op has no padded operand, or blocks need its copy.
std::optional<Padding> findPadding(const RegisterPlan &plan);

} // namespace halcyon
