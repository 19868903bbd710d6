/*
 * survey.c
 *	  What to train, from a look at the rows.
 *
 * Preset.  Labels of LINE_CHARS characters or more, in the median, are lines, shorter ones words.
 *
 * Height and pooling.  CTC needs a step for each character, one more between equal ones, and learns badly with no more than
 * these.  A canvas of height H is H / h as wide as the image, and the presets' networks make a step of four columns.
 * Where that leaves less than STEPS_A_CHARACTER steps a character, in all but the densest rows, the canvas becomes
 * higher, if the images have the pixels for it, or the second pooling keeps the width, which costs more.
 *
 * Epochs.  What a network needs is a number of images seen: with few rows they are seen more often.  One that has learned
 * to read needs fewer to get used to another hand, but more than a few epochs of a small table have.
 */
#include "survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/decode/ctc.h"
#include "core/image/image.h"
#include "core/text/text.h"
#include "core/options/presets.h"

/* Labels this long are lines. */
#define LINE_CHARS 16

/* Least number of steps a character, and the share of rows that may have less. */
#define STEPS_A_CHARACTER 1.4
#define DENSEST 0.02

/* Columns a step: of the presets' networks, and where the second pooling keeps the width. */
#define COLUMNS_A_STEP 4
#define COLUMNS_A_FINE_STEP 2

/* Images seen in a training, and the fewest and most epochs that makes; with a base, no fewer than its recipe has. */
#define WORDS_SEEN 135000.0
#define LINES_SEEN 250000.0
#define SEEN_AFTER_BASE 20000.0
#define MIN_EPOCHS 8
#define MAX_EPOCHS 100

typedef struct Seen
{
	int			width;			/* medians */
	int			height;
	int			chars;
	int			max_chars;
	double		widest;			/* of width / height */
	double		columns;		/* a step that CTC needs, on a canvas of height 1, in the DENSEST rows */
} Seen;

void
hwr_options_given(const char *json, size_t len, HwrGiven *out)
{
	json_t	   *object = json_loadb(json, len, JSON_DECODE_INT_AS_REAL, NULL);

	*out = (HwrGiven) {
		.preset = json_object_get(object, "preset") != NULL,
		.architecture = json_object_get(object, "architecture") != NULL,
		.epochs = json_object_get(object, "epochs") != NULL,
		.base = json_object_get(object, "base") != NULL
	};
	json_decref(object);
}

void
hwr_survey_add(HwrSurvey *survey, const HwrImageLimits *limits, const HwrDatasetRow *row)
{
	HwrImage	img;
	HwrStatus	st;
	HwrSurveyRow *seen = &survey->row[survey->n];
	char	   *label = NULL;
	uint32_t   *codepoints = NULL;
	int			n;

	if (survey->n == HWR_SURVEY_ROWS || row->image == NULL || row->label == NULL)
		return;
	if (!hwr_text_normalize(row->label, row->label_len, HWR_CASE_KEEP, &label, &st))
		return;
	/* the size is in the header, but a file that does not decode is no row of the training's */
	if (hwr_text_decode(label, strlen(label), &codepoints, &n, &st) && n > 0 &&
		hwr_image_decode(row->image, row->image_len, limits, 1, 1, &img, &st))
	{
		*seen = (HwrSurveyRow) {img.source_width, img.source_height, n, hwr_ctc_min_steps((const int *) codepoints, n)};
		survey->n++;
		hwr_image_free(&img);
	}
	free(codepoints);
	free(label);
}

static int
compare_int(const void *a, const void *b)
{
	const int	x = *(const int *) a;
	const int	y = *(const int *) b;

	return (x > y) - (x < y);
}

static int
compare_double(const void *a, const void *b)
{
	const double x = *(const double *) a;
	const double y = *(const double *) b;

	return (x > y) - (x < y);
}

static int
median_of(const HwrSurvey *survey, int (*value) (const HwrSurveyRow *row))
{
	int			values[HWR_SURVEY_ROWS] = {0};

	for (int i = 0; i < survey->n; i++)
		values[i] = value(&survey->row[i]);
	qsort(values, (size_t) survey->n, sizeof(int), compare_int);
	return values[survey->n / 2];
}

static int
width_of(const HwrSurveyRow *row)
{
	return row->width;
}

static int
height_of(const HwrSurveyRow *row)
{
	return row->height;
}

static int
chars_of(const HwrSurveyRow *row)
{
	return row->chars;
}

static void
sum_up(const HwrSurvey *survey, Seen *seen)
{
	double		columns[HWR_SURVEY_ROWS] = {0};

	memset(seen, 0, sizeof(*seen));
	seen->width = median_of(survey, width_of);
	seen->height = median_of(survey, height_of);
	seen->chars = median_of(survey, chars_of);
	for (int i = 0; i < survey->n; i++)
	{
		const HwrSurveyRow *row = &survey->row[i];
		double		aspect = (double) row->width / row->height;

		columns[i] = aspect / row->steps;
		if (aspect > seen->widest)
			seen->widest = aspect;
		if (row->chars > seen->max_chars)
			seen->max_chars = row->chars;
	}
	qsort(columns, (size_t) survey->n, sizeof(double), compare_double);
	seen->columns = columns[(int) (DENSEST * survey->n)];
}

bool
hwr_survey_wanted(const HwrGiven *given)
{
	return !given->preset && !(given->epochs && (given->base || given->architecture));
}

/* The canvas and the columns a step, in the order of what they cost; the last where none has enough. */
static void
choose_steps(const Seen *seen, int *height, int *columns)
{
	static const struct
	{
		int			height;
		int			least_image;	/* height of the images: no higher canvas than they have pixels for */
		int			columns;
	}			choices[] = {
		{48, 0, COLUMNS_A_STEP}, {64, 56, COLUMNS_A_STEP}, {48, 0, COLUMNS_A_FINE_STEP}, {64, 56, COLUMNS_A_FINE_STEP}
	};

	for (int i = 0; i < (int) (sizeof(choices) / sizeof(choices[0])); i++)
	{
		if (seen->height < choices[i].least_image)
			continue;
		*height = choices[i].height;
		*columns = choices[i].columns;
		if (seen->columns * *height / *columns >= STEPS_A_CHARACTER)
			return;
	}
}

/*
 * The preset's architecture with another input, second pooling and last one, which takes what
 * height is left.  It is "[1,H,W,1 ... Mp2,2 ... Mp2,2 ... Mp2,1 ... Mp6,1 ...", see presets.c.
 */
static void
adapt(const char *architecture, int height, int columns, char *out, size_t size)
{
	const char *rest = strchr(architecture, ' ');
	const char *second = strstr(strstr(rest, " Mp2,2") + 1, " Mp2,2");
	const char *last = strstr(second, " Mp6,1");

	snprintf(out, size, "[1,%d,0,1%.*s Mp2,%d%.*s Mp%d,1%s", height, (int) (second - rest), rest,
			 columns == COLUMNS_A_STEP ? 2 : 1, (int) (last - second - strlen(" Mp2,2")), second + strlen(" Mp2,2"),
			 height / 8, last + strlen(" Mp6,1"));
}

static int
choose_epochs(const HwrSurvey *survey, double seen, int least)
{
	double		epochs = seen / (survey->table_rows > 0 ? (double) survey->table_rows : survey->n);

	return epochs < least ? least : epochs > MAX_EPOCHS ? MAX_EPOCHS : (int) (epochs + 0.5);
}

/* A base has its network and recipe; what is left to choose is for how long. */
static void
choose_after_base(const HwrSurvey *survey, const HwrTrainOptions *options, HwrChoice *out)
{
	snprintf(out->preset, sizeof(out->preset), "%s", options->preset);
	snprintf(out->architecture, sizeof(out->architecture), "%s", options->architecture);
	out->epochs = choose_epochs(survey, SEEN_AFTER_BASE, options->epochs);
	snprintf(out->chosen, sizeof(out->chosen), "%d epochs", out->epochs);
	snprintf(out->reason, sizeof(out->reason),
			 "The table has %lld rows: the fewer they are, the more often the base has to see them.",
			 (long long) survey->table_rows);
}

static void
say(const HwrSurvey *survey, const HwrGiven *given, const Seen *seen, int height, int columns, HwrChoice *out)
{
	int			used = 0;
	char		network[100] = "";
	char		epochs[30] = "";

	if (!given->architecture)
		snprintf(network, sizeof(network), ", height %d, any width%s", height,
				 columns == COLUMNS_A_STEP ? "" : ", pooled less along the width");
	if (!given->epochs)
		snprintf(epochs, sizeof(epochs), ", %d epochs", out->epochs);
	snprintf(out->chosen, sizeof(out->chosen), "preset \"%s\"%s%s", out->preset, network, epochs);

	used = snprintf(out->reason, sizeof(out->reason),
					"Of %lld rows, %d were looked at: in the median, an image has %d x %d pixels and a label %d characters; the "
					"widest "
					"image is %.1f times as wide as high, the longest label has %d characters.",
					(long long) survey->table_rows, survey->n, seen->width, seen->height, seen->chars, seen->widest,
						seen->max_chars);
	if (columns != COLUMNS_A_STEP || height != 48)
		snprintf(out->reason + used, sizeof(out->reason) - (size_t) used, "  Dense writing needs more steps.");
}

bool
hwr_survey_choose(HwrSurvey *survey, const HwrGiven *given, const HwrTrainOptions *options, HwrChoice *out)
{
	const HwrTrainOptions *preset;
	Seen		seen;
	bool		lines;
	int			height = 48;
	int			columns = COLUMNS_A_STEP;

	if (survey->n == 0)
		return false;
	if (given->base)
	{
		choose_after_base(survey, options, out);
		return true;
	}
	sum_up(survey, &seen);
	lines = seen.chars >= LINE_CHARS;
	preset = hwr_preset_find(lines ? "lines" : "default");
	snprintf(out->preset, sizeof(out->preset), "%s", preset->preset);
	choose_steps(&seen, &height, &columns);
	if (given->architecture)
		snprintf(out->architecture, sizeof(out->architecture), "%s", options->architecture);
	else
		adapt(preset->architecture, height, columns, out->architecture, sizeof(out->architecture));
	out->epochs = given->epochs ? options->epochs : choose_epochs(survey, lines ? LINES_SEEN : WORDS_SEEN, MIN_EPOCHS);
	say(survey, given, &seen, height, columns, out);
	return true;
}
