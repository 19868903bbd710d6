/*
 * canvases.cpp
 *	  8-bit canvases on the card.
 */
#include "canvases.h"

#include <stdlib.h>
#include <string.h>

extern "C"
{
#include "core/base/rng.h"
}

#define FIRST_CAPACITY 4096

/* Where id is in the table, or the free place where it belongs. */
static int
find(const HwrGpuCanvases *c, int64_t id)
{
	int			i = (int) (hwr_mix64((uint64_t) id) & (uint64_t) (c->table - 1));

	while (c->places[i] >= 0 && c->ids[i] != id)
		i = (i + 1) & (c->table - 1);
	return i;
}

/* A table of at least twice the capacity, with what was in the old one. */
static bool
grow_table(HwrGpuCanvases *c, int capacity, HwrStatus *st)
{
	HwrGpuCanvases old = *c;
	int			table = 1;

	while (table < 2 * capacity)
		table *= 2;
	c->ids = (int64_t *) hwr_alloc((size_t) table, sizeof(int64_t), st);
	c->places = (int *) hwr_alloc((size_t) table, sizeof(int), st);
	if (c->ids == NULL || c->places == NULL)
	{
		free(c->ids);
		free(c->places);
		*c = old;
		return false;
	}
	c->table = table;
	for (int i = 0; i < table; i++)
		c->places[i] = -1;
	for (int i = 0; i < old.table; i++)
		if (old.places[i] >= 0)
		{
			int			at = find(c, old.ids[i]);

			c->ids[at] = old.ids[i];
			c->places[at] = old.places[i];
		}
	free(old.ids);
	free(old.places);
	return true;
}

/* Make room for more canvases, twice as much each time; false where the share or the memory is used up. */
static bool
grow(HwrGpuCanvases *c, HwrGpuNet *net, int needed)
{
	HwrStatus	st = {};		/* not an error: canvases then travel */
	HwrGpuBlock block = {};
	int			capacity = c->capacity > 0 ? c->capacity : FIRST_CAPACITY;
	size_t		most = c->share / c->size;

	while (capacity < needed && capacity <= INT32_MAX / 8)
		capacity *= 2;
	if ((size_t) capacity > most)
		capacity = (int) most;
	if (capacity < needed || !hwr_gpu_reserve(&net->memory, &block, (size_t) capacity * c->size, &st))
		return false;
	if (!grow_table(c, capacity, &st) ||
		(c->count > 0 &&
		 !hwr_gpu_check(cudaMemcpyAsync(block.data, c->kept.data, (size_t) c->count * c->size,
										cudaMemcpyDeviceToDevice, net->stream), &st)) ||
		!hwr_gpu_check(cudaStreamSynchronize(net->stream), &st))
	{
		hwr_gpu_release(&net->memory, &block);
		return false;
	}
	hwr_gpu_release(&net->memory, &c->kept);
	c->kept = block;
	c->capacity = capacity;
	return true;
}

/* Whether all of the batch is kept or there is room to. */
static bool
can_keep(HwrGpuCanvases *c, HwrGpuNet *net, int n, size_t size, const int64_t *ids)
{
	int			fresh = 0;

	if (ids == NULL || c->share < size)
		return false;
	if (c->size == 0)
		c->size = size;
	if (c->size != size)
		return false;
	for (int i = 0; i < n; i++)
		if (c->table == 0 || c->places[find(c, ids[i])] < 0)
			fresh++;
	return c->count + fresh <= c->capacity || grow(c, net, c->count + fresh);
}

static bool
send(HwrGpuNet *net, char *to, const char *from, size_t bytes, HwrStatus *st)
{
	return hwr_gpu_check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, net->stream), st);
}

static bool
load_kept(HwrGpuCanvases *c, HwrGpuNet *net, int n, const uint8_t *ink, const int64_t *ids, int *slots, HwrStatus *st)
{
	int			before = c->count;
	size_t		bytes;

	for (int i = 0; i < n; i++)
	{
		int			at = find(c, ids[i]);

		if (c->places[at] < 0)
		{
			memcpy(c->staging.data + (size_t) (c->count - before) * c->size, ink + (size_t) i * c->size, c->size);
			c->ids[at] = ids[i];
			c->places[at] = c->count++;
		}
		slots[i] = c->places[at];
	}
	bytes = (size_t) (c->count - before) * c->size;
	return bytes == 0 || send(net, c->kept.data + (size_t) before * c->size, c->staging.data, bytes, st);
}

bool
hwr_gpu_canvases_load(HwrGpuCanvases *c, HwrGpuNet *net, int n, size_t size, const uint8_t *ink,
					  const int64_t *ids, int *slots, const uint8_t **base, HwrStatus *st)
{
	size_t		bytes = (size_t) n * size;

	if (!hwr_gpu_reserve_pinned(&c->staging, bytes, st))
		return false;
	if (can_keep(c, net, n, size, ids))
	{
		if (!load_kept(c, net, n, ink, ids, slots, st))
			return false;
		*base = (const uint8_t *) c->kept.data;
		return true;
	}
	if (!hwr_gpu_reserve(&net->memory, &c->loose, bytes, st))
		return false;
	for (int i = 0; i < n; i++)
		slots[i] = i;
	memcpy(c->staging.data, ink, bytes);
	*base = (const uint8_t *) c->loose.data;
	return send(net, c->loose.data, c->staging.data, bytes, st);
}

void
hwr_gpu_canvases_free(HwrGpuCanvases *c, HwrGpuNet *net)
{
	hwr_gpu_release(&net->memory, &c->kept);
	hwr_gpu_release(&net->memory, &c->loose);
	hwr_gpu_release_pinned(&c->staging);
	free(c->ids);
	free(c->places);
	*c = HwrGpuCanvases();
}
