// The null driver's bodies, compiled once for the library.
#define HALCYON_BUILD
#include "halcyon/drivers/null.hpp"

#include "halcyon/drivers/null/device.ipp"
