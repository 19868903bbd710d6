/*
 * train_survey.c
 *	  A training looks at its table before it chooses what the options leave open.
 *
 * Some rows, evenly spread over the table, go to core/train/survey.c; what it chooses becomes the job's options, and
 * a NOTICE says what and why.  That costs one count of the rows and one more pass over the table, in which only the
 * rows looked at are decoded.  A job that is gone on with has all its options in its row.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "core/base/status.h"
#include "core/image/image.h"
#include "core/dataset/survey.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "pg/base/settings.h"
#include "job.h"
#include "train_worker.h"

/* As the caller, SPI being connected. */
static void
look_at_rows(HwrTrainWorker *w, HwrSurvey *survey)
{
	HwrImageLimits limits = hwr_image_limits();
	HwrRows    *rows;
	HwrRow		row;

	survey->table_rows = hwr_rows_count(&w->training);
	rows = hwr_rows_open_spread(&w->training, (survey->table_rows + HWR_SURVEY_ROWS - 1) / HWR_SURVEY_ROWS);
	while (hwr_rows_next(rows, &row))
	{
		HwrDatasetRow seen = {row.number, row.image, row.image_len, row.label, row.label_len};

		hwr_survey_add(survey, &limits, &seen);
		hwr_worker_check(w);
	}
	hwr_rows_close(rows);
}

/* The options again, with what was chosen in the places of what was not given. */
static void
apply(HwrTrainWorker *w, const HwrChoice *choice)
{
	HwrDeviceKind device = w->options.device;
	HwrStatus	st;
	char	   *json;

	/* A base's are what they were, but for the epochs. */
	if (w->base == NULL)
	{
		if (!hwr_options_parse_as(w->json, strlen(w->json), choice->preset, &w->options, &st))
			hwr_raise(&st);
		w->options.device = device;
		strlcpy(w->options.architecture, choice->architecture, sizeof(w->options.architecture));
	}
	w->options.epochs = choice->epochs;
	if (!hwr_options_to_json(&w->options, &json, &st))
		hwr_raise(&st);
	hwr_job_options(w->job, json);
	free(json);
}

void
hwr_worker_survey(HwrTrainWorker *w)
{
	HwrSurvey  *survey;
	HwrGiven	given;
	HwrChoice	choice;
	HwrIdentity save;

	hwr_options_given(w->json, strlen(w->json), &given);
	if (w->request.resume != 0 || !hwr_survey_wanted(&given))
		return;
	survey = palloc0(sizeof(HwrSurvey));
	SPI_connect();
	hwr_become_user(w->request.user, &save);
	look_at_rows(w, survey);
	hwr_restore_identity(&save);
	SPI_finish();
	if (hwr_survey_choose(survey, &given, &w->options, &choice))
	{
		apply(w, &choice);
		ereport(NOTICE,
				(errmsg("chosen for this table: %s", choice.chosen),
				 errdetail("%s", choice.reason)));
	}
	pfree(survey);
}
