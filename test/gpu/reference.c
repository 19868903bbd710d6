/*
 * reference.c
 *	  The CPU backend as a library, built with double: what check_gpu compares with.
 */
#include "core/network/backend.h"

#define EXPORT __attribute__((visibility("default")))

extern EXPORT const int hwr_backend_abi;
extern EXPORT const HwrBackend *hwr_backend(void);

const int	hwr_backend_abi = HWR_BACKEND_ABI;

const HwrBackend *
hwr_backend(void)
{
	return hwr_cpu_backend();
}
