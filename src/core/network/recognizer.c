/*
 * recognizer.c
 *	  Batches of canvases through a backend.
 */
#include "recognizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Log probability of a character on an empty canvas: too small to matter, and finite, as posteriors are. */
#define NOTHING (-100.0f)

struct HwrRecognizer
{
	const HwrNet *net;
	const float *values;
	HwrFit		fit;
	const HwrBackend *backend;
	HwrBackendContext *ctx;		/* from the first run on */
	int			threads;
	HwrPrecision precision;
	uint8_t    *ink;			/* canvases of a batch, packed */
	size_t		ink_size;
	float	   *logp;			/* their posteriors, packed */
	size_t		logp_size;		/* values */
};

bool
hwr_recognizer_create(const HwrNet *net, const float *values, HwrFit fit, const HwrBackend *backend,
					  int threads, HwrPrecision precision, HwrRecognizer **out, HwrStatus *st)
{
	HwrRecognizer *rec;

	if (net->maps)
	{
		hwr_fail(st, HWR_WRONG_MODEL, "the model finds lines, it does not read them");
		return hwr_fail_hint(st, "Models of its kind are for hwr_lines and hwr_read_page, as \"finder\".");
	}
	rec = hwr_alloc_zero(1, sizeof(HwrRecognizer), st);
	if (rec == NULL)
		return false;
	rec->net = net;
	rec->values = values;
	rec->fit = fit;
	rec->backend = backend;
	rec->threads = threads;
	rec->precision = precision;
	*out = rec;
	return true;
}

/* A process that only prepares images and decodes posteriors needs none of the device's memory. */
static bool
open_context(HwrRecognizer *rec, HwrStatus *st)
{
	HwrBackendConfig config = {.net = rec->net,.threads = rec->threads,.precision = rec->precision};

	if (rec->ctx != NULL)
		return true;
	if (!rec->backend->create(&config, &rec->ctx, st))
		return false;
	if (rec->backend->set_values(rec->ctx, rec->values, st))
		return true;
	rec->backend->destroy(rec->ctx);
	rec->ctx = NULL;
	return false;
}

void
hwr_recognizer_free(HwrRecognizer *rec)
{
	if (rec == NULL)
		return;
	if (rec->ctx != NULL)
		rec->backend->destroy(rec->ctx);
	free(rec->ink);
	free(rec->logp);
	free(rec);
}

size_t
hwr_recognizer_memory(const HwrRecognizer *rec)
{
	return sizeof(*rec) + rec->ink_size + rec->logp_size * sizeof(float) +
		(rec->ctx != NULL ? rec->backend->memory(rec->ctx) : 0);
}

int
hwr_net_least_width(const HwrNet *net, int width)
{
	while (net->width <= 0 && width < HWR_MAX_WIDTH && hwr_net_steps(net, width) < 1)
		width += HWR_WIDTH_STEP;
	return width;
}

int
hwr_net_canvas_width(const HwrNet *net, const HwrImage *img, HwrFit fit)
{
	return hwr_net_least_width(net, hwr_preprocess_width(img, fit, net->height, net->width));
}

bool
hwr_recognizer_prepare_image(const HwrRecognizer *rec, const HwrImage *img, HwrCanvas *out, HwrStatus *st)
{
	const HwrNet *net = rec->net;
	bool		ok;

	memset(out, 0, sizeof(*out));
	out->width = hwr_net_canvas_width(net, img, rec->fit);
	out->source_width = img->source_width;
	out->ink = hwr_alloc((size_t) net->height, (size_t) out->width, st);
	ok = out->ink != NULL &&
		hwr_preprocess(img, rec->fit, net->height, out->width, out->ink, &out->content_width, st);
	if (!ok)
		hwr_canvas_free(out);
	return ok;
}

bool
hwr_recognizer_prepare(const HwrRecognizer *rec, const uint8_t *bytes, size_t len,
					   const HwrImageLimits *limits, HwrCanvas *out, HwrStatus *st)
{
	HwrImage	img;
	bool		ok;

	memset(out, 0, sizeof(*out));
	if (!hwr_image_decode(bytes, len, limits, rec->net->height, rec->net->width, &img, st))
		return false;
	ok = hwr_recognizer_prepare_image(rec, &img, out, st);
	hwr_image_free(&img);
	return ok;
}

void
hwr_canvas_free(HwrCanvas *canvas)
{
	free(canvas->ink);
	canvas->ink = NULL;
}

bool
hwr_canvas_is_empty(const HwrCanvas *canvas, int height)
{
	size_t		n = (size_t) height * (size_t) canvas->width;

	return canvas->ink[0] == 0 && memcmp(canvas->ink, canvas->ink + 1, n - 1) == 0;
}

bool
hwr_posterior_of_nothing(const HwrNet *net, const HwrCanvas *canvas, HwrPosterior *out, HwrStatus *st)
{
	out->steps = hwr_net_steps(net, canvas->width);
	out->classes = net->classes;
	out->logp = hwr_alloc((size_t) out->steps * (size_t) out->classes, sizeof(float), st);
	if (out->logp == NULL)
		return false;
	for (int t = 0; t < out->steps; t++)
	{
		float	   *step = out->logp + (size_t) t * (size_t) out->classes;

		step[0] = logf(HWR_EMPTY_CONFIDENCE);
		for (int k = 1; k < out->classes; k++)
			step[k] = NOTHING;
	}
	return true;
}

void
hwr_posterior_free(HwrPosterior *posterior)
{
	free(posterior->logp);
	posterior->logp = NULL;
}

/* Grow the packed buffers for n canvases of this width. */
static bool
reserve(HwrRecognizer *rec, int n, int width, int steps, HwrStatus *st)
{
	const HwrNet *net = rec->net;
	size_t		ink_size = (size_t) n * (size_t) net->height * (size_t) width;
	size_t		logp_size = (size_t) n * (size_t) steps * (size_t) net->classes;

	if (ink_size > rec->ink_size)
	{
		free(rec->ink);
		rec->ink_size = 0;
		rec->ink = hwr_alloc(ink_size, 1, st);
		if (rec->ink == NULL)
			return false;
		rec->ink_size = ink_size;
	}
	if (logp_size > rec->logp_size)
	{
		free(rec->logp);
		rec->logp_size = 0;
		rec->logp = hwr_alloc(logp_size, sizeof(float), st);
		if (rec->logp == NULL)
			return false;
		rec->logp_size = logp_size;
	}
	return true;
}

/* Run the canvases whose indexes are in which[count], all of one width. */
static bool
run_width(HwrRecognizer *rec, const HwrCanvas *canvases, const int *which, int count,
		  HwrPosterior *out, HwrStatus *st)
{
	const HwrNet *net = rec->net;
	int			width = canvases[which[0]].width;
	int			steps = hwr_net_steps(net, width);
	size_t		canvas_size = (size_t) net->height * (size_t) width;
	size_t		posterior_size = (size_t) steps * (size_t) net->classes;

	if (!reserve(rec, count, width, steps, st))
		return false;
	for (int i = 0; i < count; i++)
		memcpy(rec->ink + (size_t) i * canvas_size, canvases[which[i]].ink, canvas_size);
	if (!rec->backend->infer(rec->ctx, count, width, rec->ink, rec->logp, st))
		return false;
	for (int i = 0; i < count; i++)
	{
		HwrPosterior *p = &out[which[i]];

		p->logp = hwr_alloc(posterior_size, sizeof(float), st);
		if (p->logp == NULL)
			return false;
		p->steps = steps;
		p->classes = net->classes;
		memcpy(p->logp, rec->logp + (size_t) i * posterior_size, posterior_size * sizeof(float));
	}
	return true;
}

bool
hwr_recognizer_run(HwrRecognizer *rec, int n, const HwrCanvas *canvases, HwrPosterior *out, HwrStatus *st)
{
	bool		done[HWR_RECOGNIZE_BATCH] = {false};

	bool		ok = open_context(rec, st);

	memset(out, 0, (size_t) n * sizeof(*out));
	for (int i = 0; i < n && ok; i++)
		if (hwr_canvas_is_empty(&canvases[i], rec->net->height))
		{
			ok = hwr_posterior_of_nothing(rec->net, &canvases[i], &out[i], st);
			done[i] = true;
		}
	for (int first = 0; first < n && ok; first++)
	{
		int			which[HWR_RECOGNIZE_BATCH];
		int			count = 0;

		for (int i = first; i < n; i++)
			if (!done[first] && !done[i] && canvases[i].width == canvases[first].width)
				which[count++] = i;
		for (int i = 0; i < count; i++)
			done[which[i]] = true;
		if (count > 0)
			ok = run_width(rec, canvases, which, count, out, st);
	}
	for (int i = 0; i < n && !ok; i++)
		hwr_posterior_free(&out[i]);
	return ok;
}
