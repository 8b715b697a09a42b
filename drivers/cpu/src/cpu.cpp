// The CPU driver's bodies, compiled once for the library.
#define HALCYON_BUILD
#include "halcyon/drivers/cpu.hpp"

#include "halcyon/drivers/cpu/device.ipp"
#include "halcyon/drivers/cpu/elf.ipp"
#include "halcyon/drivers/cpu/executable.ipp"
#include "halcyon/drivers/cpu/features.ipp"
#include "halcyon/drivers/cpu/full_device.ipp"
#include "halcyon/drivers/cpu/threads.ipp"
#include "halcyon/drivers/cpu/workgroups.ipp"
