// halcyon inspect: what is in an artifact, in words or as JSON.
#include <cstdio>

#include "artifact_file.hpp"
#include "fail.hpp"
#include "json.hpp"
#include "options.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace tools {
namespace {

using halcyon::Artifact;

const char* name_of(halcyon::Residence residence) {
  return residence == halcyon::Residence::host ? "host" : residence == halcyon::Residence::both ? "both" : "device";
}

const char* name_of(halcyon::hal::Format format) {
  constexpr const char* names[] = {"none", "elf", "static", "spirv", "ptx", "named"};
  return static_cast<unsigned>(format) < 6 ? names[static_cast<unsigned>(format)] : "unknown";
}

const char* name_of(halcyon::hal::Command::Type type) {
  constexpr const char* names[] = {"barrier", "dispatch", "copy", "fill", "update"};
  return static_cast<unsigned>(type) < 5 ? names[static_cast<unsigned>(type)] : "unknown";
}

uint64_t segment_bytes(const Artifact& artifact, halcyon::SegmentKind kind) {
  uint64_t bytes = 0;
  for (const halcyon::SegmentDesc& segment : artifact.segments())
    if (segment.kind == kind) bytes += segment.length;
  return bytes;
}

std::string join(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += ',';
    text += word;
  }
  return text;
}

// "x: batchx768xf32, y: i64 on the host"
std::string signature(std::span<const halcyon::ValueDesc> values) {
  std::string text;
  for (const halcyon::ValueDesc& value : values) {
    if (!text.empty()) text += ", ";
    text.append(value.name).append(": ").append(describe(value));
    if (value.residence != halcyon::Residence::device) text.append(" (").append(name_of(value.residence)).append(")");
  }
  return text;
}

// ", writes 1,2": the bindings that a kernel may write; "" where the artifact does not say.
std::string writes(const halcyon::hal::ExportDesc& kernel) {
  if (kernel.written == UINT64_MAX) return "";
  std::string text;
  for (uint32_t i = 0; i < kernel.bindings && i < 64; ++i)
    if (kernel.written >> i & 1) text += format("%s%u", text.empty() ? ", writes " : ",", i);
  return text.empty() ? ", writes none" : text;
}

struct CommandCounts {
  uint64_t counts[5] = {};
};
CommandCounts count_commands(const halcyon::CommandListDesc& list) {
  CommandCounts result;
  for (const halcyon::hal::Command& command : list.commands)
    if (static_cast<unsigned>(command.type) < 5) ++result.counts[static_cast<unsigned>(command.type)];
  return result;
}

void print_plan(const halcyon::PlanDesc& plan) {
  std::printf("plan %s: %zu host functions, %zu command lists, %zu executables\n", std::string(plan.family).c_str(),
              plan.functions.size(), plan.command_lists.size(), plan.executables.size());
  for (size_t i = 0; i < plan.command_lists.size(); ++i) {
    const halcyon::CommandListDesc& list = plan.command_lists[i];
    std::string text;
    const CommandCounts found = count_commands(list);
    for (unsigned type = 1; type < 5; ++type)
      if (found.counts[type])
        text += format(", %llu %s", static_cast<unsigned long long>(found.counts[type]),
                       name_of(static_cast<halcyon::hal::Command::Type>(type)));
    std::printf("  commands %zu: %u bindings, %u parameters%s\n", i, list.bindings, list.parameters, text.c_str());
  }
  for (size_t i = 0; i < plan.executables.size(); ++i) {
    const halcyon::hal::ExecutableDesc& executable = plan.executables[i];
    std::printf("  executable %zu: %zu kernels\n", i, executable.exports.size());
    for (const halcyon::hal::VariantDesc& variant : executable.variants)
      std::printf("    variant %s %s %s [%s]: %zu bytes\n", name_of(variant.format), std::string(variant.target).c_str(),
                  std::string(variant.cpu).c_str(), join(variant.features).c_str(), variant.image.size());
    for (const halcyon::hal::ExportDesc& kernel : executable.exports)
      std::printf("    kernel %s: %u bindings, %u parameters%s\n", std::string(kernel.name).c_str(), kernel.bindings,
                  kernel.parameters, writes(kernel).c_str());
  }
}

void print_text(const ArtifactFile& file, const std::string& path) {
  const Artifact& artifact = file.artifact();
  std::printf("%s: %zu bytes; metadata %zu, constants %llu, code %llu\n", path.c_str(), file.size(), artifact.metadata().size(),
              static_cast<unsigned long long>(segment_bytes(artifact, halcyon::SegmentKind::constants)),
              static_cast<unsigned long long>(segment_bytes(artifact, halcyon::SegmentKind::code)));
  std::printf("made by %s with %s\n", std::string(artifact.producer()).c_str(), std::string(artifact.flags()).c_str());
  std::printf("results are %s\n", artifact.results_mappable() ? "mappable" : "device-local");
  for (const halcyon::FunctionDesc& function : artifact.functions()) {
    std::printf("function %s(%s) -> (%s)\n", std::string(function.name).c_str(), signature(function.arguments).c_str(),
                signature(function.results).c_str());
    for (const halcyon::DonationDesc& donation : function.donations)
      std::printf("  result %u lives in argument %u\n", donation.result, donation.argument);
  }
  for (const halcyon::FunctionDesc& callback : artifact.callbacks())
    std::printf("calls the application's %s(%s) -> (%s)\n", std::string(callback.name).c_str(), signature(callback.arguments).c_str(),
                signature(callback.results).c_str());
  for (const halcyon::VariableDesc& variable : artifact.variables())
    std::printf("variable %s: %llu bytes\n", std::string(variable.name).c_str(), static_cast<unsigned long long>(variable.bytes));
  for (const halcyon::ConstantDesc& constant : artifact.constants())
    if (constant.external)
      std::printf("external parameter %s:%s: %llu bytes\n", std::string(constant.scope).c_str(), std::string(constant.key).c_str(),
                  static_cast<unsigned long long>(constant.length));
  for (const halcyon::PlanDesc& plan : artifact.plans()) print_plan(plan);
}

void json_values(Json& json, std::span<const halcyon::ValueDesc> values) {
  json.array([&] {
    for (const halcyon::ValueDesc& value : values) {
      json.object([&] {
        json.key("name").text(value.name);
        json.key("type").text(name(value.type));
        json.key("shape").array([&] {
          for (const halcyon::Dimension& dimension : value.shape) {
            if (dimension.dynamic()) json.text(dimension.name);
            else json.number(dimension.size);
          }
        });
        json.key("residence").text(name_of(value.residence));
      });
    }
  });
}

void json_functions(Json& json, std::span<const halcyon::FunctionDesc> functions) {
  json.array([&] {
    for (const halcyon::FunctionDesc& function : functions) {
      json.object([&] {
        json.key("name").text(function.name);
        json_values(json.key("arguments"), function.arguments);
        json_values(json.key("results"), function.results);
        json.key("donations").array([&] {
          for (const halcyon::DonationDesc& donation : function.donations)
            json.array([&] {
              json.number(uint64_t{donation.argument});
              json.number(uint64_t{donation.result});
            });
        });
      });
    }
  });
}

void json_plan(Json& json, const halcyon::PlanDesc& plan) {
  json.object([&] {
    json.key("family").text(plan.family);
    json.key("host_functions").number(uint64_t{plan.functions.size()});
    json.key("command_lists").array([&] {
      for (const halcyon::CommandListDesc& list : plan.command_lists) {
        json.object([&] {
          json.key("bindings").number(uint64_t{list.bindings});
          json.key("parameters").number(uint64_t{list.parameters});
          const CommandCounts found = count_commands(list);
          for (unsigned type = 0; type < 5; ++type)
            json.key(name_of(static_cast<halcyon::hal::Command::Type>(type))).number(found.counts[type]);
        });
      }
    });
    json.key("executables").array([&] {
      for (const halcyon::hal::ExecutableDesc& executable : plan.executables) {
        json.object([&] {
          json.key("kernels").array([&] {
            for (const halcyon::hal::ExportDesc& kernel : executable.exports) json.text(kernel.name);
          });
          json.key("written").array([&] {  // of each kernel; a bit for each binding, all ones: not known
            for (const halcyon::hal::ExportDesc& kernel : executable.exports) json.number(kernel.written);
          });
          json.key("variants").array([&] {
            for (const halcyon::hal::VariantDesc& variant : executable.variants) {
              json.object([&] {
                json.key("format").text(name_of(variant.format));
                json.key("target").text(variant.target);
                json.key("cpu").text(variant.cpu);
                json.key("features").array([&] {
                  for (const std::string_view feature : variant.features) json.text(feature);
                });
                json.key("bytes").number(uint64_t{variant.image.size()});
              });
            }
          });
        });
      }
    });
  });
}

void print_json(const ArtifactFile& file) {
  const Artifact& artifact = file.artifact();
  Json json;
  json.object([&] {
    json.key("bytes").number(uint64_t{file.size()});
    json.key("minor").number(uint64_t{artifact.minor()});
    json.key("producer").text(artifact.producer());
    json.key("flags").text(artifact.flags());
    json.key("results_mappable").boolean(artifact.results_mappable());
    json.key("metadata_bytes").number(uint64_t{artifact.metadata().size()});
    json.key("constant_bytes").number(segment_bytes(artifact, halcyon::SegmentKind::constants));
    json.key("code_bytes").number(segment_bytes(artifact, halcyon::SegmentKind::code));
    json_functions(json.key("functions"), artifact.functions());
    json_functions(json.key("callbacks"), artifact.callbacks());
    json.key("variables").array([&] {
      for (const halcyon::VariableDesc& variable : artifact.variables()) json.text(variable.name);
    });
    json.key("external_parameters").array([&] {
      for (const halcyon::ConstantDesc& constant : artifact.constants())
        if (constant.external) json.text(std::string(constant.scope) + ":" + std::string(constant.key));
    });
    json.key("plans").array([&] {
      for (const halcyon::PlanDesc& plan : artifact.plans()) json_plan(json, plan);
    });
  });
  std::puts(json.str().c_str());
}

}  // namespace

int inspect(const Words& words) {
  const Options options({"json!"}, 1, words);
  const ArtifactFile file(options.file(), false);
  if (options.has("json")) print_json(file);
  else print_text(file, options.file());
  return 0;
}

}  // namespace tools
