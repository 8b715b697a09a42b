// The conformance suite's table of this driver: one row.
#include "cts.hpp"
#include "queued.hpp"

namespace cts {

static const Backend rows[] = {
    {"queued", [](const Allocator& allocator) { return need(queued::create_device({allocator, static_kernels()})); }, true, 1}};
std::span<const Backend> table() { return rows; }

}  // namespace cts
