/*
 * line_net.h
 *	  The network that finds lines: what its maps mean, and running it over a canvas in tiles.
 *
 * The network is a model whose output is maps (O2l4) and whose input has a fixed height, that of a tile.  Tiles overlap by
 * HWR_TILE_MARGIN rows on either side, which is as far as the networks of hwr_line_net_vgsl look, so that the maps are
 * those of the whole canvas.
 */
#ifndef HWR_PAGE_LINE_NET_H
#define HWR_PAGE_LINE_NET_H

#include "canvas.h"
#include "core/network/backend.h"

#define HWR_TILE_MARGIN 48

/* What the maps say of a place. */
typedef enum HwrLineMap
{
	HWR_MAP_BASELINE,			/* it is a baseline, or just above one: HWR_BAND_ABOVE pixels are the middle */
	HWR_MAP_END,				/* a line begins or ends here */
	HWR_MAP_UP,					/* where it is a baseline: how far above it the line reaches, in HWR_MAP_REACH pixels */
	HWR_MAP_DOWN,				/* ... and below */
	HWR_LINE_MAPS
} HwrLineMap;

#define HWR_BAND_ABOVE 4
#define HWR_MAP_REACH 48

/* Maps of a canvas, a value for each cell_x x cell_y pixels. */
typedef struct HwrLineMaps
{
	int			width;
	int			height;
	int			cell_x;
	int			cell_y;
	float	   *v;				/* [height][width][HWR_LINE_MAPS], malloc'd */
} HwrLineMaps;

static inline const float *
hwr_line_maps_at(const HwrLineMaps *maps, int x, int y)
{
	return maps->v + ((size_t) y * (size_t) maps->width + (size_t) x) * HWR_LINE_MAPS;
}

extern void hwr_line_maps_free(HwrLineMaps *maps);

/* The network that hwr_train_lines trains where no other is asked for. */
extern const char *const hwr_line_net_vgsl;

/*
 * net and values[net->nvalues] outlive it, unchanged.  Error: HWR_WRONG_MODEL where the network reads text, or its maps are not
 * those above or its tiles too low.
 */
extern bool hwr_line_net_create(const HwrNet *net, const float *values, const HwrBackend *backend,
								HwrLineNet **out, HwrStatus *st);
extern void hwr_line_net_free(HwrLineNet *lines);

/* Whether a network's maps are those above; if not, HWR_WRONG_MODEL. */
extern bool hwr_line_net_check(const HwrNet *net, HwrStatus *st);

/* How many pixels a cell of the maps is; false where the tile is no multiple of it. */
extern bool hwr_line_net_cell(const HwrNet *net, int *cell_x, int *cell_y);

/* How many rows of a canvas one tile computes. */
extern int	hwr_line_net_rows(const HwrLineNet *lines);

/* Whether a canvas is not too wide; lines on a wider one, which is no page, are found without the network. */
extern bool hwr_line_net_takes(const HwrMap *ink);

/*
 * One tile more of a canvas that it takes, at most about 100 ms.  *maps is zeroed before the first and the caller's
 * in any case; *done becomes true with the last.
 */
extern bool hwr_line_net_step(HwrLineNet *lines, const HwrMap *ink, HwrLineMaps *maps, int *next, bool *done,
							  HwrStatus *st);

#endif							/* HWR_PAGE_LINE_NET_H */
