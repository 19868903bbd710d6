/*
 * targets.c
 *	  What is done with foreign bytes, and what must hold of it.
 */
#include "targets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/search/hypotheses.h"
#include "core/search/match.h"
#include "core/search/spots.h"
#include "core/search/word_keys.h"
#include "core/image/image.h"
#include "core/text/lm.h"
#include "core/text/pattern.h"
#include "core/options/options.h"
#include "core/image/centerline.h"
#include "core/image/preprocess.h"
#include "core/model/onnx.h"
#include "core/text/bidi.h"
#include "core/text/spelling.h"
#include "core/decode/decode.h"
#include "core/model/kraken.h"
#include "core/model/kraken_internal.h"
#include "core/model/model.h"
#include "core/network/recognizer.h"
#include "core/crop/crop.h"
#include "core/form/field.h"
#include "core/page/page.h"

/* Networks larger than this are not run: the reader is under test, not the patience. */
#define MAX_MACS 2e6
#define MAX_VALUES 100000

static void
promise(bool kept, const char *what)
{
	if (kept)
		return;
	fprintf(stderr, "broken promise: %s\n", what);
	abort();
}

/* A failure must say what it is, in texts that end. */
static void
check_status(const HwrStatus *st)
{
	promise(st->code > HWR_OK && st->code < HWR_INTERNAL, "a failure has a code");
	promise(st->message[0] != '\0', "a failure has a message");
	promise(memchr(st->message, 0, sizeof(st->message)) != NULL && memchr(st->detail, 0, sizeof(st->detail)) != NULL &&
			memchr(st->hint, 0, sizeof(st->hint)) != NULL, "texts of a failure end");
}

static char *
terminated(const uint8_t *bytes, size_t len)
{
	char	   *copy = malloc(len + 1);

	memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}

static void
preprocess(const HwrImage *img, HwrFit fit)
{
	int			width = hwr_preprocess_width(img, fit, 32, 0);
	int			content;
	HwrStatus	st = {0};
	uint8_t    *ink = malloc((size_t) 32 * (size_t) width);

	if (hwr_preprocess(img, fit, 32, width, ink, &content, &st))
		promise(content >= 1 && content <= width, "content lies within the canvas");
	else
		check_status(&st);
	free(ink);
}

int
fuzz_image(const uint8_t *bytes, size_t len)
{
	const HwrImageLimits limits = {1 << 20, 1 << 20};
	static const int heights[] = {0, 32};

	for (int i = 0; i < 2; i++)
	{
		HwrStatus	st = {0};
		HwrImage	img;

		if (!hwr_image_decode(bytes, len, &limits, heights[i], heights[i], &img, &st))
		{
			check_status(&st);
			continue;
		}
		promise(img.width >= 1 && img.height >= 1 && (int64_t) img.source_width * img.source_height <= limits.max_pixels,
				"an image is within the limits");
		preprocess(&img, HWR_FIT_PAD);
		preprocess(&img, HWR_FIT_STRETCH);
		preprocess(&img, HWR_FIT_KRAKEN);
		if ((int64_t) img.width * img.height < 20000)
		{
			promise(hwr_centerline_straighten(&img, &st), "any line can be straightened");
			promise(img.height >= 1, "and something is left of it");
			preprocess(&img, HWR_FIT_KRAKEN_BOX);
		}
		hwr_image_free(&img);
	}
	return 0;
}

/* Points lie on the page. */
static void
check_points(const HwrImage *page, const HwrPoint *points, int n)
{
	for (int i = 0; i < n; i++)
		promise(points[i].x >= 0 && points[i].y >= 0 && points[i].x <= (float) page->width &&
				points[i].y <= (float) page->height, "a line lies on the page");
}

/* An image of the next bytes, of a width that they begin with; pixels NULL: they are too few. */
static HwrImage
take_image(const uint8_t **bytes, size_t *len, size_t share)
{
	HwrImage	image = {0};
	size_t		room;

	if (*len < 2)
		return image;
	image.width = image.source_width = ((*bytes)[0] | ((*bytes)[1] & 3) << 8) + 1;
	*bytes += 2;
	*len -= 2;
	room = *len < share ? *len : share;
	image.height = image.source_height = (int) (room / (size_t) image.width);
	if (image.height == 0)
		return image;
	room = (size_t) image.width * (size_t) image.height;
	/* Of its exact size, so that a sanitizer sees its end. */
	image.pixels = malloc(room);
	memcpy(image.pixels, *bytes, room);
	*bytes += room;
	*len -= room;
	return image;
}

/* Cut a field and look into it. */
static void
check_field(const HwrForm *form, const HwrFormFit *fit, const HwrImage *page, double x0, double y0, double x1, double y1)
{
	HwrFieldCut cut;
	HwrComb		comb;
	HwrStatus	st = {0};
	double		tick;

	if (!hwr_field_cut(form, fit, page, x0, y0, x1, y1, &cut, &st))
	{
		check_status(&st);
		return;
	}
	tick = hwr_field_tick(&cut);
	promise(tick >= 0 && tick <= 1 && cut.outside >= 0 && cut.outside <= 1, "what is said of a field is a share");
	promise(cut.image.width >= 1 && cut.image.height >= 1, "a field is an image");
	for (int cells = 0; cells < 3; cells++)
		if (hwr_field_comb(&cut, cells, &comb, &st))
		{
			promise(comb.cells >= 1 && comb.cells <= HWR_COMB_CELLS && comb.groups <= comb.cells, "a comb has boxes");
			hwr_image_free(&comb.image);
		}
		else
			check_status(&st);
	hwr_field_free(&cut);
}

int
fuzz_form(const uint8_t *bytes, size_t len)
{
	HwrImage	blank = take_image(&bytes, &len, len / 2);
	HwrImage	page = take_image(&bytes, &len, len);
	double		width = blank.width;
	double		height = blank.height;
	HwrForm    *form = NULL;
	HwrFormFitter *fitter;
	HwrFormFit	fit;
	HwrStatus	st = {0};
	bool		done = false;

	if (blank.pixels == NULL || page.pixels == NULL || !hwr_form_create(&blank, &form, &st))
	{
		if (st.code != HWR_OK)
			check_status(&st);
		free(blank.pixels);
		free(page.pixels);
		return 0;
	}
	promise(hwr_form_fitter_create(form, &page, &fitter, &st), "a page has a fitter");
	while (!done)
		promise(hwr_form_fitter_step(fitter, &done, &st), "a fitter needs nothing but memory");
	hwr_form_fitter_take(fitter, &fit);
	hwr_form_fitter_free(fitter);
	promise(fit.score >= 0 && fit.score <= 1, "a score is a share");
	if (fit.score > 0)
	{
		double		around = hwr_form_fit_around(form, &fit, 0, 0, width / 2, height / 3);

		promise(around >= 0 && around <= 1, "the score around a field is a share");
		check_field(form, &fit, &page, 0, 0, width, height);
		check_field(form, &fit, &page, width / 3, height / 3, width / 2, height / 2);
	}
	hwr_form_fit_free(&fit);
	hwr_form_free(form);
	free(page.pixels);
	return 0;
}

int
fuzz_page(const uint8_t *bytes, size_t len)
{
	HwrImage	page = {0};
	HwrPageOptions options = {0};
	HwrPageFinder *finder;
	HwrPageLines lines;
	HwrStatus	st = {0};
	bool		done = false;

	if (len < 3)
		return 0;
	page.width = page.source_width = (bytes[0] | (bytes[1] & 1) << 8) + 1;
	options.turn = bytes[1] >> 1 & 3;
	options.right_to_left = (bytes[1] & 8) != 0;
	page.height = page.source_height = (int) ((len - 2) / (size_t) page.width);
	if (page.height == 0)
		return 0;
	/* Of its exact size, so that a sanitizer sees its end. */
	page.pixels = malloc((size_t) page.width * (size_t) page.height);
	memcpy(page.pixels, bytes + 2, (size_t) page.width * (size_t) page.height);
	promise(hwr_page_finder_create(&page, &options, &finder, &st), "a page has a finder");
	while (!done)
		promise(hwr_page_finder_step(finder, &done, &st), "a finder needs nothing but memory");
	hwr_page_finder_take(finder, &lines);
	hwr_page_finder_free(finder);
	for (int i = 0; i < lines.n; i++)
	{
		const HwrPageLine *line = &lines.lines[i];
		HwrImage	crop;

		promise(line->baseline_n >= 2 && line->outline_n >= 4, "a line has a baseline and an outline");
		promise((line->kind == HWR_LINE_REJECTED) == (line->reason != NULL), "what is rejected has a reason");
		promise(line->confidence >= 0 && line->confidence <= 1, "confidence is a probability");
		check_points(&page, line->baseline, line->baseline_n);
		check_points(&page, line->outline, line->outline_n);
		if (hwr_page_crop(&page, line->baseline, line->baseline_n, line->outline, line->outline_n, NULL, NULL, &crop, &st))
			hwr_image_free(&crop);
		else
			promise(line->kind == HWR_LINE_REJECTED, "a line can be cut out");
	}
	hwr_page_lines_free(&lines);
	free(page.pixels);
	return 0;
}

/* Read a blank canvas: values of any size may come out, but as many as announced. */
static void
run(const HwrModel *model)
{
	HwrRecognizer *rec;
	HwrPosterior p;
	HwrReading	reading;
	HwrStatus	st = {0};
	int			width = model->net.width > 0 ? model->net.width : 40;
	HwrCanvas	canvas = {.width = width,.content_width = width,.source_width = width};

	if (model->net.nvalues > MAX_VALUES || hwr_net_macs(&model->net, width) > MAX_MACS)
		return;
	if (!hwr_recognizer_create(&model->net, model->values, model->fit, hwr_cpu_backend(), 1, HWR_FLOAT32, &rec, &st))
	{
		check_status(&st);
		return;
	}
	canvas.ink = calloc((size_t) model->net.height, (size_t) width);
	if (hwr_recognizer_run(rec, 1, &canvas, &p, &st))
	{
		promise(p.classes == model->alphabet.n + 1, "a class for each character, and the blank");
		if (hwr_decode_greedy(p.logp, p.steps, p.classes, &model->alphabet, &reading, &st))
			hwr_reading_free(&reading);
		hwr_posterior_free(&p);
	}
	else
		check_status(&st);
	hwr_canvas_free(&canvas);
	hwr_recognizer_free(rec);
}

/* Each text is spelt with its signs, and these are read as it. */
static void
check_spellings(const HwrAlphabet *alphabet)
{
	HwrStatus	st = {0};
	HwrAlphabet again = {.n = alphabet->n,.codepoints = alphabet->codepoints};
	char	   *json;

	if (alphabet->spellings == NULL)
		return;
	for (int i = 0; i < alphabet->spellings->n; i++)
	{
		const HwrSpelling *item = &alphabet->spellings->items[i];
		uint32_t   *codepoints = malloc((size_t) item->ntext * sizeof(uint32_t));
		const uint32_t *text;
		int			n = item->ntext;

		memcpy(codepoints, item->text, (size_t) n * sizeof(uint32_t));
		promise(hwr_spell(alphabet, &codepoints, &n, &st), "there is memory");
		promise(n == item->nsigns && memcmp(codepoints, item->signs, (size_t) n * sizeof(uint32_t)) == 0, "a text has its signs");
		free(codepoints);
		promise(hwr_read_signs(alphabet, item->signs, item->nsigns, &text, &n) == item->nsigns && n == item->ntext &&
				memcmp(text, item->text, (size_t) n * sizeof(uint32_t)) == 0, "signs have their text");
	}
	promise(hwr_spellings_to_json(alphabet, &json, &st), "spellings can be written");
	promise(hwr_spellings_from_json(json, &again, &st) && hwr_same_spellings(alphabet, &again), "what was written can be read");
	free(json);
	hwr_alphabet_drop_spellings(&again);
}

/* What must hold of a model that was taken. */
static void
check_model(HwrModel *model)
{
	HwrStatus	st = {0};
	HwrModel   *again;
	uint8_t    *saved;
	size_t		saved_len;

	promise(hwr_model_save(model, &saved, &saved_len, &st), "what was loaded can be saved");
	promise(hwr_model_load(saved, saved_len, &again, &st), "what was saved can be loaded");
	promise(again->net.nvalues == model->net.nvalues &&
			memcmp(again->values, model->values, model->net.nvalues * sizeof(float)) == 0, "values are kept");
	promise(hwr_same_spellings(&model->alphabet, &again->alphabet), "spellings are kept");
	check_spellings(&model->alphabet);
	run(model);
	free(saved);
	if (model->net.nvalues <= MAX_VALUES)
	{
		if (hwr_model_export_onnx(model, false, &saved, &saved_len, &st))
			free(saved);
		else
			check_status(&st);
	}
	hwr_model_free(model);
	hwr_model_free(again);
}

int
fuzz_model(const uint8_t *bytes, size_t len)
{
	HwrStatus	st = {0};
	HwrModel   *model;

	if (hwr_model_load(bytes, len, &model, &st))
		check_model(model);
	else
		check_status(&st);
	return 0;
}

/* The first byte: how many labels, or 255 for spellings of an alphabet. */
int
fuzz_codec(const uint8_t *bytes, size_t len)
{
	HwrStatus	st = {0};
	char	   *text = terminated(bytes + (len > 0), len - (len > 0));
	HwrAlphabet alphabet = {0};
	int		   *labels = NULL;
	json_t	   *codec;
	bool		ok;

	if (len > 0 && bytes[0] == 255)
	{
		static const char signs[] = "abc\xf3\xb0\x80\x80\xf3\xb0\x80\x81\xf3\xb0\x80\x82\xf4\x80\x80\x80";

		promise(hwr_alphabet_from_utf8(signs, strlen(signs), &alphabet, &st), "signs are an alphabet");
		ok = hwr_spellings_from_json(text, &alphabet, &st);
	}
	else
	{
		codec = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		ok = json_is_object(codec) && hwr_kraken_alphabet(codec, len > 0 ? bytes[0] + 1 : 1, &alphabet, &labels, &st);
		if (!json_is_object(codec))
			hwr_fail(&st, HWR_BAD_MODEL, "no codec");
		json_decref(codec);
	}
	if (ok)
		check_spellings(&alphabet);
	else
		check_status(&st);
	for (int k = 1; ok && labels != NULL && k <= alphabet.n; k++)
		promise(labels[k] > 0 && labels[k] <= bytes[0], "each class is a label");
	hwr_alphabet_free(&alphabet);
	free(labels);
	free(text);
	return 0;
}

int
fuzz_kraken(const uint8_t *bytes, size_t len)
{
	HwrStatus	st = {0};
	HwrModel   *model;

	if (hwr_kraken_load(bytes, len, &model, &st))
	{
		promise(hwr_is_kraken(bytes, len), "a model of kraken's is recognised as one");
		check_model(model);
	}
	else
		check_status(&st);
	return 0;
}

int
fuzz_lm(const uint8_t *bytes, size_t len)
{
	HwrStatus	st = {0};
	HwrLm	   *lm;
	uint8_t    *saved;
	size_t		saved_len;
	uint32_t	text[3];

	if (!hwr_lm_load(bytes, len, &lm, &st))
	{
		check_status(&st);
		return 0;
	}
	for (int i = 0; i < 3; i++)
		text[i] = i < lm->vocabulary.n ? lm->vocabulary.codepoints[i] : 'x';
	promise(!isnan(hwr_lm_log_probability(lm, text, 3)), "a text has a probability");
	promise(hwr_lm_save(lm, &saved, &saved_len, &st), "what was loaded can be saved");
	promise(saved_len == len && memcmp(saved, bytes, len) == 0, "only what was saved is loaded");
	free(saved);
	hwr_lm_free(lm);
	return 0;
}

int
fuzz_vgsl(const uint8_t *bytes, size_t len)
{
	char	   *spec = terminated(bytes, len);
	static HwrNet net;
	static HwrNet again;
	HwrStatus	st = {0};

	for (int classes = 0; classes <= 5; classes += 5)
	{
		if (!hwr_vgsl_parse(spec, classes, &net, &st))
		{
			check_status(&st);
			continue;
		}
		promise(hwr_vgsl_parse(net.vgsl, 0, &again, &st), "a canonical string parses");
		promise(strcmp(net.vgsl, again.vgsl) == 0 && net.nvalues == again.nvalues, "to the same network");
		promise(net.nlayers >= 1 && net.classes >= 2, "a network has layers and classes");
		promise(hwr_net_steps(&net, net.width > 0 ? net.width : 100) >= 0, "a network has steps");
	}
	free(spec);
	return 0;
}

int
fuzz_options(const uint8_t *bytes, size_t len)
{
	char	   *json = terminated(bytes, len);
	HwrTrainOptions options;
	HwrTrainOptions again;
	HwrStatus	st = {0};
	char	   *text;
	char	   *text_again;

	if (hwr_options_parse(json, len, &options, &st))
	{
		promise(hwr_options_to_json(&options, &text, &st), "options can be written");
		promise(hwr_options_parse(text, strlen(text), &again, &st), "and read again");
		promise(hwr_options_to_json(&again, &text_again, &st) && strcmp(text, text_again) == 0, "as they were");
		free(text);
		free(text_again);
	}
	else
		check_status(&st);
	free(json);
	return 0;
}

/* The order of a text's ink: each of its characters is somewhere in it. */
static void
check_order(const char *text)
{
	HwrStatus	st = {0};
	uint32_t   *codepoints;
	int			n;
	int		   *order;
	bool	   *seen;

	promise(hwr_text_decode(text, strlen(text), &codepoints, &n, &st), "normal text is valid");
	order = malloc(((size_t) n + 1) * sizeof(int));
	seen = calloc((size_t) n + 1, sizeof(bool));
	promise(hwr_bidi_reorder(codepoints, n, order, &st), "any text has an order");
	for (int i = 0; i < n; i++)
	{
		promise(order[i] >= 0 && order[i] < n && !seen[order[i]], "an order has each place once");
		seen[order[i]] = true;
	}
	free(codepoints);
	free(order);
	free(seen);
}

int
fuzz_label(const uint8_t *bytes, size_t len)
{
	char	   *text = terminated(bytes, len);

	for (int mapping = HWR_CASE_KEEP; mapping <= HWR_CASE_LOWER; mapping++)
	{
		HwrStatus	st = {0};
		char	   *normal;
		char	   *again;

		if (!hwr_text_normalize(text, len, (HwrCase) mapping, &normal, &st))
		{
			check_status(&st);
			continue;
		}
		promise(hwr_text_normalize(normal, strlen(normal), (HwrCase) mapping, &again, &st), "normal text is valid");
		promise(strcmp(normal, again) == 0, "normal text stays as it is");
		check_order(normal);
		free(normal);
		free(again);
	}
	free(text);
	return 0;
}

/* What was accepted is a distribution at each step. */
static void
check_steps(const HwrSparse *s)
{
	int			next = 0;

	for (int i = 0; i < s->nsteps; i++)
	{
		double		sum = 0;

		promise(s->at[i].step == next && s->at[i].n >= 1, "steps follow each other");
		next += s->at[i].run;
		for (int e = s->at[i].entry; e < s->at[i].entry + s->at[i].n; e++)
		{
			promise(s->entries[e].class >= 0 && s->entries[e].class <= s->alphabet.n && s->entries[e].p > 0,
					"an entry is of a class");
			sum += s->entries[e].p;
		}
		promise(fabs(sum - 1) < 1e-4, "probabilities sum to one");
	}
	promise(next == s->steps, "steps are all there");
}

/* Whatever a value says, what is computed of it are probabilities. */
/* What the index says of the word "a" is what a search finds. */
static void
search_word_keys(const HwrSparse *s, HwrSearch *search)
{
	HwrStatus	st = {0};
	HwrWordKeys *keys;
	const HwrTrigram *found;
	HwrWord    *word;
	double		p;
	bool		done = false;
	bool		listed = false;
	int			n;

	promise(hwr_word_keys_create(&keys, &st) && hwr_word_keys_begin(keys, s, 0.1, &st), "word keys begin");
	while (!done)
		hwr_word_keys_step(keys, &done);
	promise(hwr_word_keys_get(keys, &found, &n, &st), "word keys are found");
	promise(hwr_word_compile("a", 1, HWR_WORD_WHOLE, &word, &st), "a letter is a word");
	if (hwr_word_relevance(search, word, s, &p, &st))
	{
		for (int i = 0; i < n; i++)
			for (int level = 0; level < HWR_WORD_LEVELS; level++)
			{
				bool		between = found[i] == hwr_word_key(1, level);

				if (between || found[i] == hwr_word_key(1, level + HWR_WORD_AT_LEAST))
				{
					listed = true;
					promise(p >= hwr_word_levels[level], "a word is as probable as its key says");
					promise(!between || level + 1 == HWR_WORD_LEVELS || p < hwr_word_levels[level + 1], "and no more");
				}
				listed = listed || found[i] == hwr_word_key(1, HWR_WORDS_UNLISTED);
			}
		promise(listed || p < HWR_WORD_LOWEST, "a word is listed");
	}
	hwr_word_free(word);
	hwr_word_keys_free(keys);
}

static void
search_value(const HwrSparse *s)
{
	static const char *const words[] = {"a", "an", "a*n?", "anna", "a b"};
	HwrSearch  *search;
	HwrTrigrams *trigrams;
	const HwrTrigram *keys;
	bool		done = false;
	int			n;
	HwrStatus	st = {0};

	promise(hwr_search_create(&search, &st) && hwr_trigrams_create(&trigrams, &st), "there is memory");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		HwrWord    *word;
		double		p;

		promise(hwr_word_compile(words[i], strlen(words[i]), HWR_WORD_WHOLE, &word, &st), "a word compiles");
		promise(hwr_word_relevance(search, word, s, &p, &st), "a word has a relevance");
		promise(p >= 0 && p <= 1, "which is a probability");
		hwr_word_free(word);
	}
	promise(hwr_trigrams_begin(trigrams, s, 0.05, &st), "trigrams begin");
	while (!done)
		promise(hwr_trigrams_step(trigrams, &done, &st), "trigrams go on");
	promise(hwr_trigrams_get(trigrams, &keys, &n, &st) && n <= HWR_TRIGRAMS_MAX, "trigrams are not too many");
	hwr_trigrams_free(trigrams);
	search_word_keys(s, search);
	hwr_search_free(search);
}

int
fuzz_posterior(const uint8_t *bytes, size_t len)
{
	HwrStatus	st = {0};
	HwrSparse  *s;
	size_t		cells;

	uint8_t    *sealed = malloc(len > 0 ? len : 1);

	promise(hwr_sparse_create(&s, &st), "there is memory");
	memcpy(sealed, bytes, len);
	/* Few bytes have a right checksum by themselves. */
	if (len > 0 && (bytes[0] == HWR_POSTERIOR_FORMAT || bytes[0] == HWR_POSTERIOR_FORMAT_SPELT))
		hwr_posterior_seal(sealed, len);
	if (!hwr_sparse_read(s, sealed, len, &st))
		check_status(&st);
	else
	{
		check_steps(s);
		check_spellings(&s->alphabet);
		promise(hwr_sparse_cells(s, &s->alphabet, &cells, &st), "what was accepted can be unpacked");
		if (cells < 100000)
		{
			float	   *logp = malloc(cells * sizeof(float));

			hwr_sparse_dense(s, &s->alphabet, logp);
			for (size_t i = 0; i < cells; i++)
				promise(!isnan(logp[i]) && logp[i] <= 1e-3f, "log posteriors are numbers");
			free(logp);
			search_value(s);
		}
	}
	hwr_sparse_free(s);
	free(sealed);
	return 0;
}

int
fuzz_query(const uint8_t *bytes, size_t len)
{
	HwrStatus	st = {0};
	HwrQuery   *query;
	double		words[HWR_QUERY_MAX_WORDS];

	if (!hwr_query_parse((const char *) bytes, len, &query, &st))
	{
		check_status(&st);
		return 0;
	}
	for (int i = 0; i < query->nwords; i++)
	{
		HwrTrigram *keys;
		int			n;

		words[i] = (double) i / query->nwords;
		promise(hwr_word_trigrams(query->words[i], &keys, &n, &st), "a word has its trigrams");
		free(keys);
	}
	promise(hwr_query_combine(query, words) >= 0 && hwr_query_combine(query, words) <= 1, "a query is worth a probability");
	hwr_query_free(query);
	return 0;
}

static void
check_automaton(const HwrAutomaton *a)
{
	promise(a->nstates >= 1 && a->nstates <= HWR_PATTERN_MAX_STATES, "an automaton has states");
	for (size_t i = 0; i < (size_t) a->nstates; i++)
		for (int k = 1; k < a->classes; k++)
		{
			int			to = a->next[i * (size_t) a->classes + (size_t) k];

			promise(to >= -1 && to < a->nstates, "a way leads to a state");
		}
}

int
fuzz_pattern(const uint8_t *bytes, size_t len)
{
	static const char letters[] = " 0aAb.\xc3\xa9";
	HwrStatus	st = {0};
	HwrAlphabet alphabet = {0};
	HwrPattern *pattern;
	HwrAutomaton *a;
	char	   *text = terminated(bytes, len);

	if (!hwr_pattern_compile(text, len, len % 2 == 1, &pattern, &st))
	{
		check_status(&st);
		free(text);
		return 0;
	}
	promise(hwr_alphabet_from_utf8(letters, strlen(letters), &alphabet, &st), "letters are an alphabet");
	if (hwr_pattern_bind(pattern, &alphabet, NULL, NULL, &a, &st))
	{
		check_automaton(a);
		hwr_automaton_free(a);
	}
	else
		check_status(&st);
	promise(hwr_pattern_add_characters(pattern, &alphabet, &st), "characters of a pattern can be added");
	for (int i = 1; i < alphabet.n; i++)
		promise(alphabet.codepoints[i - 1] < alphabet.codepoints[i], "an alphabet ascends");
	hwr_alphabet_free(&alphabet);
	hwr_pattern_free(pattern);
	free(text);
	return 0;
}
