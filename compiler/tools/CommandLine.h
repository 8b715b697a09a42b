// tools/CommandLine.h -- halcyonc's command line.
#pragma once
#include "Options.h"

namespace halcyon {

enum class Parsed { ok, usage_error, help };

// Prints its own error or help text.
Parsed parseCommandLine(int argc, char **argv, Options &options);

} // namespace halcyon
