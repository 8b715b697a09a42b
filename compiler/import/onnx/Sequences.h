// import/onnx/Sequences.h -- sequences of tensors: elements that the importer knows, or a list of the host program.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

Imported knownSequence(DataType dataType, mlir::Type element, std::vector<Imported> items);
Imported listedSequence(mlir::Value list, DataType dataType, mlir::Type element,
                        std::optional<int64_t> itemRank);

// What all elements have, or openRank where there are none yet; nothing where they may differ.
constexpr int64_t openRank = -1;
std::optional<int64_t> itemRankOf(const Imported &sequence);
std::optional<int64_t> joinItemRanks(std::optional<int64_t> first, std::optional<int64_t> second);
// The rank of what is taken out; an error where it is not known.
llvm::FailureOr<int64_t> knownItemRank(NodeContext &node, const Imported &sequence);
OpFoldResult lengthOf(mlir::ImplicitLocOpBuilder &b, const Imported &sequence);

// The list; of known elements, a new one.
mlir::Value listOf(GraphImporter &graph, mlir::ImplicitLocOpBuilder &b, const Imported &sequence);
mlir::Value insertItem(GraphImporter &graph, mlir::ImplicitLocOpBuilder &b, mlir::Value list,
                       mlir::Value position, Imported item);
mlir::Value appendItem(GraphImporter &graph, mlir::ImplicitLocOpBuilder &b, mlir::Value list,
                       Imported item);

// Of a list; `position` is in range.
llvm::FailureOr<Imported> itemAt(NodeContext &node, mlir::ImplicitLocOpBuilder &b,
                                 const Imported &sequence, mlir::Value position);

// The elements of a list one after another along `axis`, or along one that is new there. Without
// elements, an error at run time, or for a new axis a tensor without elements.
llvm::FailureOr<Imported> joinedItems(NodeContext &node, const Imported &sequence, int64_t axis,
                                      bool isNewAxis);

} // namespace halcyon::onnx
