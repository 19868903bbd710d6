/*
 * graphs.cpp
 *	  Work that is the same every time, launched as one CUDA graph.
 */
#include "graphs.h"

static bool
same(const HwrGpuGraphKey *a, const HwrGpuGraphKey *b)
{
	return a->n == b->n && a->width == b->width && a->measuring == b->measuring && a->max_label == b->max_label && a->canvases == b->canvases &&
		a->moves == b->moves;
}

static void
drop(HwrGpuGraph *graph)
{
	if (graph->exec != NULL)
		(void) cudaGraphExecDestroy(graph->exec);
	*graph = HwrGpuGraph();
}

static HwrGpuGraph *
find(HwrGpuGraphs *graphs, const HwrGpuGraphKey *key)
{
	for (int i = 0; i < HWR_GPU_GRAPHS; i++)
		if (same(&graphs->entries[i].key, key))
			return &graphs->entries[i];
	return NULL;
}

/* exec stays NULL where the work cannot be captured; what failed then is no error of the work's. */
static void
capture(HwrGpuGraph *entry, HwrGpuNet *net, HwrGpuWork work, void *arg)
{
	HwrStatus	st = {};
	cudaGraph_t graph = NULL;
	bool		ok = cudaStreamBeginCapture(net->stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess;

	if (ok)
	{
		ok = work(arg, &st);
		ok = cudaStreamEndCapture(net->stream, &graph) == cudaSuccess && ok;
	}
	if (!ok || cudaGraphInstantiate(&entry->exec, graph, 0) != cudaSuccess)
	{
		entry->exec = NULL;
		entry->direct = true;
		(void) cudaGetLastError();
	}
	if (graph != NULL)
		(void) cudaGraphDestroy(graph);
}

bool
hwr_gpu_graphs_run(HwrGpuGraphs *graphs, HwrGpuNet *net, HwrGpuGraphKey key, HwrGpuWork work, void *arg,
				   HwrStatus *st)
{
	HwrGpuGraph *entry = find(graphs, &key);

	if (entry == NULL)
	{
		entry = &graphs->entries[graphs->next];
		graphs->next = (graphs->next + 1) % HWR_GPU_GRAPHS;
		drop(entry);
		entry->key = key;
		return work(arg, st);
	}
	if (entry->exec == NULL && !entry->direct)
		capture(entry, net, work, arg);
	if (entry->exec == NULL)
		return work(arg, st);
	return hwr_gpu_check(cudaGraphLaunch(entry->exec, net->stream), st);
}

void
hwr_gpu_graphs_free(HwrGpuGraphs *graphs)
{
	for (int i = 0; i < HWR_GPU_GRAPHS; i++)
		drop(&graphs->entries[i]);
}
