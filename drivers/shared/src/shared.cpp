// What the drivers that run on host memory share, compiled once for the library.
#define HALCYON_BUILD
#include "halcyon/drivers/shared/queue.hpp"

#include "halcyon/drivers/shared/engine.ipp"
#include "halcyon/drivers/shared/queue.ipp"
#include "halcyon/drivers/shared/recording.ipp"
#include "halcyon/drivers/shared/timeline.ipp"
#include "halcyon/drivers/shared/worker.ipp"
