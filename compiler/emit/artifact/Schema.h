// emit/artifact/Schema.h -- the generated schema, quiet.
#pragma once
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif
#include "artifact_generated.h"
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
