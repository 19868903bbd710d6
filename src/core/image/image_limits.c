/*
 * image_limits.c
 *	  What the decoders check before they allocate.
 */
#include "image_internal.h"

bool
hwr_image_check_pixels(int64_t width, int64_t height, const HwrImageLimits *limits,
					   HwrStatus *st)
{
	/* A PNG of 2^27 by 1 pixels has a few kilobytes, and would keep a decoder busy for many seconds. */
	if (width > HWR_IMAGE_MAX_SIDE || height > HWR_IMAGE_MAX_SIDE)
	{
		hwr_fail(st, HWR_IMAGE_TOO_LARGE, "image exceeds the maximum of %d pixels a side", HWR_IMAGE_MAX_SIDE);
		hwr_fail_detail(st, "The image is %lld by %lld pixels.", (long long) width, (long long) height);
		return hwr_fail_hint(st, "No line of text is so long: cut the image into parts.");
	}
	/* Dividing cannot overflow, multiplying can: a header may claim 2^32 - 1 squared. */
	if (width == 0 || height <= limits->max_pixels / width)
		return true;
	hwr_fail(st, HWR_IMAGE_TOO_LARGE, "image exceeds the maximum of %lld pixels",
			 (long long) limits->max_pixels);
	return hwr_fail_detail(st, "The image is %lld by %lld pixels.",
						   (long long) width, (long long) height);
}
