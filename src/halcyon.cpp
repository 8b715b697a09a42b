// The compiled form of the runtime core: every body, once.
#define HALCYON_BUILD
#include "halcyon/halcyon.hpp"

#include "halcyon/artifact.ipp"
#include "halcyon/checked/device.ipp"
#include "halcyon/driver_plugin.ipp"
#include "halcyon/flat_reader.ipp"
#include "halcyon/hal/commands.ipp"
#include "halcyon/hal/staging.ipp"
#include "halcyon/hal/transfer.ipp"
#include "halcyon/hal/transfer_async.ipp"
#include "halcyon/host_ops.ipp"
#include "halcyon/loader.ipp"
#include "halcyon/parameters.ipp"
#include "halcyon/program.ipp"
#include "halcyon/registry.ipp"
#include "halcyon/tensor.ipp"
