/*
 * trainer_order.c
 *	  Which rows make up a batch.
 *
 * Training rows are shuffled anew each epoch.  Where canvases differ in width, a batch is as wide
 * as its widest one, and what is beyond the others' ends is work for nothing.  So within windows of
 * a few batches the rows are sorted by width, and the batches of a window shuffled again: rows meet
 * others of their width, and the order of the batches is as good as random.
 */
#include "trainer_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"

/* Stream of the seed. */
#define STREAM_ORDER UINT64_C(0x100000000)

/* Batches among which rows are exchanged. */
#define WINDOW_BATCHES 16

typedef struct RowWidth
{
	int			row;
	int			width;
} RowWidth;

static int
compare_width(const void *a, const void *b)
{
	const RowWidth *x = a;
	const RowWidth *y = b;

	return x->width != y->width ? (x->width > y->width) - (x->width < y->width) : (x->row > y->row) - (x->row < y->row);
}

/* Sort rows[n] of a split by width.  Out of memory they stay as they are, which is as right, only slower. */
static void
sort_by_width(const HwrDataset *ds, HwrSplit split, int *rows, int n)
{
	RowWidth   *widths = malloc((size_t) n * sizeof(RowWidth));
	HwrSample	sample;

	if (widths == NULL)
		return;
	for (int i = 0; i < n; i++)
	{
		hwr_dataset_sample(ds, split, rows[i], &sample);
		widths[i] = (RowWidth) {rows[i], sample.width};
	}
	qsort(widths, (size_t) n, sizeof(RowWidth), compare_width);
	for (int i = 0; i < n; i++)
		rows[i] = widths[i].row;
	free(widths);
}

/* Fisher and Yates over n items of so many rows. */
static void
shuffle(int *rows, int n, int size, HwrRng *rng)
{
	for (int i = n - 1; i > 0; i--)
	{
		int			j = (int) hwr_rng_below(rng, (uint64_t) i + 1);

		for (int k = 0; k < size; k++)
		{
			int			swap = rows[i * size + k];

			rows[i * size + k] = rows[j * size + k];
			rows[j * size + k] = swap;
		}
	}
}

void
hwr_trainer_order(HwrTrainer *t)
{
	HwrRng		rng;
	int			n = hwr_dataset_count(t->ds, HWR_SPLIT_TRAIN);
	int			batch = t->options->batch_size;
	int			window = WINDOW_BATCHES * batch;

	hwr_rng_seed(&rng, t->options->seed, STREAM_ORDER + (uint64_t) t->epoch);
	for (int i = 0; i < n; i++)
		t->order[i] = i;
	shuffle(t->order, n, 1, &rng);
	if (t->net.width > 0)
		return;
	for (int first = 0; first < n; first += window)
	{
		int			count = n - first < window ? n - first : window;

		sort_by_width(t->ds, HWR_SPLIT_TRAIN, t->order + first, count);
		shuffle(t->order + first, count / batch, batch, &rng);	/* an incomplete batch stays the last */
	}
}

void
hwr_trainer_order_validation(HwrTrainer *t)
{
	int			n = hwr_dataset_count(t->ds, HWR_SPLIT_VALIDATION);

	for (int i = 0; i < n; i++)
		t->valid_order[i] = i;
	if (t->net.width == 0)
		sort_by_width(t->ds, HWR_SPLIT_VALIDATION, t->valid_order, n);
}
