/*
 * map_mix.h
 *	  The maps of one page at two sizes of its writing, as one.
 */
#ifndef HWR_PAGE_MAP_MIX_H
#define HWR_PAGE_MAP_MIX_H

#include "line_net.h"

/*
 * maps becomes the mean of it and of other, in which other has this share.  ratio: pixels of other's canvas to one of
 * maps'.  Heights count as much as there is a baseline to which they belong.
 */
extern void hwr_line_maps_mix(HwrLineMaps *maps, const HwrLineMaps *other, float ratio, float share);

#endif /* HWR_PAGE_MAP_MIX_H */
