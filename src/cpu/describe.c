/*
 * describe.c
 *	  The processor's name.
 */
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "cpu/kernels/kernels.h"
#include "describe.h"

#if defined(__x86_64__)

/* The brand string, of three leaves of 16 characters; padded with spaces, on the left too. */
static void
brand(char *out, size_t size)
{
	unsigned int words[12];
	char		text[sizeof(words) + 1] = "";
	size_t		from = 0;
	size_t		to = sizeof(words);

	if (__get_cpuid_max(0x80000000, NULL) < 0x80000004)
		return;
	for (unsigned int i = 0; i < 3; i++)
		__cpuid(0x80000002 + i, words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]);
	memcpy(text, words, sizeof(words));
	to = strlen(text);
	while (text[from] == ' ')
		from++;
	while (to > from && text[to - 1] == ' ')
		to--;
	snprintf(out, size, "%.*s", (int) (to - from), text + from);
}

#else

static void
brand(char *out, size_t size)
{
	(void) out;
	(void) size;
}

#endif

bool
hwr_cpu_describe(HwrDeviceInfo *out, HwrStatus *st)
{
	(void) st;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "unknown processor");
	brand(out->name, sizeof(out->name));
	snprintf(out->driver, sizeof(out->driver), "%s%s%s", hwr_kernels_level(),
			 hwr_elements_bfloat16() != NULL ? ", bfloat16" : hwr_elements_int16() != NULL ? ", int16" : "",
			 hwr_elements_int8() != NULL ? ", int8" : "");
	return true;
}
