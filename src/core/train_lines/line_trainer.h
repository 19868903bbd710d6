/*
 * line_trainer.h
 *	  Training of the network that finds lines, from pages with true lines.
 *
 * Pages become canvases (core/page/canvas.h) and are kept as that, one byte a pixel.  A step takes crops of some
 * of them, each enlarged, slanted, made fainter and soiled by chance; a page in so many is put aside to
 * measure.  Equal pages in equal order, options and seed give equal values on one processor.
 */
#ifndef HWR_TRAIN_LINE_TRAINER_H
#define HWR_TRAIN_LINE_TRAINER_H

#include "core/page/line_net.h"

typedef struct HwrLineOptions
{
	int			steps;			/* > 0 */
	int			batch;			/* crops a step, 1 .. 64 */
	int			width;			/* of a crop, pixels of the canvas, a multiple of 64 */
	int			validation;		/* every so manyth page is for measuring, 0: none */
	int			measure_every;	/* so many steps apart, and after the last, values are measured */
	double		learning_rate;	/* at the beginning; falls as a cosine to a fiftieth */
	double		weight_decay;
	double		parts;			/* the share of crops that are put together of parts (line_sample.h) */
	int			threads;
	uint64_t	seed;
} HwrLineOptions;

extern void hwr_line_options_default(HwrLineOptions *options);

/* Errors: HWR_BAD_OPTION that names the option. */
extern bool hwr_line_options_check(const HwrLineOptions *options, HwrStatus *st);

/* A line of ground truth; either part may have no points. */
typedef struct HwrTruthLine
{
	const HwrPoint *baseline;
	int			baseline_n;
	const HwrPoint *outline;
	int			outline_n;
} HwrTruthLine;

typedef struct HwrLineTrainer HwrLineTrainer;

/*
 * net outlives it; values[net->nvalues] to begin with, or NULL: as hwr_net_init has them.  memory_limit: bytes of canvases.
 */
extern bool hwr_line_trainer_create(const HwrNet *net, const float *values, const HwrLineOptions *options,
									const HwrBackend *backend, size_t memory_limit, HwrLineTrainer **out, HwrStatus *st);
extern void hwr_line_trainer_free(HwrLineTrainer *t);

/*
 * One page.  *used becomes false where no writing or no line is on it.  Errors: HWR_OUT_OF_MEMORY, HWR_BAD_DATA where the
 * limit is reached.
 */
extern bool hwr_line_trainer_add(HwrLineTrainer *t, const HwrImage *page, const HwrTruthLine *lines, int n,
								 bool *used, HwrStatus *st);

extern int	hwr_line_trainer_pages(const HwrLineTrainer *t, bool validation);
extern int64_t hwr_line_trainer_lines(const HwrLineTrainer *t);

/* After the last page: HWR_BAD_DATA where there is nothing to learn from.  Then options.steps times a step. */
extern bool hwr_line_trainer_start(HwrLineTrainer *t, HwrStatus *st);
extern bool hwr_line_trainer_step(HwrLineTrainer *t, double *loss, HwrStatus *st);

/* Whether the values are to be measured now: never before the first step. */
extern bool hwr_line_trainer_due(const HwrLineTrainer *t);

/*
 * Measure the values of this step: some batches for the means of batch normalisation, then the loss on the pages put
 * aside.  A call is one batch; *done becomes true with the last.  The values with the least loss are kept, without
 * pages put aside the latest.
 */
extern bool hwr_line_trainer_measure(HwrLineTrainer *t, bool *done, HwrStatus *st);

/* Mean loss on the pages put aside: of the latest measurement, of the best.  NAN where no page was put aside. */
extern double hwr_line_trainer_validation_loss(const HwrLineTrainer *t);
extern double hwr_line_trainer_best_loss(const HwrLineTrainer *t);

/* After how many steps the values that are kept were those; 0: nothing has been measured. */
extern int	hwr_line_trainer_best_step(const HwrLineTrainer *t);

/* [net->nvalues] of them; the trainer's. */
extern const float *hwr_line_trainer_values(const HwrLineTrainer *t);

/* Those that were measured last. */
extern const float *hwr_line_trainer_latest(const HwrLineTrainer *t);

#endif							/* HWR_TRAIN_LINE_TRAINER_H */
