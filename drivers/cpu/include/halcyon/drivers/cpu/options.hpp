// halcyon/drivers/cpu/options.hpp -- what create_device of the CPU driver can be asked for.
#pragma once
#include <span>
#include <string_view>
#include <type_traits>

#include "halcyon/drivers/shared/recording.hpp"
#include "halcyon/hal/device.hpp"
#include "halcyon/hal/kernel_abi.h"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

// The application's own thread pool, in place of the driver's.
struct TaskPool {
  void* self = nullptr;
  // Calls `task(context, index, worker)` once for every index below `count`, from any threads, and returns when
  // all have returned. `worker` is below `workers`; two calls at the same time have different ones.
  void (*run)(void* self, uint32_t count, void (*task)(void* context, uint32_t index, uint32_t worker), void* context) = nullptr;
  uint32_t workers = 0;
};

// Kernels that the application gives, borrowed. What searches a list is linked only where there is one.
class Kernels {
 public:
  // Sets the functions of a variant's kernels; or says which is not in the list.
  hal::Rejection resolve(const hal::ExecutableDesc& desc, const hal::VariantDesc& variant, std::span<shared::Kernel> kernels) const {
    return resolve_ ? resolve_(*this, desc, variant, kernels) : hal::Rejection{"the application gave no such kernel", desc.exports.empty() ? std::string_view() : desc.exports[0].name};
  }

 protected:
  const void* entries_ = nullptr;
  size_t count_ = 0;
  hal::Rejection (*resolve_)(const Kernels& list, const hal::ExecutableDesc& desc, const hal::VariantDesc& variant,
                             std::span<shared::Kernel> kernels) = nullptr;
};

template <class Entry>
class KernelList : public Kernels {
 public:
  constexpr KernelList() = default;
  template <class List>
    requires(std::is_convertible_v<const List&, std::span<const Entry>>)
  KernelList(const List& list) {
    const std::span<const Entry> entries = list;
    entries_ = entries.data();
    count_ = entries.size();
    resolve_ = &search;
  }

 private:
  static hal::Rejection search(const Kernels& list, const hal::ExecutableDesc& desc, const hal::VariantDesc& variant,
                               std::span<shared::Kernel> kernels) {
    const KernelList& mine = static_cast<const KernelList&>(list);
    const std::span<const Entry> entries(static_cast<const Entry*>(mine.entries_), mine.count_);
    for (size_t i = 0; i < kernels.size() && i < variant.exports.size(); ++i) {
      kernels[i].function = nullptr;
      for (const Entry& entry : entries)
        if (!kernels[i].function && is(entry, desc.exports[i], variant.exports[i])) kernels[i].function = entry.kernel;
      if (!kernels[i].function) return {"the application gave no such kernel", desc.exports[i].name};
    }
    return {};
  }
  static bool is(const hcy_static_kernel& entry, const hal::ExportDesc&, const hal::VariantExport& how) { return entry.hash == how.hash; }
  static bool is(const hcy_named_kernel& entry, const hal::ExportDesc& what, const hal::VariantExport&) {
    return entry.name && what.name == entry.name;
  }
};

struct InlineOptions {
  KernelList<hcy_static_kernel> static_kernels = {};  // for Format::static_table
#if !defined(HALCYON_FREESTANDING)
  Allocator allocator = system_allocator();
#else
  Allocator allocator = {};
#endif
  uint64_t pool_limit = 512ull << 20;  // bytes of freed buffers kept for reuse
  KernelList<hcy_named_kernel> kernels = {};  // the application's own by name, for Format::named
};

struct DeviceOptions {
  bool mappable = true;    // device-local buffers map; false: as on a device with memory of its own
  uint32_t threads = 1;    // the caller included; 0: one for each processor
  bool guard = false;      // every buffer ends at an unmapped page, and is unmapped when freed; slow
  bool queue = false;      // work runs on a thread of the device: submit only queues it, in memory of its own
  bool pin = false;        // each pool thread stays on a processor of its own
#if !defined(HALCYON_FREESTANDING)
  Allocator allocator = system_allocator();
#else
  Allocator allocator = {};
#endif
  TaskPool task_pool = {};    // used instead of `threads` where set; borrowed
  KernelList<hcy_static_kernel> static_kernels = {};  // as in InlineOptions
  std::string_view features = "";     // "baseline", "avx2", "avx512": no instruction beyond; "": all there are
  uint64_t pool_limit = 512ull << 20;  // as in InlineOptions
  KernelList<hcy_named_kernel> kernels = {};  // as in InlineOptions
  uint64_t memory_limit = UINT64_MAX;  // bytes of buffers, kept ones included; more is out_of_memory
  bool coherent = true;    // false: mapped views are apart from the buffer until flushed or invalidated; for tests
};

}  // namespace cpu
HALCYON_NAMESPACE_END
