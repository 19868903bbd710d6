/*
 * line_net.c
 *	  The network that finds lines, over a canvas in tiles.  See line_net.h.
 */
#include "line_net.h"

#include <stdlib.h>
#include <string.h>

#include "core/image/preprocess.h"

/* Canvases are widened to a multiple of this. */
#define WIDTH_STEP 64
#define LEAST_TILE 256

const char *const hwr_line_net_vgsl =
"[1,512,0,1 Cr3,3,8,2,2 Bn Cr3,3,24,2,2 Bn Cr3,3,32,1,2 Bn Cr3,3,32 Bn Cr7,1,32 Bn Cr1,9,32 Bn Cr3,3,32 Bn "
"Cr7,1,32 Bn Cr1,9,32 Bn Cr3,3,32 Bn O2l4]";

struct HwrLineNet
{
	const HwrNet *net;
	const HwrBackend *backend;
	HwrBackendContext *ctx;
	int			cell_x;
	int			cell_y;
	uint8_t    *tile;			/* [net->height][width] */
	float	   *out;			/* [cells of a tile][HWR_LINE_MAPS] */
	int			width;			/* for which there is room */
};

void
hwr_line_maps_free(HwrLineMaps *maps)
{
	free(maps->v);
	maps->v = NULL;
}

bool
hwr_line_net_cell(const HwrNet *net, int *cell_x, int *cell_y)
{
	HwrShape	shapes[HWR_MAX_LAYERS];
	HwrShape	out;
	HwrStatus	st;

	if (!hwr_net_shapes(net, WIDTH_STEP, shapes, &st))
		return false;
	out = shapes[net->nlayers - 1];
	if (out.h < 1 || out.w < 1 || net->height % out.h != 0 || WIDTH_STEP % out.w != 0)
		return false;
	*cell_x = WIDTH_STEP / out.w;
	*cell_y = net->height / out.h;
	return HWR_TILE_MARGIN % *cell_y == 0;
}

bool
hwr_line_net_check(const HwrNet *net, HwrStatus *st)
{
	int			cell_x;
	int			cell_y;

	if (!net->maps)
	{
		hwr_fail(st, HWR_WRONG_MODEL, "the model reads text, it does not find lines");
		return hwr_fail_hint(st, "Models that find lines come from hwr_train_lines.");
	}
	if (net->classes == HWR_LINE_MAPS && net->width == 0 && net->height >= LEAST_TILE &&
		hwr_line_net_cell(net, &cell_x, &cell_y))
		return true;
	hwr_fail(st, HWR_WRONG_MODEL, "the model's maps are not those that lines are found by");
	return hwr_fail_detail(st, "They are %d of tiles %d pixels high, instead of %d of at least %d, any width, and whole cells.",
						   net->classes, net->height, HWR_LINE_MAPS, LEAST_TILE);
}

bool
hwr_line_net_create(const HwrNet *net, const float *values, const HwrBackend *backend, HwrLineNet **out, HwrStatus *st)
{
	HwrBackendConfig config = {.net = net,.threads = 1,.precision = HWR_FLOAT32,.values_stay = true};
	HwrLineNet *lines;

	if (!hwr_line_net_check(net, st))
		return false;
	lines = hwr_alloc_zero(1, sizeof(HwrLineNet), st);
	if (lines == NULL)
		return false;
	lines->net = net;
	lines->backend = backend;
	hwr_line_net_cell(net, &lines->cell_x, &lines->cell_y);
	if (!backend->create(&config, &lines->ctx, st) || !backend->set_values(lines->ctx, values, st))
	{
		hwr_line_net_free(lines);
		return false;
	}
	*out = lines;
	return true;
}

void
hwr_line_net_free(HwrLineNet *lines)
{
	if (lines == NULL)
		return;
	if (lines->ctx != NULL)
		lines->backend->destroy(lines->ctx);
	free(lines->tile);
	free(lines->out);
	free(lines);
}

/* Room for a tile of this width. */
static bool
reserve(HwrLineNet *lines, int width, HwrStatus *st)
{
	size_t		pixels = (size_t) lines->net->height * (size_t) width;

	if (width <= lines->width)
		return true;
	free(lines->tile);
	free(lines->out);
	lines->width = 0;
	lines->out = NULL;
	lines->tile = hwr_alloc(pixels, 1, st);
	if (lines->tile != NULL)
		lines->out = hwr_alloc(pixels / (size_t) (lines->cell_x * lines->cell_y) * HWR_LINE_MAPS, sizeof(float), st);
	if (lines->out == NULL)
		return false;
	lines->width = width;
	return true;
}

/* Rows from y on of the canvas, paper around it. */
static void
fill_tile(const HwrLineNet *lines, const HwrMap *ink, int y, int width)
{
	size_t		part = (size_t) ink->width;

	memset(lines->tile, 0, (size_t) lines->net->height * (size_t) width);
	for (int row = 0; row < lines->net->height; row++)
		if (y + row >= 0 && y + row < ink->height)
			memcpy(lines->tile + (size_t) row * (size_t) width, hwr_map_row(ink, y + row), part);
}

bool
hwr_line_net_takes(const HwrMap *ink)
{
	return ink->width <= HWR_MAX_WIDTH / WIDTH_STEP * WIDTH_STEP;
}

int
hwr_line_net_rows(const HwrLineNet *lines)
{
	int			rows = lines->net->height - 2 * HWR_TILE_MARGIN;

	return rows - rows % lines->cell_y;
}

bool
hwr_line_net_step(HwrLineNet *lines, const HwrMap *ink, HwrLineMaps *maps, int *next, bool *done, HwrStatus *st)
{
	int			width = (ink->width + WIDTH_STEP - 1) / WIDTH_STEP * WIDTH_STEP;
	int			rows = hwr_line_net_rows(lines);
	size_t		row_size;
	int			to;

	if (maps->v == NULL)
	{
		maps->cell_x = lines->cell_x;
		maps->cell_y = lines->cell_y;
		maps->width = width / lines->cell_x;
		maps->height = (ink->height + lines->cell_y - 1) / lines->cell_y;
		maps->v = hwr_alloc_zero((size_t) maps->width * (size_t) maps->height * HWR_LINE_MAPS, sizeof(float), st);
		*next = 0;
		if (maps->v == NULL)
			return false;
	}
	if (!reserve(lines, width, st))
		return false;
	fill_tile(lines, ink, *next - HWR_TILE_MARGIN, width);
	if (!lines->backend->infer(lines->ctx, 1, width, lines->tile, lines->out, st))
		return false;
	row_size = (size_t) maps->width * HWR_LINE_MAPS;
	to = (*next + rows) / lines->cell_y < maps->height ? (*next + rows) / lines->cell_y : maps->height;
	memcpy(maps->v + (size_t) (*next / lines->cell_y) * row_size,
		   lines->out + (size_t) (HWR_TILE_MARGIN / lines->cell_y) * row_size,
		   (size_t) (to - *next / lines->cell_y) * row_size * sizeof(float));
	*next += rows;
	*done = *next >= ink->height;
	return true;
}
