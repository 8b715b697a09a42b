// halcyon/drivers/shared/execute.ipp -- bodies of recording.hpp: running one checked step on host memory.
// Included by recording.ipp.
#pragma once
#include "halcyon/drivers/shared/recording.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

namespace detail {

inline void fill_bytes(std::byte* target, uint64_t size, uint64_t pattern, uint32_t pattern_size) {
  if (pattern_size == 1) {
    std::memset(target, static_cast<int>(pattern & 0xff), size);
    return;
  }
  for (uint64_t at = 0; at < size; at += pattern_size) std::memcpy(target + at, &pattern, pattern_size);
}

HALCYON_COLD inline Status without_memory(const Step& step) {
  return Status(Code::failed_precondition, "submit: a buffer is not allocated yet, or was freed",
                Where{Kind::command, Where::whole, 0, step.index, 0, 0});
}

inline Status run_dispatch(const Step& step, const View& view, const RunContext& context) {
  void** pointers = reinterpret_cast<void**>(context.frame);
  uint64_t* sizes = reinterpret_cast<uint64_t*>(context.frame + step.range_count * 8u);
  uint64_t* operands = sizes + step.range_count;
  for (uint32_t i = 0; i < step.range_count; ++i) {
    Span span;
    evaluate(step.ranges[i], view, span);
    if (!view.slots[step.ranges[i].slot].data) return without_memory(step);
    pointers[i] = span.data;
    sizes[i] = span.size;
  }
  hcy_dispatch dispatch = {};
  dispatch.bindings = pointers;
  dispatch.binding_sizes = sizes;
  dispatch.parameters = step.literals;
  if (!step.literals) {
    for (uint32_t i = 0; i < step.operand_count; ++i) operands[i] = step.operands[i].evaluate(view.parameters);
    dispatch.parameters = operands;
  }
  evaluate_grid(step, view.parameters, dispatch.workgroup_count);
  dispatch.binding_count = step.range_count;
  dispatch.parameter_count = step.operand_count;

  const Kernel& kernel = *step.kernel;
  if (!kernel.function) return {};
  if (dispatch.workgroup_count[0] == 0 || dispatch.workgroup_count[1] == 0 || dispatch.workgroup_count[2] == 0) return {};
  std::byte* local = kernel.local_memory ? context.local : nullptr;
  const uint64_t local_size = kernel.local_memory ? context.local_stride : 0;
  const uint64_t begin = context.profile.event ? platform::monotonic_ns() : 0;
  const int32_t result = context.runner.run
                             ? context.runner.run(context.runner.self, dispatch, kernel.function, local, local_size)
                             : run_workgroups(dispatch, kernel.function, local, local_size);
  if (context.profile.event)
    context.profile.event(context.profile.self, {step.location, kernel.name, begin, platform::monotonic_ns(), {dispatch.parameters, step.operand_count}});
  if (result != 0)
    return Status(Code::failed_precondition, "dispatch: kernel reported an error",
                  {Kind::source_op, 255, static_cast<uint16_t>(step.index), step.location, 0, result}, result);
  return {};
}

}  // namespace detail

HALCYON_FUNC HALCYON_CALLS_KERNELS int32_t run_workgroups(const hcy_dispatch& dispatch, hcy_kernel kernel, std::byte* local, uint64_t local_size) {
  hcy_workgroup group = {};
  group.local_memory = local;
  group.local_size = local_size;
  for (uint32_t z = 0; z < dispatch.workgroup_count[2]; ++z)
    for (uint32_t y = 0; y < dispatch.workgroup_count[1]; ++y)
      for (uint32_t x = 0; x < dispatch.workgroup_count[0]; ++x) {
        group.id[0] = x;
        group.id[1] = y;
        group.id[2] = z;
        if (const int32_t result = kernel(&dispatch, &group); result != 0) return result;
      }
  return 0;
}

HALCYON_FUNC Status run(const Step& step, const View& view, const RunContext& context) {
  using Type = hal::Command::Type;
  if (step.type == Type::barrier) return {};
  if (step.type == Type::dispatch) return detail::run_dispatch(step, view, context);

  detail::Span target, source;
  detail::evaluate(step.ranges[0], view, target);
  if (target.size == 0) return {};
  if (!view.slots[step.ranges[0].slot].data) return detail::without_memory(step);
  if (step.type == Type::copy) {
    detail::evaluate(step.ranges[1], view, source);
    if (!view.slots[step.ranges[1].slot].data) return detail::without_memory(step);
    std::memcpy(target.data, source.data, target.size);
  } else if (step.type == Type::fill) {
    detail::fill_bytes(target.data, target.size, step.pattern, step.pattern_size);
  } else {
    const uint64_t value = step.operand_count ? step.operands[0].evaluate(view.parameters) : 0;
    std::memcpy(target.data, step.operand_count ? static_cast<const void*>(&value) : step.data, target.size);  // little-endian: low bytes first
  }
  return {};
}

}  // namespace shared
HALCYON_NAMESPACE_END
