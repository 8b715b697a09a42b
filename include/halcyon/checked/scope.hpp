// halcyon/checked/scope.hpp -- the lock of a checked device, and what waits until it is given back: objects to let go
// of, and a line to report.
//
//   Scope scope(*this);
//   name(scope.line().add("map: "), buffer).add(" was freed");
//
// Threads: one each.
#pragma once
#include "halcyon/checked/device.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

class CheckedDevice::Scope {
 public:
  explicit Scope(CheckedDevice& device) : device_(device), line_(text_) { device_.mutex_.lock(); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() {
    const Window::Trash trash = device_.window_.take_trash();
    device_.mutex_.unlock();
    if (trash.nodes || trash.holdings) {
      Window::release(trash);
      platform::Lock lock(device_.mutex_);
      device_.window_.keep(trash);
    }
    device_.report(line_);
  }
  Line& line() { return line_; }

 private:
  CheckedDevice& device_;
  char text_[512] = "";
  Line line_;
};

}  // namespace checking
HALCYON_NAMESPACE_END
