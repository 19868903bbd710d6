/*
 * device_library.c
 *	  Libraries for test_device.c to open: backends without a device behind them.
 *
 * The Makefile compiles it once with each of LIBRARY_GOOD, LIBRARY_OLD (another ABI number), LIBRARY_EMPTY (no
 * backend at all) and LIBRARY_NO_DEVICE (says that there is no device).
 */
#include <stdlib.h>
#include <string.h>

#include "core/network/backend.h"

#ifndef LIBRARY_EMPTY

#define EXPORT __attribute__((visibility("default")))

#ifdef LIBRARY_OLD
#define ABI (HWR_BACKEND_ABI - 1)
#else
#define ABI HWR_BACKEND_ABI
#endif

extern EXPORT const int hwr_backend_abi;
extern EXPORT const HwrBackend *hwr_backend(void);

const int	hwr_backend_abi = ABI;

static bool
describe(HwrDeviceInfo *out, HwrStatus *st)
{
#ifdef LIBRARY_NO_DEVICE
	(void) out;
	st->code = HWR_DEVICE;
	strcpy(st->message, "GPU is not available");
	strcpy(st->detail, "There is no device.");
	return false;
#else
	(void) st;
	memset(out, 0, sizeof(*out));
	strcpy(out->name, "none");
	return true;
#endif
}

const HwrBackend *
hwr_backend(void)
{
	static const HwrBackend backend = {
		.abi = ABI,
		.name = "test",
		.describe = describe,
	};

#ifdef LIBRARY_OLD
	abort();					/* nothing may be called before the number is checked */
#endif
	return &backend;
}

#endif
