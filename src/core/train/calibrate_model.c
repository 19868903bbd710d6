/*
 * calibrate_model.c
 *	  A model calibrated on a data set's validation rows.
 */
#include "calibrate_model.h"

#include <stdlib.h>

#include <jansson.h>

#include "core/decode/calibrate.h"
#include "core/network/recognizer.h"

struct HwrCalibrator
{
	const HwrModel *model;
	const HwrDataset *ds;
	HwrRecognizer *recognizer;
	HwrCalibration *calibration;
	int			next;			/* row */
	int			rows;
};

bool
hwr_calibrator_create(const HwrModel *model, const HwrDataset *ds, const HwrBackend *backend, int threads,
					  HwrCalibrator **out, HwrStatus *st)
{
	HwrCalibrator *c = hwr_alloc_zero(1, sizeof(HwrCalibrator), st);
	int			rows = hwr_dataset_count(ds, HWR_SPLIT_VALIDATION);

	if (c == NULL)
		return false;
	c->model = model;
	c->ds = ds;
	c->rows = rows < HWR_CALIBRATION_IMAGES ? rows : HWR_CALIBRATION_IMAGES;
	if (!hwr_recognizer_create(&model->net, model->values, model->fit, backend, threads, HWR_FLOAT32, &c->recognizer, st) ||
		!hwr_calibration_create(model->net.classes, &c->calibration, st))
	{
		hwr_calibrator_free(c);
		return false;
	}
	*out = c;
	return true;
}

void
hwr_calibrator_free(HwrCalibrator *c)
{
	if (c == NULL)
		return;
	hwr_recognizer_free(c->recognizer);
	hwr_calibration_free(c->calibration);
	free(c);
}

static bool
load_canvas(const HwrCalibrator *c, const HwrSample *sample, int row, HwrCanvas *out, HwrStatus *st)
{
	*out = (HwrCanvas) {.width = sample->width,.content_width = sample->width,.source_width = sample->width};
	out->ink = hwr_alloc((size_t) c->model->net.height, (size_t) sample->width, st);
	return out->ink != NULL &&
		hwr_dataset_read(c->ds, HWR_SPLIT_VALIDATION, row, out->ink, sample->width, st);
}

static bool
read_batch(HwrCalibrator *c, HwrStatus *st)
{
	int			left = c->rows - c->next;
	int			n = left < HWR_RECOGNIZE_BATCH ? left : HWR_RECOGNIZE_BATCH;
	HwrSample	samples[HWR_RECOGNIZE_BATCH];
	HwrCanvas	canvases[HWR_RECOGNIZE_BATCH] = {0};
	HwrPosterior posteriors[HWR_RECOGNIZE_BATCH] = {0};
	bool		ok = true;

	for (int i = 0; ok && i < n; i++)
	{
		hwr_dataset_sample(c->ds, HWR_SPLIT_VALIDATION, c->next + i, &samples[i]);
		ok = load_canvas(c, &samples[i], c->next + i, &canvases[i], st);
	}
	ok = ok && hwr_recognizer_run(c->recognizer, n, canvases, posteriors, st);
	for (int i = 0; ok && i < n; i++)
		ok = !samples[i].complete || hwr_canvas_is_empty(&canvases[i], c->model->net.height) ||	/* no network's word */
			hwr_calibration_add(c->calibration, posteriors[i].logp, posteriors[i].steps,
								 samples[i].classes, samples[i].nclasses, st);
	for (int i = 0; i < n; i++)
	{
		hwr_canvas_free(&canvases[i]);
		hwr_posterior_free(&posteriors[i]);
	}
	c->next += n;
	return ok;
}

bool
hwr_calibrator_step(HwrCalibrator *c, bool *done, HwrStatus *st)
{
	if (c->next >= c->rows)
		return hwr_calibration_step(c->calibration, done, st);
	*done = false;
	return read_batch(c, st);
}

static bool
note_temperature(HwrModel *model, double temperature, HwrStatus *st)
{
	json_t	   *result = json_loads(model->result, 0, NULL);
	char	   *text = NULL;

	if (result != NULL && json_object_set_new(result, "temperature", json_real(temperature)) == 0)
		text = json_dumps(result, JSON_REAL_PRECISION(9));
	json_decref(result);
	if (text == NULL)
		return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	free(model->result);
	model->result = text;
	return true;
}

bool
hwr_calibrator_apply(HwrCalibrator *c, HwrModel *model, HwrStatus *st)
{
	double		temperature = hwr_calibration_temperature(c->calibration);

	if (c->rows == 0)
		return true;
	/* it reads with the values that change now */
	hwr_recognizer_free(c->recognizer);
	c->recognizer = NULL;
	hwr_apply_temperature(&model->net, temperature, model->values);
	return note_temperature(model, temperature, st);
}
