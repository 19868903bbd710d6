/*
 * kernels_plain.c
 *	  The kernels for any processor.
 */
#define HWR_KERNELS_TABLE hwr_kernels_plain
#define HWR_KERNELS_NAME "plain"
#include "kernels_impl.h"
