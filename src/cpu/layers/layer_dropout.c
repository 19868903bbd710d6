/*
 * layer_dropout.c
 *	  Inverted dropout: while training, a value, or a channel of an image, is zeroed with probability p, else divided
 *	  by 1 - p.
 *
 * The mask is a function of (key, layer, position) alone, so that it is the same for any number of
 * threads and need not be kept for the backward pass.
 */
#include <string.h>

#include "core/base/rng.h"
#include "layers.h"

/* Values masked at a time: a multiple of 4. */
#define CHUNK 512

/*
 * dst = mask(src) for the positions of one part; four 16-bit draws from each random word.  Whole
 * channels: an image's positions all draw alike.
 */
static void
mask_part(HwrLayerRun *run, int part, int parts, const hwr_real *src, hwr_real *dst)
{
	size_t		c = (size_t) run->in.c;
	size_t		positions = run->layer->channels ? (size_t) run->in.h * (size_t) run->in.w : 1;
	uint32_t	limit = (uint32_t) (run->layer->dropout * 65536.0f + 0.5f);
	hwr_real	scale = (hwr_real) (1.0 / (1.0 - (double) run->layer->dropout));
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) run->N * (size_t) run->in.h * (size_t) run->in.w, part, parts, &lo, &hi);
	for (size_t p = lo; p < hi; p++)
	{
		HwrRng		rng;

		hwr_rng_seed(&rng, run->rng_key + (uint64_t) run->index, p / positions);
		for (size_t i = 0; i < c; i += CHUNK)
		{
			size_t		count = c - i < CHUNK ? c - i : CHUNK;
			uint16_t	draws[CHUNK];

			for (size_t j = 0; j < count; j += 4)
			{
				uint64_t	bits = hwr_rng_next(&rng);

				for (size_t k = 0; k < 4; k++)
					draws[j + k] = (uint16_t) (bits >> (16 * k));
			}
			run->k->drop(count, draws, limit, scale, src + p * c + i, dst + p * c + i);
		}
	}
}

static void
forward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;

	mask_part(run, part, parts, run->x, run->y);
}

static void
backward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;

	mask_part(run, part, parts, run->dy, run->dx);
}

static void
dropout_forward(HwrLayerRun *run)
{
	if (run->training && run->layer->dropout > 0)
		hwr_pool_run(run->pool, forward_part, run);
	else
		memcpy(run->y, run->x, (size_t) run->N * hwr_shape_size(run->in) * sizeof(hwr_real));
}

static void
dropout_backward(HwrLayerRun *run)
{
	if (run->dx == NULL)
		return;
	if (run->layer->dropout > 0)
		hwr_pool_run(run->pool, backward_part, run);
	else
		memcpy(run->dx, run->dy, (size_t) run->N * hwr_shape_size(run->in) * sizeof(hwr_real));
}

const HwrLayerOps hwr_dropout_ops = {
	.forward = dropout_forward,
	.backward = dropout_backward,
};
