/*
 * result.c
 *	  An epoch's figures as JSON.
 */
#include "result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Twelve keys and numbers of at most 16 characters stay far below this. */
#define RESULT_SIZE 1024

typedef struct Json
{
	char	   *text;
	size_t		used;
} Json;

static void
append(Json *json, const char *key, double value)
{
	const char *comma = json->used > 1 ? ", " : "";
	size_t		room = RESULT_SIZE - json->used;
	int			n;

	if (isfinite(value))
		n = snprintf(json->text + json->used, room, "%s\"%s\": %.9g", comma, key, value);
	else
		n = snprintf(json->text + json->used, room, "%s\"%s\": null", comma, key);
	json->used += (size_t) n;
}

bool
hwr_result_json(const HwrEpoch *epoch, int training_images, int validation_images, char **out, HwrStatus *st)
{
	const HwrMetrics *m = &epoch->valid;
	Json		json = {hwr_alloc(RESULT_SIZE, 1, st), 1};

	if (json.text == NULL)
		return false;
	json.text[0] = '{';
	append(&json, "epoch", epoch->epoch);
	append(&json, "training_images", training_images);
	append(&json, "validation_images", validation_images);
	append(&json, "training_loss", epoch->train_loss);
	append(&json, "validation_loss", hwr_metrics_loss(m));
	append(&json, "cer", hwr_metrics_cer(m));
	append(&json, "wer", hwr_metrics_wer(m));
	append(&json, "exact_match", hwr_metrics_exact(m));
	append(&json, "precision", hwr_metrics_precision(m));
	append(&json, "recall", hwr_metrics_recall(m));
	append(&json, "f1", hwr_metrics_f1(m));
	if (epoch->averaged > 0)
		append(&json, "averaged", epoch->averaged);
	snprintf(json.text + json.used, RESULT_SIZE - json.used, "}");
	*out = json.text;
	return true;
}
