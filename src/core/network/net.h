/*
 * net.h
 *	  What the VGSL parser needs from the shape code; private to src/core.
 */
#ifndef HWR_NET_H
#define HWR_NET_H

#include "vgsl.h"

/* Values in one image's map: a bound on memory and on every index computed from a shape. */
#define HWR_MAX_MAP (INT64_C(1) << 26)

/* Values in the parameter block. */
#define HWR_MAX_VALUES INT64_C(200000000)

/*
 * Shape of a layer's output for this input.  NULL on success, else a clause that says why it does
 * not fit ("the pool window is larger than the map").
 */
extern const char *hwr_layer_shape(const HwrLayer *layer, HwrShape in, HwrShape *out);

/* Write net->vgsl.  Error: HWR_BAD_ARCHITECTURE where it is too long. */
extern bool hwr_vgsl_write(HwrNet *net, HwrStatus *st);

/* Name the tensors of all layers and lay them out in the parameter block. */
extern bool hwr_net_layout(HwrNet *net, HwrStatus *st);

#endif							/* HWR_NET_H */
