/*
 * device.h
 *	  Opening a backend that lives in a shared library of its own.
 *
 * Such a library exports two symbols (and hides the rest):
 *
 *	 const int hwr_backend_abi = HWR_BACKEND_ABI;
 *	 const HwrBackend *hwr_backend(void);
 */
#ifndef HWR_DEVICE_H
#define HWR_DEVICE_H

#include "backend.h"

/* Where to compute. */
typedef enum HwrDeviceKind
{
	HWR_USE_AUTO,				/* the caller decides */
	HWR_USE_CPU,
	HWR_USE_CUDA
} HwrDeviceKind;

/* File name of the CUDA backend, beside hwr.so. */
#define HWR_CUDA_LIBRARY "hwr_cuda.so"

/*
 * Open the library at path, look at its ABI number before anything else, and ask it for its
 * device.  It is never closed: drivers keep threads and exit handlers in it.  Initialises the
 * driver in this process, which must not fork afterwards and go on using it.
 *
 * Errors: HWR_DEVICE "GPU is not available" with the reason as detail: the file is missing or
 * incomplete, was built for another version of hwr, lacks a library, or there is no driver or no device.
 */
extern bool hwr_device_load(const char *path, const HwrBackend **out, HwrStatus *st);

#endif							/* HWR_DEVICE_H */
