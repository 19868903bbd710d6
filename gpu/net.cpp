/*
 * net.cpp
 *	  A network's values on the card.
 */
#include "net.h"

#include <stdlib.h>
#include <string.h>

extern "C"
{
#include "core/train/optimizer.h"
}

#define TENSOR_ALIGNMENT 64		/* values */

static void
lay_out(HwrGpuNet *net)
{
	for (int i = 0; i < net->net->ntensors; i++)
	{
		net->offsets[i] = net->nvalues;
		net->nvalues += (net->net->tensors[i].count + TENSOR_ALIGNMENT - 1) / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT;
	}
}

static bool
allocate(HwrGpuNet *net, int slots, bool half, HwrStatus *st)
{
	size_t		floats = 1 + (net->training ? 1 + (size_t) slots : 0);
	float	   *next;

	if (!hwr_gpu_reserve(&net->memory, &net->block, net->nvalues * (floats * sizeof(float) + (half ? 2 : 0)), st) ||
		!hwr_gpu_check(cudaMemsetAsync(net->block.data, 0, net->block.size, net->stream), st))
		return false;
	next = (float *) net->block.data;
	net->values = next;
	next += net->nvalues;
	if (net->training)
	{
		net->grads = next;
		net->m = next + net->nvalues;
		net->v = slots > 1 ? next + 2 * net->nvalues : NULL;
		next += (1 + (size_t) slots) * net->nvalues;
	}
	net->half = half ? (__nv_bfloat16 *) next : NULL;
	return true;
}

/* Networks with layers that there are no kernels for are left to the CPU. */
static bool
check_layers(const HwrBackendConfig *config, HwrStatus *st)
{
	for (int i = 0; i < config->net->nlayers; i++)
	{
		const char *what = hwr_layer_cpu_only(&config->net->layers[i], config->training);

		if (what == NULL)
			continue;
		hwr_fail(st, HWR_DEVICE, "GPU does not compute this network");
		hwr_fail_detail(st, "Item %d of the architecture, %s, is computed by the CPU only.", i + 1, what);
		return hwr_fail_hint(st, "Use the CPU for it: hwr.device for reading, option \"device\" for training.");
	}
	return true;
}

bool
hwr_gpu_net_create(HwrGpuNet *net, const HwrBackendConfig *config, bool half, HwrStatus *st)
{
	if (!check_layers(config, st))
		return false;
	net->net = config->net;
	net->training = config->training;
	net->memory.limit = config->memory_limit;
	lay_out(net);
	return hwr_gpu_check(cudaStreamCreateWithFlags(&net->stream, cudaStreamNonBlocking), st) &&
		hwr_gpu_math_create(&net->memory, net->stream, &net->math, st) &&
		allocate(net, config->training ? hwr_optimizer_slots(config->step->optimizer) : 0, half, st);
}

void
hwr_gpu_net_free(HwrGpuNet *net)
{
	hwr_gpu_math_free(net->math);
	hwr_gpu_release(&net->memory, &net->block);
	if (net->stream != NULL)
		(void) cudaStreamDestroy(net->stream);
}

/* Between the host's block and one with the card's gaps. */
static void
spread(const HwrGpuNet *net, const float *host, float *gaps)
{
	memset(gaps, 0, net->nvalues * sizeof(float));
	for (int i = 0; i < net->net->ntensors; i++)
		memcpy(gaps + net->offsets[i], host + net->net->tensors[i].offset, net->net->tensors[i].count * sizeof(float));
}

static void
gather(const HwrGpuNet *net, const float *gaps, float *host)
{
	for (int i = 0; i < net->net->ntensors; i++)
		memcpy(host + net->net->tensors[i].offset, gaps + net->offsets[i], net->net->tensors[i].count * sizeof(float));
}

static bool
copy_and_wait(HwrGpuNet *net, void *to, const void *from, cudaMemcpyKind kind, HwrStatus *st)
{
	return hwr_gpu_check(cudaMemcpyAsync(to, from, net->nvalues * sizeof(float), kind, net->stream), st) &&
		hwr_gpu_check(cudaStreamSynchronize(net->stream), st);
}

bool
hwr_gpu_net_write(HwrGpuNet *net, const float *host, float *device, HwrStatus *st)
{
	float	   *gaps = (float *) hwr_alloc(net->nvalues, sizeof(float), st);
	bool		ok;

	if (gaps == NULL)
		return false;
	spread(net, host, gaps);
	ok = copy_and_wait(net, device, gaps, cudaMemcpyHostToDevice, st);
	free(gaps);
	return ok;
}

bool
hwr_gpu_net_read(HwrGpuNet *net, const float *device, float *host, HwrStatus *st)
{
	float	   *gaps = (float *) hwr_alloc(net->nvalues, sizeof(float), st);
	bool		ok;

	if (gaps == NULL)
		return false;
	ok = copy_and_wait(net, gaps, device, cudaMemcpyDeviceToHost, st);
	if (ok)
		gather(net, gaps, host);
	free(gaps);
	return ok;
}
