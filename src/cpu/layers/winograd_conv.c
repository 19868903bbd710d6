/*
 * winograd_conv.c
 *	  A block of tiles of Winograd's convolution.  See winograd_conv.h.
 */
#include "winograd_conv.h"

#include <string.h>

bool
hwr_winograd_applies(const HwrLayer *l)
{
	return l->ky == HWR_WINOGRAD_KERNEL && l->kx >= HWR_WINOGRAD_KERNEL && l->in.h >= 3 &&
		l->in.c >= HWR_WINOGRAD_MIN_CHANNELS && l->units >= HWR_WINOGRAD_MIN_CHANNELS;
}

/* Bytes of a panel of the kernel at one frequency. */
static size_t
panel_size(const HwrElements *e, int parts, int c)
{
	return e->packed_size(parts, c, e->panel);
}

size_t
hwr_winograd_kernel_size(const HwrElements *e, int kx, int c, int d)
{
	return (size_t) hwr_divide_up(d, e->panel) * HWR_WINOGRAD_FREQUENCIES * panel_size(e, hwr_winograd_parts(kx), c);
}

/* What the kernel's tap (y, x) counts for at a frequency: G of y times G of x. */
static double
kernel_factor(int frequency, int y, int x)
{
	static const double u = -1.0 / 1.5;
	static const double v = 1.0 / 6;
	static const double a = HWR_WINOGRAD_A;
	static const double b = HWR_WINOGRAD_B;
	const double G[HWR_WINOGRAD_IN][3] = {
		{1, 0, 0},
		{u, u * a, u / 2},
		{u, -u * a, u / 2},
		{v, v * b, v * 2},
		{v, -v * b, v * 2},
		{0, 0, 1},
	};

	return G[frequency / HWR_WINOGRAD_IN][y] * G[frequency % HWR_WINOGRAD_IN][x];
}

/* G g G' at one frequency for the outputs [col, col + cols) of this part of the kernel [3][kx][c][d]: out[c][cols] */
static void
transform_kernel(const hwr_real *kernel, int kx, int c, int d, int part, int frequency, int col, int cols, hwr_real *out)
{
	int			first = part * HWR_WINOGRAD_KERNEL;
	int			columns = kx - first < HWR_WINOGRAD_KERNEL ? kx - first : HWR_WINOGRAD_KERNEL;

	memset(out, 0, (size_t) (c * cols) * sizeof(hwr_real));
	for (int y = 0; y < HWR_WINOGRAD_KERNEL; y++)
		for (int x = 0; x < columns; x++)
		{
			hwr_real	factor = (hwr_real) kernel_factor(frequency, y, x);
			const hwr_real *g = kernel + (size_t) (y * kx + first + x) * (size_t) c * (size_t) d + (size_t) col;

			for (int i = 0; i < c; i++, g += d)
				for (int j = 0; j < cols; j++)
					out[i * cols + j] += factor * g[j];
		}
}

void
hwr_winograd_pack(const HwrElements *e, int kx, int c, int d, const hwr_real *kernel, hwr_real *work, void *packed,
				  int thread, int threads)
{
	int			parts = hwr_winograd_parts(kx);
	size_t		size = panel_size(e, parts, c);
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) hwr_divide_up(d, e->panel) * HWR_WINOGRAD_FREQUENCIES, thread, threads, &lo, &hi);
	for (size_t i = lo; i < hi; i++)
	{
		int			col = (int) (i / HWR_WINOGRAD_FREQUENCIES) * e->panel;
		int			cols = d - col < e->panel ? d - col : e->panel;

		for (int part = 0; part < parts; part++)
			transform_kernel(kernel, kx, c, d, part, (int) (i % HWR_WINOGRAD_FREQUENCIES), col, cols, work + part * c * cols);
		e->pack(parts, c, cols, work, (char *) packed + i * size);
	}
}

/* Frequencies lie an odd number of cache lines apart, or most would share the same few sets of the cache. */
static ptrdiff_t
spread(size_t values, size_t size)
{
	size_t		lines = (values * size + 63) / 64;

	return (ptrdiff_t) ((lines | 1) * 64 / size);
}

HwrWinogradBlock
hwr_winograd_block(const HwrElements *e, const HwrKernels *k, int kx, int c, int d, int tiles, char *base)
{
	HwrWinogradBlock b = {.e = e,.k = k,.parts = hwr_winograd_parts(kx),.c = c,.d = d};

	b.in_frequency = spread((size_t) b.parts * (size_t) tiles * (size_t) c, e->size);
	b.product_frequency = spread((size_t) tiles * (size_t) e->panel, sizeof(hwr_real));
	b.in = hwr_take(base, &b.size, HWR_WINOGRAD_FREQUENCIES * (size_t) b.in_frequency + 1, e->size);
	if (e->winograd_in_scaled != NULL)
		b.by = hwr_take(base, &b.size, (size_t) tiles, sizeof(hwr_real));
	b.products = hwr_take(base, &b.size, HWR_WINOGRAD_FREQUENCIES * (size_t) b.product_frequency, sizeof(hwr_real));
	return b;
}

/* The products of tiles with one panel of output channels, at every frequency. */
static void
multiply_panel(const HwrWinogradBlock *b, int tiles, int cols, const char *kernel)
{
	size_t		size = panel_size(b->e, b->parts, b->c);

	for (int f = 0; f < HWR_WINOGRAD_FREQUENCIES; f++)
	{
		HwrProduct	p = {
			.m = tiles,
			.n = cols,
			.k = b->c,
			.parts = b->parts,
			.a = b->in + (size_t) (f * b->in_frequency) * b->e->size,
			.a_row = b->c,
			.a_col = 1,
			.a_part = (ptrdiff_t) tiles * b->c,
			.b = kernel + (size_t) f * size,
			.c = b->products + f * b->product_frequency,
			.c_row = b->e->panel,
		};

		b->e->multiply(&p);
	}
}

/* The same of 16-bit elements, whose kernel has one part. */
static void
transform_scaled(const HwrWinogradBlock *b, const hwr_real *map, ptrdiff_t map_row, int tile_rows, int tiles)
{
	char	   *to = b->in;

	for (int r = 0; r < tile_rows; r++, to += (size_t) tiles * (size_t) b->c * b->e->size, map += HWR_WINOGRAD_OUT * map_row)
		b->by[r] = b->e->winograd_in_scaled(tiles, b->c, map_row, map, b->in_frequency, to);
}

static void
transform_input(const HwrWinogradBlock *b, const char *map, ptrdiff_t map_row, int tile_rows, int tiles)
{
	size_t		row_size = (size_t) tiles * (size_t) b->c * b->e->size;
	char	   *to = b->in;

	for (int part = 0; part < b->parts; part++)
		for (int r = 0; r < tile_rows; r++, to += row_size)
		{
			ptrdiff_t	from = r * HWR_WINOGRAD_OUT * map_row + (ptrdiff_t) (part * HWR_WINOGRAD_KERNEL) * b->c;

			b->e->winograd_in(tiles, b->c, map_row, map + (size_t) from * b->e->size, b->in_frequency, to);
		}
}

void
hwr_winograd_run(const HwrWinogradBlock *b, const void *kernel, const char *map, ptrdiff_t map_row, int tile_rows, int tiles,
				 const HwrTilesOut *to)
{
	const HwrElements *e = b->e;
	size_t		panel_bytes = HWR_WINOGRAD_FREQUENCIES * panel_size(e, b->parts, b->c);
	const char *u = kernel;

	if (e->winograd_in_scaled != NULL)
		transform_scaled(b, (const hwr_real *) map, map_row, tile_rows, tiles);
	else
		transform_input(b, map, map_row, tile_rows, tiles);
	for (int col = 0; col < b->d; col += e->panel, u += panel_bytes)
	{
		HwrTilesOut out = *to;

		out.tiles = tiles;
		out.tile = e->panel;
		out.frequency = b->product_frequency;
		out.cols = b->d - col < e->panel ? b->d - col : e->panel;
		out.bias = to->bias != NULL ? to->bias + col : NULL;
		out.scale = to->scale != NULL ? to->scale + col : NULL;
		out.shift = to->shift != NULL ? to->shift + col : NULL;
		multiply_panel(b, tile_rows * tiles, out.cols, u);
		for (int r = 0; r < tile_rows; r++)
		{
			out.by = b->by != NULL ? b->by[r] : 1;
			out.products = b->products + (ptrdiff_t) (r * tiles) * e->panel;
			out.out = to->out + (ptrdiff_t) (r * HWR_WINOGRAD_OUT / to->pool_y) * to->out_row + col;
			b->k->winograd_out(&out);
		}
	}
}

HwrWinogradGradient
hwr_winograd_gradient(const HwrElements *e, const HwrKernels *k, int c, int d, int tiles, char *base)
{
	HwrWinogradGradient g = {.e = e,.k = k,.c = c,.d = d};

	g.in_frequency = spread((size_t) tiles * (size_t) c, sizeof(hwr_real));
	g.out_frequency = spread((size_t) tiles * (size_t) d, sizeof(hwr_real));
	g.in = hwr_take(base, &g.size, HWR_WINOGRAD_FREQUENCIES * (size_t) g.in_frequency, sizeof(hwr_real));
	g.out = hwr_take(base, &g.size, HWR_WINOGRAD_FREQUENCIES * (size_t) g.out_frequency + (size_t) e->panel, sizeof(hwr_real));
	return g;
}

void
hwr_winograd_add(const HwrWinogradGradient *g, const hwr_real *map, ptrdiff_t map_row, const hwr_real *dy, ptrdiff_t dy_row,
				 int tile_rows, int tiles, hwr_real *sums)
{
	for (int r = 0; r < tile_rows; r++)
	{
		g->e->winograd_in(tiles, g->c, map_row, map + r * HWR_WINOGRAD_OUT * map_row, g->in_frequency,
						  g->in + (ptrdiff_t) (r * tiles) * g->c);
		g->k->winograd_out_back(tiles, g->d, dy_row, dy + r * HWR_WINOGRAD_OUT * dy_row, g->out_frequency,
								g->out + (ptrdiff_t) (r * tiles) * g->d);
	}
	for (int f = 0; f < HWR_WINOGRAD_FREQUENCIES; f++, sums += (ptrdiff_t) g->c * g->d)
	{
		HwrOuter	o = {
			.m = g->c,
			.n = g->d,
			.depth = tile_rows * tiles,
			.parts = 1,
			.a = g->in + f * g->in_frequency,
			.a_panel = g->e->outer_rows,
			.a_step = g->c,
			.b = g->out + f * g->out_frequency,
			.b_panel = g->e->panel,
			.b_step = g->d,
			.c = sums,
			.c_row = g->d,
		};

		g->e->outer(&o);
	}
}

void
hwr_winograd_kernel_gradient(int c, int d, const hwr_real *sums, hwr_real *grad)
{
	size_t		size = (size_t) c * (size_t) d;

	for (int tap = 0; tap < 9; tap++, grad += size)
		for (int f = 0; f < HWR_WINOGRAD_FREQUENCIES; f++)
		{
			hwr_real	factor = (hwr_real) kernel_factor(f, tap / HWR_WINOGRAD_KERNEL, tap % HWR_WINOGRAD_KERNEL);
			const hwr_real *from = sums + (size_t) f * size;

			if (factor == 0)
				continue;
			for (size_t i = 0; i < size; i++)
				grad[i] += factor * from[i];
		}
}
