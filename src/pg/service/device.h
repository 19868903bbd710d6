/*
 * device.h
 *	  Which device computes.
 *
 * Include after postgres.h.
 */
#ifndef HWR_DEVICE_GLUE_H
#define HWR_DEVICE_GLUE_H

#include "core/network/backend.h"
#include "core/network/device.h"

/*
 * Whether recognition goes to the service.  Raises object_not_in_prerequisite_state where
 * hwr.device asks for a GPU and there is none.
 */
extern bool hwr_use_service(void);

/*
 * The backend for training a network on that device, auto: as hwr.device says.  May initialise a driver: the
 * process must be a training worker.  Raises object_not_in_prerequisite_state for cuda without a
 * GPU; auto without one, or with a network that a GPU does not compute, logs why.
 */
extern const HwrBackend *hwr_training_backend(HwrDeviceKind wanted, const char *architecture);

/* hwr.cuda_library with $libdir put in, palloc'd. */
extern char *hwr_cuda_path(void);

#endif							/* HWR_DEVICE_GLUE_H */
