// halcyon/drivers/cpu/guard.hpp -- memory that ends at an unmapped page, and is unmapped when it is released: a kernel
// that leaves its buffer stops there.
//
//   memory = guarded_pages();   // slow; an alignment of up to 64 is cut to what the size's own factor allows
//
// Threads: any.
#pragma once
#include "halcyon/allocator.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

namespace detail {

// Bytes of pages for `size`: its own, and one unmapped before and after.
inline size_t guarded_size(size_t size, size_t page) { return (size + page - 1) / page * page + 2 * page; }

inline void* allocate_guarded(void*, size_t size, size_t alignment) {
  const size_t page = platform::page_size(), pages = guarded_size(size, page);
  auto* memory = static_cast<std::byte*>(platform::map_pages(pages, platform::Protection::none));
  if (!memory) return nullptr;
  if (!platform::protect_pages(memory + page, pages - 2 * page, platform::Protection::read_write)) {
    platform::unmap_pages(memory, pages);
    return nullptr;
  }
  const size_t natural = size & (~size + 1);  // the elements' alignment divides the size
  if (alignment <= 64 && natural < alignment) alignment = natural;
  return memory + (pages - page - size) / alignment * alignment;
}

inline void release_guarded(void*, void* memory, size_t size, size_t) {
  const size_t page = platform::page_size();
  const size_t before = reinterpret_cast<uintptr_t>(memory) % page + page;
  platform::unmap_pages(static_cast<std::byte*>(memory) - before, guarded_size(size, page));
}

}  // namespace detail

inline Allocator guarded_pages() { return {nullptr, &detail::allocate_guarded, &detail::release_guarded}; }

}  // namespace cpu
HALCYON_NAMESPACE_END
