/*
 * train_report.c
 *	  What a training tells the one who waits for it.
 *
 * One line an epoch, in columns that stay in place:
 *
 *	 epoch  3/14 [####----------------] train   8.21 val   6.90 CER  34.5 % best   52 images/s 18 min left
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"

#include "core/text/metrics.h"
#include "core/dataset/dataset.h"
#include "core/image/preprocess.h"
#include "core/train/diagnose.h"
#include "core/train/trainer.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/catalog/overlap.h"
#include "job.h"
#include "train_report.h"

#define BAR_WIDTH 20

static void
append_bar(StringInfo line, double share)
{
	int			filled = (int) (share * BAR_WIDTH + 0.5);

	appendStringInfoChar(line, '[');
	for (int i = 0; i < BAR_WIDTH; i++)
		appendStringInfoChar(line, i < filled ? '#' : '-');
	appendStringInfoChar(line, ']');
}

static void
append_time_left(StringInfo line, double seconds)
{
	if (isnan(seconds) || seconds <= 0)
		return;
	if (seconds < 99.5)
		appendStringInfo(line, " %.0f s left", ceil(seconds));
	else if (seconds < 99.5 * 60)
		appendStringInfo(line, " %.0f min left", seconds / 60);
	else
		appendStringInfo(line, " %.1f h left", seconds / 3600);
}

void
hwr_report_epoch(const HwrEpoch *epoch, const HwrTrainProgress *progress)
{
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfo(&line, "epoch %2d/%d ", epoch->epoch, progress->epochs);
	append_bar(&line, (double) epoch->epoch / Max(progress->epochs, 1));
	appendStringInfo(&line, " train %6.2f", epoch->train_loss);
	if (epoch->valid.images > 0)
		appendStringInfo(&line, " val %6.2f CER %5.1f %%", hwr_metrics_loss(&epoch->valid),
						 100 * hwr_metrics_cer(&epoch->valid));
	appendStringInfo(&line, " %s %4.0f images/s", epoch->best ? "best" : "    ",
					 epoch->images_per_second);
	if (epoch->epoch < progress->epochs)
		append_time_left(&line, progress->eta_seconds);
	ereport(NOTICE, (errmsg_internal("%s", line.data)));
	pfree(line.data);
}

/* A time in words. */
static char *
duration(double seconds)
{
	if (seconds < 99.5)
		return psprintf("%.0f s", ceil(seconds));
	return seconds < 99.5 * 60 ? psprintf("%.0f min", seconds / 60) : psprintf("%.1f h", seconds / 3600);
}

void
hwr_report_estimate(const HwrTrainProgress *progress, double max_minutes, double elapsed)
{
	double		whole = elapsed + progress->whole_seconds;

	if (!(progress->whole_seconds > 0))
		return;
	if (max_minutes > 0 && progress->epochs * 60 * max_minutes < whole * (progress->epochs - 1))
		ereport(WARNING,
				(errmsg("%d epochs will take about %s, but \"max_minutes\" is %g: about %.0f will be done",
						progress->epochs, duration(whole), max_minutes,
							Max(1, floor(progress->epochs * 60 * max_minutes / whole))),
				 errdetail("The learning rate comes down within the limit, so the result is that of a shorter training.")));
	else
		ereport(NOTICE,
				(errmsg("%d epoch(s) will take about %s", progress->epochs,
						duration(max_minutes > 0 ? Min(whole, 60 * max_minutes) : whole))));
}

void
hwr_report_average(const HwrEpoch *average)
{
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfo(&line, "average of the last steps (%d snapshots)", average->averaged);
	if (average->valid.images > 0)
		appendStringInfo(&line, " val %6.2f CER %5.1f %%", hwr_metrics_loss(&average->valid),
						 100 * hwr_metrics_cer(&average->valid));
	appendStringInfoString(&line, average->best ? " best" : "");
	ereport(NOTICE, (errmsg_internal("%s", line.data)));
	pfree(line.data);
}

void
hwr_report_trouble(HwrTrouble trouble)
{
	switch (trouble)
	{
		case HWR_TROUBLE_BLANK:
			ereport(NOTICE,
					(errmsg("the network does not read anything yet"),
					 errhint("If its loss falls, it needs more epochs or more images. If it does not, "
							 "the learning rate is too high or too low, or the labels do not belong to the images.")));
			break;
		case HWR_TROUBLE_LOSS:
			ereport(NOTICE,
					(errmsg("the training loss no longer falls"),
					 errhint("Try another learning rate or a larger network, and look whether labels belong to their images.")));
			break;
		case HWR_TROUBLE_GRADIENT:
			ereport(NOTICE,
					(errmsg("the training loss rises, and the gradient exceeds \"clip_norm\" in every step"),
					 errhint("Lower the training option \"learning_rate\".")));
			break;
		case HWR_TROUBLE_NONE:
			break;
	}
}

static void
report_labels(const HwrDataset *dataset)
{
	HwrLabelTraits traits = hwr_dataset_traits(dataset);

	if (traits.invisible > 0)
		ereport(NOTICE,
				(errmsg_plural("invisible characters of %lld label were left out", "invisible characters of %lld labels were "
							   "left out",
							   (unsigned long) traits.invisible, (long long) traits.invisible),
				 errdetail("Byte-order marks, zero-width spaces, marks of direction and their like leave no ink.")));
	if (traits.right_to_left > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld label has letters that are written from right to left",
							   "%lld labels have letters that are written from right to left",
							   (unsigned long) traits.right_to_left, (long long) traits.right_to_left),
				 errdetail("The network reads from left to right: it learns such labels in the order of their ink. What is read "
						   "comes in the order of a text again.")));
}

void
hwr_report_data(const HwrJobCounts *counts, const HwrDataset *dataset, double validation_fraction)
{
	const char *skipped = hwr_dataset_skipped_text(dataset);
	int64		too_long = hwr_dataset_skipped(dataset, HWR_SKIP_TOO_LONG);
	int64		squeezed = hwr_dataset_squeezed(dataset);
	int64		both = hwr_overlap_within(dataset);

	ereport(NOTICE,
			(errmsg("training on %lld images, validating on %lld",
					(long long) counts->images, (long long) counts->validation_images)));
	if (counts->validation_images == 0 && validation_fraction > 0)
		ereport(WARNING,
				(errmsg("no image is kept for validation: how well the model reads will not be known"),
				 errdetail("All %lld usable rows fell to training; an image falls to one side by its bytes, "
						   "equal ones to the same.",
						   (long long) counts->images),
				 errhint("Train on more different images, or give a table for validation.")));
	if (both > 0)
		ereport(WARNING,
				(errmsg_plural("%lld of the %lld images for validation is also trained on",
							   "%lld of the %lld images for validation are also trained on",
							   (unsigned long) both, (long long) both, (long long) counts->validation_images),
				 errdetail("Figures on images that a model has been trained on are better than those on others, and it may be "
						   "activated for them."),
				 errhint("Validate on a table of other images, or leave it out: then some are kept for validation.")));
	if (squeezed > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld image is wider than the network's input and was squeezed",
							   "%lld images are wider than the network's input and were squeezed",
							   (unsigned long) squeezed, (long long) squeezed),
				 hwr_dataset_width(dataset) > 0 ?
				 errhint("An architecture that begins with [1,height,0,1 takes images of any width.") :
				 errhint("No network takes more than %d columns. Cut such lines in two.", HWR_MAX_WIDTH)));
	if (counts->skipped > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld row was left out", "%lld rows were left out",
							   (unsigned long) counts->skipped, (long long) counts->skipped),
				 skipped[0] != '\0' ? errdetail("First of them: %s", hwr_from_utf8(skipped)) : 0,
				 too_long > 0 ? errhint("%lld of the labels are longer than the network has steps: an architecture "
										"that pools the width less, or a wider input, has more.", (long long) too_long) : 0));
	report_labels(dataset);
}
