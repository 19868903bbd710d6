/*
 * infer_winograd.c
 *	  The convolution of a stage by Winograd's minimal filtering: see cpu/kernels/winograd.h.
 *
 * A strip of tile rows is worked on at a time, and of it blocks of tiles, so that what belongs to a
 * block stays in the second-level cache (cpu/layers/winograd_conv.h).
 */
#include "cpu/layers/winograd_conv.h"
#include "infer_internal.h"

/* Fewest tiles of a block, where the kernel is wide and has many parts. */
#define LEAST_BLOCK 12

/* Fill in what depends on the width: the stage's maps and pool are known. */
void
hwr_winograd_describe(HwrStage *s)
{
	const HwrLayer *pool = s->pool;
	HwrActivation act = s->conv->activation;
	int			sy = pool != NULL ? pool->sy : 1;
	int			ky = pool != NULL ? pool->ky : 1;
	int			most = HWR_WINOGRAD_BLOCK / hwr_winograd_parts(s->conv->kx);
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

static HwrWinogradBlock
block(const HwrInfer *inf, const HwrStage *s, char *base)
{
	int			tiles = s->chunk * hwr_winograd_tiles(s->rows * (s->pooled ? s->pool->ky : 1));

	return hwr_winograd_block(s->e, inf->k, s->conv->kx, s->in.c, s->mid.c, tiles, base);
}

size_t
hwr_winograd_memory(const HwrInfer *inf, const HwrStage *s)
{
	return block(inf, s, NULL).size;
}

void
hwr_winograd_rows(const HwrInfer *inf, const HwrStage *s, const char *map, int y, int rows, char *memory, hwr_real *out)
{
	HwrWinogradBlock b = block(inf, s, memory);
	ptrdiff_t	map_row = (ptrdiff_t) s->wide * s->in.c;
	bool		affine = s->fused && s->before.layer >= 0;
	HwrTilesOut to = {
		.relu = s->conv->activation == HWR_ACT_RELU,
		.bias = s->fused ? s->bias : NULL,
		.scale = affine ? s->before.scale : NULL,
		.shift = affine ? s->before.shift : NULL,
		.pool_y = s->pooled ? s->pool->ky : 1,
		.pool_x = s->pooled ? s->pool->kx : 1,
		.out_row = (ptrdiff_t) s->row_columns * s->mid.c,
		.out_col = s->mid.c,
	};

	for (int x = 0; x < s->tiles; x += s->chunk)
	{
		ptrdiff_t	from = y * map_row + (ptrdiff_t) (x * HWR_WINOGRAD_OUT) * s->in.c;

		to.out = out + (ptrdiff_t) (x * HWR_WINOGRAD_OUT / to.pool_x) * to.out_col;
		hwr_winograd_run(&b, s->kernel, map + (size_t) from * inf->e->size, map_row, hwr_winograd_tiles(rows),
						 s->tiles - x < s->chunk ? s->tiles - x : s->chunk, &to);
	}
}
