/*
 * describe.h
 *	  The processor's name, and which kernels it runs.
 */
#ifndef HWR_CPU_DESCRIBE_H
#define HWR_CPU_DESCRIBE_H

#include "core/network/backend.h"

/* As HwrBackend.describe.  The processor has no memory of its own in that sense. */
extern bool hwr_cpu_describe(HwrDeviceInfo *out, HwrStatus *st);

#endif							/* HWR_CPU_DESCRIBE_H */
