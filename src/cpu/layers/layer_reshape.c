/*
 * layer_reshape.c
 *	  Reading a map as a sequence: the height split into steps and features.
 *
 * The height a x b of column w becomes the steps w a .. w a + a - 1, the upper rows first; a step's
 * features are its b rows, top down, each with all channels.  Where a stays the height, its a parts
 * become rows instead.
 */
#include <string.h>

#include "layers.h"

/* The place of part i of column w in the output. */
static inline size_t
place(const HwrLayerRun *run, int w, int i)
{
	if (run->layer->keep_height)
		return (size_t) i * (size_t) run->in.w + (size_t) w;
	return (size_t) w * (size_t) run->layer->split_a + (size_t) i;
}

/* Copy part i, feature row j of column w <-> map row i b + j, column w. */
static void
move_part(HwrLayerRun *run, int part, int parts, bool back)
{
	const HwrLayer *l = run->layer;
	size_t		c = (size_t) run->in.c;
	int			b = run->in.h / l->split_a;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
		for (int w = 0; w < run->in.w; w++)
			for (int y = 0; y < run->in.h; y++)
			{
				size_t		map = n * hwr_shape_size(run->in) + ((size_t) y * (size_t) run->in.w + (size_t) w) * c;
				size_t		seq = n * hwr_shape_size(run->out)
					+ (place(run, w, y / b) * (size_t) b + (size_t) (y % b)) * c;

				if (back)
					memcpy(run->dx + map, run->dy + seq, c * sizeof(hwr_real));
				else
					memcpy(run->y + seq, run->x + map, c * sizeof(hwr_real));
			}
}

static void
forward_part(void *arg, int part, int parts)
{
	move_part(arg, part, parts, false);
}

static void
backward_part(void *arg, int part, int parts)
{
	move_part(arg, part, parts, true);
}

static void
reshape_forward(HwrLayerRun *run)
{
	hwr_pool_run(run->pool, forward_part, run);
}

static void
reshape_backward(HwrLayerRun *run)
{
	if (run->dx != NULL)
		hwr_pool_run(run->pool, backward_part, run);
}

const HwrLayerOps hwr_reshape_ops = {
	.forward = reshape_forward,
	.backward = reshape_backward,
};
