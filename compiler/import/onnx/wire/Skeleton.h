// import/onnx/wire/Skeleton.h -- a model's message without its big tensors.
//
// protobuf 3.21 copies every `bytes` field and ends at 2 GiB. So the file's
// wire format is walked once, and each TensorProto.raw_data over 64 bytes
// is replaced by its place in the file (TensorProto.file_offset, file_size).
// What is left is small, and protobuf parses and checks it.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace halcyon::onnx {

// False and a line in `error` where the bytes are not wire format.
bool makeSkeleton(std::span<const std::byte> file, std::string &skeleton, std::string &error);

} // namespace halcyon::onnx
