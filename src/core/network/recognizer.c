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

	/* of several that read together, and nothing of the above but net and fit */
	int			nmembers;
	HwrRecognizer *members[HWR_MAX_MEMBERS];
	int			prepared_by[HWR_MAX_MEMBERS];	/* the first member that needs the same canvas */
	HwrCombine	combine;
	const void *arg;
};

bool
hwr_net_reads(const HwrNet *net, HwrStatus *st)
{
	if (!net->maps)
		return true;
	hwr_fail(st, HWR_WRONG_MODEL, "the model finds lines, it does not read them");
	return hwr_fail_hint(st, "Models of its kind are for hwr_lines and hwr_read_page, as \"finder\".");
}

bool
hwr_recognizer_create(const HwrNet *net, const float *values, HwrFit fit, const HwrBackend *backend,
					  int threads, HwrPrecision precision, HwrRecognizer **out, HwrStatus *st)
{
	HwrRecognizer *rec;

	if (!hwr_net_reads(net, st))
		return false;
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
	HwrBackendConfig config = {.net = rec->net,.threads = rec->threads,.precision = rec->precision,.values_stay = true};

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
	for (int m = 0; m < rec->nmembers; m++)
		hwr_recognizer_free(rec->members[m]);
	if (rec->ctx != NULL)
		rec->backend->destroy(rec->ctx);
	free(rec->ink);
	free(rec->logp);
	free(rec);
}

size_t
hwr_recognizer_memory(const HwrRecognizer *rec)
{
	size_t		bytes = sizeof(*rec) + rec->ink_size + rec->logp_size * sizeof(float) +
		(rec->ctx != NULL ? rec->backend->memory(rec->ctx) : 0);

	for (int m = 0; m < rec->nmembers; m++)
		bytes += hwr_recognizer_memory(rec->members[m]);
	return bytes;
}

static bool
same_canvas(const HwrRecognizer *a, const HwrRecognizer *b)
{
	return a->fit == b->fit && a->net->height == b->net->height && a->net->width == b->net->width &&
		hwr_net_least_width(a->net, HWR_WIDTH_STEP) == hwr_net_least_width(b->net, HWR_WIDTH_STEP);
}

bool
hwr_recognizer_create_joint(const HwrNet *net, int n, HwrRecognizer *const *members, HwrCombine combine,
							const void *arg, HwrRecognizer **out, HwrStatus *st)
{
	HwrRecognizer *rec = hwr_alloc_zero(1, sizeof(HwrRecognizer), st);

	if (rec == NULL)
	{
		for (int m = 0; m < n; m++)
			hwr_recognizer_free(members[m]);
		return false;
	}
	rec->net = net;
	rec->fit = members[0]->fit;
	rec->nmembers = n;
	for (int m = 0; m < n; m++)
	{
		rec->members[m] = members[m];
		while (!same_canvas(members[rec->prepared_by[m]], members[m]))
			rec->prepared_by[m]++;
	}
	rec->combine = combine;
	rec->arg = arg;
	*out = rec;
	return true;
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

/* The canvases of all members, of the image or, where that is NULL, of its bytes. */
static bool
prepare_joint(const HwrRecognizer *rec, const HwrImage *img, const uint8_t *bytes, size_t len,
			  const HwrImageLimits *limits, HwrCanvas *out, HwrStatus *st)
{
	bool		ok = true;

	memset(out, 0, sizeof(*out));
	for (int m = 0; m < rec->nmembers && ok; m++)
	{
		HwrCanvas  *canvas = m == 0 ? out : &out->others[m - 1];

		if (rec->prepared_by[m] == m)
			ok = img != NULL ? hwr_recognizer_prepare_image(rec->members[m], img, canvas, st) :
				hwr_recognizer_prepare(rec->members[m], bytes, len, limits, canvas, st);
		if (m == 0 && ok)
		{
			out->others = hwr_alloc_zero((size_t) rec->nmembers, sizeof(HwrCanvas), st);
			out->nothers = out->others != NULL ? rec->nmembers - 1 : 0;
			ok = out->others != NULL;
		}
	}
	if (!ok)
		hwr_canvas_free(out);
	return ok;
}

bool
hwr_recognizer_prepare_image(const HwrRecognizer *rec, const HwrImage *img, HwrCanvas *out, HwrStatus *st)
{
	const HwrNet *net = rec->net;
	bool		ok;

	if (rec->nmembers > 0)
		return prepare_joint(rec, img, NULL, 0, NULL, out, st);
	memset(out, 0, sizeof(*out));
	out->width = hwr_net_canvas_width(net, img, rec->fit);
	out->margin = hwr_preprocess_margin(rec->fit);
	out->source_width = img->source_width;
	out->ink = hwr_alloc((size_t) net->height, (size_t) out->width, st);
	ok = out->ink != NULL &&
		hwr_preprocess(img, rec->fit, net->height, out->width, out->ink, &out->content_width, st);
	if (!ok)
		hwr_canvas_free(out);
	return ok;
}

bool
hwr_recognizer_prepare_area(const HwrRecognizer *rec, const HwrImage *img, HwrCanvas *out, HwrStatus *st)
{
	HwrImage	line;
	bool		ok;

	if (rec->fit != HWR_FIT_LINE)
		return hwr_recognizer_prepare_image(rec, img, out, st);
	memset(out, 0, sizeof(*out));
	if (!hwr_preprocess_area(img, rec->net->height, &line, st))
		return false;
	ok = hwr_recognizer_prepare_image(rec, &line, out, st);
	hwr_image_free(&line);
	return ok;
}

bool
hwr_recognizer_prepare(const HwrRecognizer *rec, const uint8_t *bytes, size_t len,
					   const HwrImageLimits *limits, HwrCanvas *out, HwrStatus *st)
{
	HwrImage	img;
	bool		ok;

	if (rec->nmembers > 0)
		return prepare_joint(rec, NULL, bytes, len, limits, out, st);
	memset(out, 0, sizeof(*out));
	if (!hwr_preprocess_decode(bytes, len, limits, rec->fit, rec->net->height, rec->net->width, &img, st))
		return false;
	ok = hwr_recognizer_prepare_image(rec, &img, out, st);
	hwr_image_free(&img);
	return ok;
}

void
hwr_canvas_free(HwrCanvas *canvas)
{
	for (int i = 0; i < canvas->nothers; i++)
		hwr_canvas_free(&canvas->others[i]);
	free(canvas->others);
	canvas->others = NULL;
	canvas->nothers = 0;
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

/* Grow the packed buffers. */
static bool
reserve(HwrRecognizer *rec, size_t ink_size, size_t logp_size, HwrStatus *st)
{
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

/* A canvas of a batch that the network is shown. */
typedef struct Shown
{
	int			width;
	int			index;
} Shown;

/* The widest first, and equal ones in order. */
static int
compare_shown(const void *a, const void *b)
{
	const Shown *x = a;
	const Shown *y = b;

	return x->width != y->width ? y->width - x->width : x->index - y->index;
}

/* Run these canvases, the widest first. */
static bool
run_shown(HwrRecognizer *rec, const HwrCanvas *canvases, const Shown *shown, int n, HwrPosterior *out, HwrStatus *st)
{
	const HwrNet *net = rec->net;
	int			widths[HWR_RECOGNIZE_BATCH];
	size_t		ink = 0;
	size_t		logp = 0;
	bool		ok;

	for (int i = 0; i < n; i++)
	{
		HwrPosterior *p = &out[shown[i].index];

		widths[i] = shown[i].width;
		p->steps = hwr_net_steps(net, widths[i]);
		p->classes = net->classes;
		ink += (size_t) net->height * (size_t) widths[i];
		logp += (size_t) p->steps * (size_t) p->classes;
	}
	if (!reserve(rec, ink, logp, st))
		return false;
	ink = logp = 0;
	for (int i = 0; i < n; i++)
	{
		size_t		size = (size_t) net->height * (size_t) widths[i];

		memcpy(rec->ink + ink, canvases[shown[i].index].ink, size);
		ink += size;
	}
	if (rec->backend->infer_widths != NULL)
		ok = rec->backend->infer_widths(rec->ctx, n, widths, rec->ink, rec->logp, st);
	else
		ok = hwr_infer_each_width(rec->backend, rec->ctx, net, n, widths, rec->ink, rec->logp, st);
	for (int i = 0; i < n && ok; i++)
	{
		HwrPosterior *p = &out[shown[i].index];
		size_t		size = (size_t) p->steps * (size_t) p->classes;

		p->logp = hwr_alloc(size, sizeof(float), st);
		ok = p->logp != NULL;
		if (ok)
			memcpy(p->logp, rec->logp + logp, size * sizeof(float));
		logp += size;
	}
	return ok;
}

/* The canvas that member m reads. */
static const HwrCanvas *
member_canvas(const HwrRecognizer *rec, const HwrCanvas *canvas, int m)
{
	int			by = rec->prepared_by[m];

	return by == 0 ? canvas : &canvas->others[by - 1];
}

/* Every member in turn, and for each image what they say together. */
static bool
run_joint(HwrRecognizer *rec, int n, const HwrCanvas *canvases, HwrPosterior *out, HwrStatus *st)
{
	HwrPosterior said[HWR_MAX_MEMBERS][HWR_RECOGNIZE_BATCH] = {0};
	int			ran = 0;
	bool		ok = true;

	memset(out, 0, (size_t) n * sizeof(*out));
	for (; ran < rec->nmembers && ok; ran++)
	{
		HwrCanvas	own[HWR_RECOGNIZE_BATCH];

		for (int i = 0; i < n; i++)
			own[i] = *member_canvas(rec, &canvases[i], ran);
		ok = hwr_recognizer_run(rec->members[ran], n, own, said[ran], st);
	}
	for (int i = 0; i < n && ok; i++)
	{
		const HwrCanvas *own[HWR_MAX_MEMBERS];
		HwrPosterior of_image[HWR_MAX_MEMBERS];

		for (int m = 0; m < rec->nmembers; m++)
		{
			own[m] = member_canvas(rec, &canvases[i], m);
			of_image[m] = said[m][i];
		}
		ok = hwr_canvas_is_empty(&canvases[i], rec->net->height) ?
			hwr_posterior_of_nothing(rec->net, &canvases[i], &out[i], st) :
			rec->combine(rec->arg, rec->nmembers, own, of_image, &out[i], st);
	}
	for (int m = 0; m < rec->nmembers; m++)
		for (int i = 0; i < n; i++)
			hwr_posterior_free(&said[m][i]);
	for (int i = 0; i < n && !ok; i++)
		hwr_posterior_free(&out[i]);
	return ok;
}

bool
hwr_recognizer_run(HwrRecognizer *rec, int n, const HwrCanvas *canvases, HwrPosterior *out, HwrStatus *st)
{
	Shown		shown[HWR_RECOGNIZE_BATCH];
	int			count = 0;
	bool		ok;

	if (rec->nmembers > 0)
		return run_joint(rec, n, canvases, out, st);
	ok = open_context(rec, st);

	memset(out, 0, (size_t) n * sizeof(*out));
	for (int i = 0; i < n && ok; i++)
		if (hwr_canvas_is_empty(&canvases[i], rec->net->height))
			ok = hwr_posterior_of_nothing(rec->net, &canvases[i], &out[i], st);
		else
			shown[count++] = (Shown) {canvases[i].width, i};
	qsort(shown, (size_t) count, sizeof(Shown), compare_shown);
	if (ok && count > 0)
		ok = run_shown(rec, canvases, shown, count, out, st);
	for (int i = 0; i < n && !ok; i++)
		hwr_posterior_free(&out[i]);
	return ok;
}
