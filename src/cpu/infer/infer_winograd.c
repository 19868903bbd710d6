/*
 * infer_winograd.c
 *	  The convolution of a stage by Winograd's minimal filtering: see winograd.h.
 *
 * A strip of tile rows is worked on at a time, and of it blocks of tiles, so that what belongs to a
 * block stays in the second-level cache:
 *
 *	 V [36][parts][tiles][C]	transformed input, as elements
 *	 M [36][tiles][panel]	products with one panel of output channels; consumed before the next panel's are made
 *	 U [panels][36] packed [parts][C][panel]	the transformed kernel, which streams through once a block
 *
 * A kernel wider than 3 is several of 3x3 beside each other, its parts, the last filled up with zeros.  Each has
 * a transformed input of its own, 3 columns on from the one before, and the products of all are summed: one output transform.
 * A kernel of 3x13 takes 11.25 multiplications for an output where the direct way takes 39.
 *
 * Which stages: kernels of 3 rows and 3 or more columns with at least 16 channels on either side, on maps at least 3 high.
 * With fewer input channels the transforms outweigh what they save, and a lower map would fill less
 * than half of a tile.
 */
#include <string.h>

#include "cpu/kernels/winograd.h"
#include "infer_internal.h"

/* Most tiles of a block, over all parts: few enough for the cache, enough to use each value of the kernel often. */
#define BLOCK_TILES 48

/* And fewest that it is divided to, where the kernel is wide. */
#define LEAST_BLOCK 12

bool
hwr_winograd_applies(const HwrLayer *l)
{
	return l->ky == HWR_WINOGRAD_KERNEL && l->kx >= HWR_WINOGRAD_KERNEL && l->in.h >= 3 &&
		l->in.c >= HWR_WINOGRAD_MIN_CHANNELS && l->units >= HWR_WINOGRAD_MIN_CHANNELS;
}

static int
panels(const HwrInfer *inf, int units)
{
	return (units + inf->e->panel - 1) / inf->e->panel;
}

size_t
hwr_winograd_kernel_size(const HwrInfer *inf, const HwrLayer *l)
{
	return (size_t) panels(inf, l->units) * HWR_WINOGRAD_FREQUENCIES * inf->e->packed_size(hwr_winograd_parts(l->kx), l->in.c, inf->e->panel);
}

/* G g G' at one frequency for the outputs [col, col + cols) of this part of the kernel [3][kx][c][d]: out[c][cols] */
static void
transform_kernel(const HwrLayer *l, const hwr_real *kernel, int part, int frequency, int col, int cols, hwr_real *out)
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
	int			first = part * HWR_WINOGRAD_KERNEL;
	int			columns = l->kx - first < HWR_WINOGRAD_KERNEL ? l->kx - first : HWR_WINOGRAD_KERNEL;

	memset(out, 0, (size_t) (l->in.c * cols) * sizeof(hwr_real));
	for (int y = 0; y < HWR_WINOGRAD_KERNEL; y++)
		for (int x = 0; x < columns; x++)
		{
			hwr_real	factor = (hwr_real) (G[frequency / HWR_WINOGRAD_IN][y] * G[frequency % HWR_WINOGRAD_IN][x]);
			const hwr_real *g = kernel + (size_t) (y * l->kx + first + x) * (size_t) l->in.c * (size_t) l->units + (size_t) col;

			for (int i = 0; i < l->in.c; i++, g += l->units)
				for (int j = 0; j < cols; j++)
					out[i * cols + j] += factor * g[j];
		}
}

void
hwr_winograd_pack(const HwrInfer *inf, const HwrLayer *l, const hwr_real *kernel, hwr_real *work, void *packed)
{
	int			parts = hwr_winograd_parts(l->kx);
	size_t		size = inf->e->packed_size(parts, l->in.c, inf->e->panel);
	char	   *out = packed;

	for (int col = 0; col < l->units; col += inf->e->panel)
		for (int f = 0; f < HWR_WINOGRAD_FREQUENCIES; f++, out += size)
		{
			int			cols = l->units - col < inf->e->panel ? l->units - col : inf->e->panel;

			for (int part = 0; part < parts; part++)
				transform_kernel(l, kernel, part, f, col, cols, work + part * l->in.c * cols);
			inf->e->pack(parts, l->in.c, cols, work, out);
		}
}

/* Fill in what depends on the width: the stage's maps and pool are known. */
void
hwr_winograd_describe(HwrStage *s)
{
	const HwrLayer *pool = s->pool;
	HwrActivation act = s->conv->activation;
	int			sy = pool != NULL ? pool->sy : 1;
	int			ky = pool != NULL ? pool->ky : 1;
	int			most = BLOCK_TILES / hwr_winograd_parts(s->conv->kx);
	int			unit_tiles;
	int			units;

	if (most < LEAST_BLOCK)
		most = LEAST_BLOCK;

	/* the fewest output rows whose convolution rows begin and end with tiles */
	s->unit = sy % 4 == 0 ? 1 : sy % 2 == 0 ? 2 : 4;
	if (s->unit > s->out.h)
		s->unit = s->out.h;
	s->tiles = hwr_winograd_tiles(s->mid.w);
	s->chunk = hwr_divide_up(s->tiles, hwr_divide_up(s->tiles, most));
	unit_tiles = hwr_winograd_tiles((s->unit - 1) * sy + ky);
	units = most / (s->tiles * unit_tiles);
	s->strip = s->unit * (units > 1 ? units : 1);
	if (s->strip > s->out.h)
		s->strip = hwr_divide_up(s->out.h, s->unit) * s->unit;

	s->fused = act == HWR_ACT_RELU || act == HWR_ACT_LINEAR;
	s->pooled = s->fused && pool != NULL && ky == 2 && sy == 2 && (pool->kx == 1 || pool->kx == 2) && pool->sx == pool->kx;
	s->row_columns = s->tiles * HWR_WINOGRAD_OUT / (s->pooled ? pool->kx : 1);
	s->rows = hwr_winograd_tiles((s->strip - 1) * sy + ky) * HWR_WINOGRAD_OUT / (s->pooled ? ky : 1);
}

/* A block's memory. */
typedef struct Block
{
	char	   *in;				/* V */
	ptrdiff_t	in_frequency;	/* elements from one frequency to the next */
	int			parts;
	hwr_real   *products;		/* M */
	ptrdiff_t	product_frequency;
	size_t		size;
} Block;

/* Frequencies lie an odd number of cache lines apart, or most would share the same few sets of the cache. */
static ptrdiff_t
spread(size_t values, size_t size)
{
	size_t		lines = (values * size + 63) / 64;

	return (ptrdiff_t) ((lines | 1) * 64 / size);
}

static Block
block(const HwrInfer *inf, const HwrStage *s, char *base)
{
	size_t		tiles = (size_t) s->chunk * (size_t) hwr_divide_up(s->rows * (s->pooled ? s->pool->ky : 1), HWR_WINOGRAD_OUT);
	Block		b = {0};

	b.parts = hwr_winograd_parts(s->conv->kx);
	b.in_frequency = spread((size_t) b.parts * tiles * (size_t) s->in.c, inf->e->size);
	b.product_frequency = spread(tiles * (size_t) inf->e->panel, sizeof(hwr_real));
	b.in = hwr_take(base, &b.size, HWR_WINOGRAD_FREQUENCIES * (size_t) b.in_frequency + 1, inf->e->size);
	b.products = hwr_take(base, &b.size, HWR_WINOGRAD_FREQUENCIES * (size_t) b.product_frequency, sizeof(hwr_real));
	return b;
}

size_t
hwr_winograd_memory(const HwrInfer *inf, const HwrStage *s)
{
	return block(inf, s, NULL).size;
}

/* The products of tiles with one panel of output channels, at every frequency. */
static void
multiply_panel(const HwrInfer *inf, const HwrStage *s, const Block *b, int tiles, int cols, const char *kernel)
{
	for (int f = 0; f < HWR_WINOGRAD_FREQUENCIES; f++)
	{
		HwrProduct	p = {
			.m = tiles,
			.n = cols,
			.k = s->in.c,
			.parts = b->parts,
			.a = b->in + (size_t) (f * b->in_frequency) * inf->e->size,
			.a_row = s->in.c,
			.a_col = 1,
			.a_part = (ptrdiff_t) tiles * s->in.c,
			.b = kernel + (size_t) f * inf->e->packed_size(b->parts, s->in.c, inf->e->panel),
			.c = b->products + f * b->product_frequency,
			.c_row = inf->e->panel,
		};

		inf->e->multiply(&p);
	}
}

/* The transformed input of tiles [x, x + tiles) of tile rows from map row y on. */
static void
transform_input(const HwrInfer *inf, const HwrStage *s, const char *map, int y, int tile_rows, int x, int tiles, const Block *b)
{
	ptrdiff_t	map_row = (ptrdiff_t) s->wide * s->in.c;
	size_t		row_size = (size_t) tiles * (size_t) s->in.c * inf->e->size;
	char	   *to = b->in;

	for (int part = 0; part < b->parts; part++)
		for (int r = 0; r < tile_rows; r++, to += row_size)
		{
			ptrdiff_t	from = (y + r * HWR_WINOGRAD_OUT) * map_row + (ptrdiff_t) (x * HWR_WINOGRAD_OUT + part * HWR_WINOGRAD_KERNEL) * s->in.c;

			inf->e->winograd_in(tiles, s->in.c, map_row, map + (size_t) from * inf->e->size, b->in_frequency, to);
		}
}

/* Tiles [x, x + tiles) of tile rows from convolution row y on. */
static void
run_block(const HwrInfer *inf, const HwrStage *s, const char *map, int y, int tile_rows, int x, int tiles,
		  const Block *b, hwr_real *out)
{
	int			panel = inf->e->panel;
	int			pool_y = s->pooled ? s->pool->ky : 1;
	int			pool_x = s->pooled ? s->pool->kx : 1;
	HwrTilesOut to = {
		.tiles = tiles,
		.tile = panel,
		.frequency = b->product_frequency,
		.relu = s->conv->activation == HWR_ACT_RELU,
		.pool_y = pool_y,
		.pool_x = pool_x,
		.out_row = (ptrdiff_t) s->row_columns * s->mid.c,
		.out_col = s->mid.c,
	};

	transform_input(inf, s, map, y, tile_rows, x, tiles, b);
	for (int col = 0; col < s->mid.c; col += panel)
	{
		size_t		kernel = (size_t) (col / panel) * HWR_WINOGRAD_FREQUENCIES * inf->e->packed_size(b->parts, s->in.c, panel);

		to.cols = s->mid.c - col < panel ? s->mid.c - col : panel;
		to.bias = s->fused ? s->bias + col : NULL;
		to.scale = s->fused && s->before.layer >= 0 ? s->before.scale + col : NULL;
		to.shift = to.scale != NULL ? s->before.shift + col : NULL;
		multiply_panel(inf, s, b, tile_rows * tiles, to.cols, (const char *) s->kernel + kernel);
		for (int r = 0; r < tile_rows; r++)
		{
			to.products = b->products + (ptrdiff_t) (r * tiles) * panel;
			to.out = out + (ptrdiff_t) (r * HWR_WINOGRAD_OUT / pool_y) * to.out_row +
				(ptrdiff_t) (x * HWR_WINOGRAD_OUT / pool_x) * to.out_col + col;
			inf->k->winograd_out(&to);
		}
	}
}

void
hwr_winograd_rows(const HwrInfer *inf, const HwrStage *s, const char *map, int y, int rows, char *memory, hwr_real *out)
{
	Block		b = block(inf, s, memory);
	int			tile_rows = hwr_winograd_tiles(rows);

	for (int x = 0; x < s->tiles; x += s->chunk)
		run_block(inf, s, map, y, tile_rows, x, s->tiles - x < s->chunk ? s->tiles - x : s->chunk, &b, out);
}
