// What the tests of checked() share: a checked device that keeps its reports, and work in one line.
//
//   Checked device(true);                            // around a device whose memory maps
//   device.fill(*buffer, 1, {}, {{done.get(), 1}});
//   REQUIRE(device.reports_of("no semaphore orders them") == 1);
#pragma once
#include "cts.hpp"
#include "halcyon/checked.hpp"
#include "halcyon/drivers/null.hpp"
#if defined(CTS_CPU)
#include "halcyon/drivers/cpu.hpp"
#endif

namespace cts {

inline Owned<hal::Device> plain_device(bool mappable) {
#if defined(CTS_CPU)
  cpu::DeviceOptions options;
  options.mappable = mappable;
  options.static_kernels = static_kernels();
  return need(cpu::create_device(options));
#else
  (void)mappable;
  return need(null::create_device());
#endif
}

struct Checked {
  std::vector<std::string> reports;
  Owned<hal::Device> device;

  explicit Checked(bool mappable = true, CheckedOptions options = {}) {
    options.report = [](void* user, std::string_view text) { static_cast<Checked*>(user)->reports.emplace_back(text); };
    options.user = this;
    device = need(checked(plain_device(mappable), options));
  }
  hal::Device& operator*() const { return *device; }
  hal::Device* operator->() const { return device.get(); }

  // How many reports contain the words.
  int reports_of(const char* words) const {
    int count = 0;
    for (const std::string& report : reports) count += report.find(words) != std::string::npos;
    return count;
  }
  Ref<hal::Buffer> buffer(const char* label, uint64_t size = 64) { return need(device->allocate({.size = size, .label = label})); }
  Ref<hal::Semaphore> semaphore(uint64_t value = 0) { return need(device->create_semaphore(value)); }

  Status submit(const Command& transfer, const std::vector<Binding>& bindings, const std::vector<Timepoint>& waits = {},
                const std::vector<Timepoint>& signals = {}) {
    return device->submit({.waits = waits, .signals = signals, .transfers = {&transfer, 1}, .bindings = bindings});
  }
  // Writes bytes [offset, offset + size) of the buffer.
  Status fill(hal::Buffer& target, std::vector<Timepoint> waits = {}, std::vector<Timepoint> signals = {}, uint64_t offset = 0,
              uint64_t size = UINT64_MAX) {
    Transfer transfer;
    cts::fill(transfer, range(0, offset, size), 1, 1);
    return submit(transfer.command, {{.buffer = &target}}, waits, signals);
  }
  Status copy(hal::Buffer& target, hal::Buffer& source, std::vector<Timepoint> waits = {}, std::vector<Timepoint> signals = {}) {
    Transfer transfer;
    cts::copy(transfer, range(0), range(1));
    return submit(transfer.command, {{.buffer = &target}, {.buffer = &source}}, waits, signals);
  }
};

}  // namespace cts
