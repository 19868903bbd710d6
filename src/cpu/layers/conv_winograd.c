/*
 * conv_winograd.c
 *	  Rows of the direct convolution by Winograd's minimal filtering: the map, its gradient and that of the kernel.
 *
 * Of elements of hwr_real only: narrower ones are rounded after the transforms, and gradients bear that less
 * well than readings.
 */
#include "conv_internal.h"

#include "winograd_conv.h"

bool
hwr_conv_tiled(const HwrLayerRun *run)
{
	/* Windows of the pool must not reach beyond a tile. */
	return run->e->size == sizeof(hwr_real) && run->e->winograd_in != NULL && hwr_winograd_applies(run->layer) &&
		run->layer->kx == HWR_WINOGRAD_KERNEL &&
		(run->pool_after == NULL || HWR_WINOGRAD_OUT % run->pool_after->layer->ky == 0);
}

/*
 * Filtering in hwr_real has a quarter of the multiplications of direct products, of narrower elements at twice the speed.
 * Where filtering would not pay for narrow elements, they are so fast that it does not for hwr_real either.
 */
void
hwr_conv_choose_elements(HwrLayerRun *run)
{
	const HwrElements *narrow = run->e;

	if (!hwr_conv_is_plain(run->layer) || narrow->winograd_in == NULL)
		return;
	run->e = run->k->elements;
	if (!hwr_conv_tiled(run))
		run->e = narrow;
}

/* Tiles of a row, and how many of them and of rows are worked on at a time. */
typedef struct Tiling
{
	int			tiles;
	int			chunk;
	int			rows;
} Tiling;

static Tiling
tiling(const HwrWindow *w)
{
	Tiling		t = {.tiles = hwr_winograd_tiles(w->map.w)};

	t.chunk = hwr_divide_up(t.tiles, hwr_divide_up(t.tiles, HWR_WINOGRAD_BLOCK));
	t.rows = t.tiles < HWR_WINOGRAD_BLOCK ? HWR_WINOGRAD_BLOCK / t.tiles : 1;
	return t;
}

int
hwr_conv_tiled_columns(const HwrWindow *w)
{
	return hwr_winograd_tiles(w->map.w) * HWR_WINOGRAD_OUT;
}

int
hwr_conv_tiled_rows(const HwrWindow *w)
{
	int			all = hwr_winograd_tiles(w->map.h);
	int			rows = tiling(w).rows;

	return (rows < all ? rows : all) * HWR_WINOGRAD_OUT;
}

static HwrWinogradBlock
block_of(const HwrLayerRun *run, const HwrWindow *w, int d, char *memory)
{
	Tiling		t = tiling(w);

	return hwr_winograd_block(run->e, run->k, HWR_WINOGRAD_KERNEL, w->map.c, d, t.chunk * t.rows, memory);
}

size_t
hwr_conv_tiled_memory(const HwrLayerRun *run, const HwrWindow *w, int d)
{
	return block_of(run, w, d, NULL).size;
}

void
hwr_conv_tile_rows(const HwrLayerRun *run, const HwrWindow *w, const void *block, const void *kernel, int d,
				   const hwr_real *bias, bool relu, int rows, char *memory, hwr_real *y)
{
	HwrWinogradBlock b = block_of(run, w, d, memory);
	Tiling		t = tiling(w);
	int			c = w->map.c;
	ptrdiff_t	map_row = (ptrdiff_t) w->wide * c;
	HwrTilesOut to = {
		.bias = bias,
		.relu = relu,
		.pool_y = 1,
		.pool_x = 1,
		.out_row = (ptrdiff_t) hwr_conv_tiled_columns(w) * d,
		.out_col = d,
	};

	for (int row = 0; row < rows / HWR_WINOGRAD_OUT; row += t.rows)
		for (int x = 0; x < t.tiles; x += t.chunk)
		{
			int			left = rows / HWR_WINOGRAD_OUT - row;
			ptrdiff_t	from = row * HWR_WINOGRAD_OUT * map_row + (ptrdiff_t) (x * HWR_WINOGRAD_OUT) * c;

			to.out = y + row * HWR_WINOGRAD_OUT * to.out_row + (ptrdiff_t) (x * HWR_WINOGRAD_OUT) * d;
			hwr_winograd_run(&b, kernel, (const char *) block + (size_t) from * run->e->size, map_row,
							 left < t.rows ? left : t.rows, t.tiles - x < t.chunk ? t.tiles - x : t.chunk, &to);
		}
}

static HwrWinogradGradient
gradient_of(const HwrLayerRun *run, const HwrWindow *grad, char *memory)
{
	Tiling		t = tiling(grad);

	return hwr_winograd_gradient(run->e, run->k, run->in.c, run->out.c, t.chunk * t.rows, memory);
}

size_t
hwr_conv_tiled_gradient_memory(const HwrLayerRun *run, const HwrWindow *grad)
{
	return gradient_of(run, grad, NULL).size;
}

void
hwr_conv_tiled_gradient(const HwrLayerRun *run, const HwrWindow *in, const HwrWindow *grad, const hwr_real *x,
						const hwr_real *dy, int rows,
						char *memory, hwr_real *sums)
{
	HwrWinogradGradient g = gradient_of(run, grad, memory);
	Tiling		t = tiling(grad);
	ptrdiff_t	x_row = (ptrdiff_t) in->wide * g.c;
	ptrdiff_t	dy_row = (ptrdiff_t) grad->wide * g.d;

	for (int row = 0; row < rows / HWR_WINOGRAD_OUT; row += t.rows)
		for (int at = 0; at < t.tiles; at += t.chunk)
		{
			int			left = rows / HWR_WINOGRAD_OUT - row;

			hwr_winograd_add(&g, x + row * HWR_WINOGRAD_OUT * x_row + (ptrdiff_t) (at * HWR_WINOGRAD_OUT) * g.c, x_row,
							 dy + row * HWR_WINOGRAD_OUT * dy_row + (ptrdiff_t) (at * HWR_WINOGRAD_OUT) * g.d, dy_row,
							 left < t.rows ? left : t.rows, t.tiles - at < t.chunk ? t.tiles - at : t.chunk, sums);
		}
}
