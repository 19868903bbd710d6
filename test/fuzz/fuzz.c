/*
 * fuzz.c
 *	  libFuzzer's entry point for the target that HWR_FUZZ_TARGET names.
 */
#include "targets.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	return HWR_FUZZ_TARGET(bytes, len);
}
