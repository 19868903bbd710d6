/*
 * layer_conv.c
 *	  Convolution with zero padding, bias and activation: the choice of a way.
 */
#include "layers.h"

static const HwrLayerOps *
way(const HwrLayerRun *run)
{
	return hwr_conv_is_plain(run->layer) ? &hwr_conv_direct_ops : &hwr_conv_unrolled_ops;
}

static void
conv_forward(HwrLayerRun *run)
{
	way(run)->forward(run);
}

static void
conv_backward(HwrLayerRun *run)
{
	way(run)->backward(run);
}

static size_t
conv_aux_size(const HwrLayerRun *run)
{
	return way(run)->aux_size != NULL ? way(run)->aux_size(run) : 0;
}

static size_t
conv_scratch_size(const HwrLayerRun *run)
{
	return way(run)->scratch_size(run);
}

const HwrLayerOps hwr_conv_ops = {
	.forward = conv_forward,
	.backward = conv_backward,
	.aux_size = conv_aux_size,
	.scratch_size = conv_scratch_size,
};
