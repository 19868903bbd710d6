/*
 * device_cpu.c
 *	  A library in the place of hwr_cuda.so that computes on the CPU, for tests of what uses a GPU.
 *
 * While the file exists that the environment variable HWR_TEST_BROKEN names, its operations fail.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/network/backend.h"

#define EXPORT __attribute__((visibility("default")))

extern EXPORT const int hwr_backend_abi;
extern EXPORT const HwrBackend *hwr_backend(void);

const int	hwr_backend_abi = HWR_BACKEND_ABI;

static HwrBackend backend;

static bool
describe(HwrDeviceInfo *out, HwrStatus *st)
{
	(void) st;
	memset(out, 0, sizeof(*out));
	strcpy(out->name, "imitation");
	strcpy(out->driver, "none");
	out->memory = 1024;
	return true;
}

static bool
infer(HwrBackendContext *ctx, int n, int width, const uint8_t *ink, float *logp, HwrStatus *st)
{
	const char *broken = getenv("HWR_TEST_BROKEN");

	if (broken != NULL && access(broken, F_OK) == 0)
	{
		st->code = HWR_DEVICE;
		strcpy(st->message, "GPU operation failed");
		strcpy(st->detail, "The device is broken.");
		st->hint[0] = '\0';
		return false;
	}
	return hwr_cpu_backend()->infer(ctx, n, width, ink, logp, st);
}

const HwrBackend *
hwr_backend(void)
{
	backend = *hwr_cpu_backend();
	backend.name = "cuda";
	backend.describe = describe;
	backend.infer = infer;
	backend.infer_widths = NULL;
	return &backend;
}
