/*
 * conv_direct.c
 *	  Convolution with stride 1, without writing patches out: the forward pass.
 *
 * A block of input rows is copied as elements, with its zero border, into scratch memory that stays in
 * the cache.  There the patch of an output position is, for each kernel row, kx * c
 * values that follow on each other, so that one output row is the sum over kernel rows of a
 * product of strided matrices (HwrProduct):
 *
 *	 y[W][d] = sum_ky block[y + ky][W, step c][kx c]  kernel[ky][kx c][d]
 *
 * While training, what stands around a convolution is done with it, while a row is in the cache
 * (fuse_runs in cpu_net.c): the batch normalisation before it when a row is read, the max-pooling
 * after it and the sums of the batch normalisation after that when a row is written.  The map of
 * full size is then not kept.
 */
#include "conv_internal.h"

#include <string.h>

#include "layer_norm.h"
#include "products.h"
#include "winograd_conv.h"

static size_t
conv_aux_size(const HwrLayerRun *run)
{
	return hwr_conv_aux(run).size;
}

/* Rows filled up to whole tiles. */
static int
whole_tiles(int rows)
{
	return hwr_winograd_tiles(rows) * HWR_WINOGRAD_OUT;
}

/* A thread's scratch. */
typedef struct Scratch
{
	char	   *block;			/* bordered rows as elements */
	hwr_real   *row;			/* [W][C], of the input */
	hwr_real   *full;			/* rows of one row of pooling windows, or of a block of tiles */
	hwr_real   *work;			/* of a kernel, while it is packed */
	char	   *tiles;			/* of a block of tiles */
	size_t		size;
} Scratch;

static Scratch
scratch(const HwrLayerRun *run, int part)
{
	char	   *base = run->scratch != NULL ? run->scratch + (size_t) part * run->scratch_stride : NULL;
	HwrWindow	w = hwr_conv_input_window(run);
	Scratch		s = {0};

	s.block = hwr_take(base, &s.size, hwr_conv_block_size(run, &w, w.rows), run->e->size);
	if (run->norm_before != NULL)
		s.row = hwr_take(base, &s.size, (size_t) run->in.w * (size_t) run->in.c, sizeof(hwr_real));
	s.work = hwr_take(base, &s.size, hwr_conv_pack_work(run, run->in.c), sizeof(hwr_real));
	if (hwr_conv_tiled(run))
	{
		s.tiles = hwr_take(base, &s.size, hwr_conv_tiled_memory(run, &w, run->out.c), 1);
		s.full = hwr_take(base, &s.size, (size_t) w.rows * (size_t) hwr_conv_tiled_columns(&w) * (size_t) run->out.c,
						  sizeof(hwr_real));
	}
	else if (run->pool_after != NULL)
		s.full = hwr_take(base, &s.size, (size_t) run->pool_after->layer->ky * (size_t) run->out.w * (size_t) run->out.c,
						  sizeof(hwr_real));
	return s;
}

static size_t
conv_scratch_size(const HwrLayerRun *run)
{
	size_t		forward = scratch(run, 0).size;
	size_t		backward = run->training ? hwr_conv_backward_scratch(run) : 0;

	return forward > backward ? forward : backward;
}

/* Copy what output rows [y0, y0 + rows) need of image n, zeros around it. */
static void
fill_block(const HwrLayerRun *run, const HwrWindow *w, const Scratch *s, size_t n, int y0, int rows)
{
	size_t		c = (size_t) w->map.c;
	size_t		left = (size_t) w->left * c * run->e->size;
	size_t		row = (size_t) w->map.w * c * run->e->size;
	size_t		right = (size_t) (w->wide - w->map.w - w->left) * c * run->e->size;
	char	   *block = s->block;

	for (int y = y0 - w->top; y < y0 - w->top + rows + w->ky - 1; y++, block += left + row + right)
	{
		if (y < 0 || y >= w->map.h)
		{
			memset(block, 0, left + row + right);
			continue;
		}
		memset(block, 0, left);
		run->e->store((size_t) w->map.w * c, hwr_conv_input_row(run, n, y, s->row), block + left);
		memset(block + left + row, 0, right);
	}
	memset(block, 0, (size_t) run->e->group * run->e->size);	/* may be read */
}

/* A row of pooling windows of image n, whose first row is at from. */
static void
pool_windows(const HwrLayerRun *run, size_t n, int y, const hwr_real *from, size_t from_row)
{
	const HwrLayerRun *pool = run->pool_after;
	const HwrLayer *l = pool->layer;
	size_t		at = n * hwr_shape_size(pool->out) + (size_t) y * (size_t) pool->out.w * (size_t) pool->out.c;

	run->k->pool_row_which(l->ky, l->kx, pool->out.c, from_row, pool->out.w, l->kx, from, pool->y + at,
						   (uint8_t *) pool->aux + at);
}

/* One output row of image n, pooled where its row of windows is complete. */
static void
output_row(const HwrLayerRun *run, const HwrWindow *w, const Scratch *s, size_t n, int y, const char *block)
{
	const hwr_real *bias = hwr_layer_tensor(run, run->values, 1);
	const HwrLayerRun *pool = run->pool_after;
	HwrActivation act = run->layer->activation;
	bool		fused = act == HWR_ACT_RELU || act == HWR_ACT_LINEAR;
	int			d = run->out.c;
	size_t		row = (size_t) run->out.w * (size_t) d;
	hwr_real   *to;

	if (pool == NULL)
		to = run->y + n * hwr_shape_size(run->out) + (size_t) y * row;
	else
		to = s->full + (size_t) (y % pool->layer->ky) * row;
	hwr_conv_row(run, w, block, hwr_conv_aux(run).kernel, d, fused ? bias : NULL, act == HWR_ACT_RELU, to);
	if (!fused)
		run->k->bias_act((size_t) run->out.w, d, bias, act, to);
	if (pool == NULL || (y + 1) % pool->layer->ky != 0)
		return;
	pool_windows(run, n, y / pool->layer->ky, s->full, row);
}

/*
 * Output rows [y, y + rows) of image n by tiles.  Pooling windows begin with tiles, so that each is
 * within the block.
 */
static void
output_tiles(const HwrLayerRun *run, const HwrWindow *w, const Scratch *s, size_t n, int y, int rows)
{
	const hwr_real *bias = hwr_layer_tensor(run, run->values, 1);
	const HwrLayerRun *pool = run->pool_after;
	HwrActivation act = run->layer->activation;
	bool		fused = act == HWR_ACT_RELU || act == HWR_ACT_LINEAR;
	int			d = run->out.c;
	size_t		row = (size_t) run->out.w * (size_t) d;
	size_t		tiled_row = (size_t) hwr_conv_tiled_columns(w) * (size_t) d;

	hwr_conv_tile_rows(run, w, s->block, hwr_conv_aux(run).kernel, d, fused ? bias : NULL, act == HWR_ACT_RELU,
					   whole_tiles(rows), s->tiles, s->full);
	for (int i = 0; i < rows; i++)
	{
		hwr_real   *from = s->full + (size_t) i * tiled_row;

		if (!fused)
			run->k->bias_act((size_t) run->out.w, d, bias, act, from);
		if (pool == NULL)
			memcpy(run->y + n * hwr_shape_size(run->out) + (size_t) (y + i) * row, from, row * sizeof(hwr_real));
		else if ((i + 1) % pool->layer->ky == 0)
			pool_windows(run, n, (y + i) / pool->layer->ky, from - (size_t) (pool->layer->ky - 1) * tiled_row, tiled_row);
	}
}

static void
forward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	HwrWindow	w = hwr_conv_input_window(run);
	Scratch		s = scratch(run, part);
	size_t		bordered = (size_t) w.wide * (size_t) w.map.c * run->e->size;
	HwrShape	kept = hwr_conv_kept(run);
	bool		tiled = hwr_conv_tiled(run);
	int			height = run->pool_after != NULL ? kept.h * run->pool_after->layer->ky : kept.h;	/* what the windows cover */
	size_t		lo;
	size_t		hi;

	if (run->norm_after != NULL)
		hwr_norm_clear_sums(run->norm_after, part);
	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		for (int y0 = 0; y0 < height; y0 += w.rows)
		{
			int			rows = y0 + w.rows < height ? w.rows : height - y0;

			fill_block(run, &w, &s, n, y0, tiled ? whole_tiles(rows) : rows);
			if (tiled)
			{
				output_tiles(run, &w, &s, n, y0, rows);
				continue;
			}
			for (int row = 0; row < rows; row++)
				output_row(run, &w, &s, n, y0 + row, s.block + (size_t) row * bordered);
		}
		if (run->norm_after != NULL)
			hwr_norm_add_sums(run->norm_after, part, n);
	}
}

static void
pack_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;

	hwr_conv_pack(run, run->in.c, run->out.c, hwr_layer_tensor(run, run->values, 0), scratch(run, part).work,
				  hwr_conv_aux(run).kernel, part, parts);
}

static void
conv_forward(HwrLayerRun *run)
{
	if (run->training || run->packed != *run->version)
	{
		hwr_pool_run(run->pool, pack_part, run);
		run->packed = *run->version;
	}
	hwr_pool_run(run->pool, forward_part, run);
}

const HwrLayerOps hwr_conv_direct_ops = {
	.forward = conv_forward,
	.backward = hwr_conv_backward,
	.aux_size = conv_aux_size,
	.scratch_size = conv_scratch_size,
};
