/*
 * options.h
 *	  Training options: defaults, presets, validation, JSON in and out.
 */
#ifndef HWR_OPTIONS_H
#define HWR_OPTIONS_H

#include <stdint.h>

#include "core/image/preprocess.h"
#include "core/network/device.h"
#include "core/text/text.h"

typedef enum HwrScheduleKind
{
	HWR_SCHEDULE_CONSTANT,
	HWR_SCHEDULE_COSINE,		/* to zero over the run */
	HWR_SCHEDULE_ONE_CYCLE,		/* warm-up, then cosine to zero: cosine with option warmup */
	HWR_SCHEDULE_PLATEAU		/* halve when validation loss stalls for 2 epochs */
} HwrScheduleKind;

/*
 * Warm-up of one_cycle unless the preset or an option says otherwise.  The other schedules have
 * none unless asked.
 */
#define HWR_ONE_CYCLE_WARMUP 0.15

typedef enum HwrAlphabetRule
{
	HWR_ALPHABET_UNION,			/* the base model's characters and those of the training labels */
	HWR_ALPHABET_KEEP,			/* the base model's */
	HWR_ALPHABET_NEW			/* those of the training labels */
} HwrAlphabetRule;

typedef enum HwrEmptyLabels
{
	HWR_EMPTY_SKIP,				/* left out, and counted */
	HWR_EMPTY_LEARN				/* an image with nothing to read, as blank fields are */
} HwrEmptyLabels;

/* The language model inside the model that comes of a training. */
typedef enum HwrOwnLmRule
{
	HWR_OWN_LM_BASE,			/* the base model's, if it has one, weighed anew */
	HWR_OWN_LM_LABELS,			/* one of the training labels */
	HWR_OWN_LM_BOTH,			/* the base model's mixed with one of the labels; of the labels alone, if it has none */
	HWR_OWN_LM_NONE
} HwrOwnLmRule;

/* JSON keys are the field names; enumerations are the lower-case words in the comments. */
typedef struct HwrTrainOptions
{
	char		preset[16];		/* default | lines | small | keras | pytorch */
	char		architecture[1024]; /* VGSL; the preset's unless given */
	int			epochs;			/* 1 .. 10000 */
	int			batch_size;		/* 1 .. 1024 */
	HwrStepOptions step;		/* what the device does in a step */
	double		learning_rate;	/* > 0, <= 10 */
	HwrScheduleKind schedule;	/* constant | cosine | one_cycle | plateau */
	double		warmup;			/* share of all steps with a linear rise, 0 .. 0.9 */
	double		dropout;		/* replaces every Do's probability; -1: as in the architecture; JSON null */
	int			patience;		/* epochs without a better validation loss before stopping; 0: never */
	double		validation_fraction;	/* 0 <= f <= 0.9; ignored with a validation table */
	char		validation[256];	/* name of a validation table, or empty; resolved by the caller */
	uint64_t	seed;			/* 0 .. 2^53 */
	int			threads;		/* 1 .. 256; 0: as many as there are CPUs */
	HwrDeviceKind device;		/* auto | cpu | cuda; resolved by the caller */
	HwrCase		mapping;		/* JSON key "case": keep | upper | lower */
	HwrEmptyLabels empty_labels;	/* skip | learn */
	HwrFit		fit;			/* pad | stretch | kraken | kraken-box | line */
	char		base[64];		/* name of a model to begin with, or empty; resolved by the caller */
	int			base_version;	/* 0: the active one */
	HwrAlphabetRule alphabet;	/* union | keep | new; where there is a base */
	HwrOwnLmRule language_model;	/* base | labels | both | none */
	double		shortcut;		/* weight of the CTC loss of a head on what enters the first LSTM, 0: none .. 1 */
	double		average;		/* share of the last steps whose values are averaged, 0: off .. 0.9 */
	double		checkpoint_minutes; /* between checkpoints; 0: none */
	double		max_minutes;	/* stop after the step that passes this; 0: no limit */
	char		description[1024];	/* these four are for the model's card, or empty */
	char		licence[128];
	char		credits[2048];
	char		language[64];
} HwrTrainOptions;

/*
 * Parse a JSON object (len bytes); the preset's values come first, explicit keys override them.
 * Errors: HWR_BAD_OPTION, e.g. 'unrecognized training option "foo"' (hint lists the valid ones),
 * 'training option "epochs" must be between 1 and 10000', 'training option "epochs" must be an integer',
 * 'invalid value for training option "schedule": "x"' (hint lists the values).  The architecture is
 * parsed too (HWR_BAD_ARCHITECTURE).
 */
extern bool hwr_options_parse(const char *json, size_t len, HwrTrainOptions *out, HwrStatus *st);

/* The same, with this preset where the object names none. */
extern bool hwr_options_parse_as(const char *json, size_t len, const char *preset, HwrTrainOptions *out, HwrStatus *st);

/*
 * The same where option "base" names a model, once that is known.  Architecture, fit and case are
 * its own instead of the preset's, and the learning rate is the preset's times HWR_FINE_TUNE_RATE,
 * unless given; an architecture that differs from the base's in more than the width of its input,
 * or another fit, is an error.
 */
#define HWR_FINE_TUNE_RATE 0.25
struct HwrModel;
extern bool hwr_options_parse_with_base(const char *json, size_t len, const struct HwrModel *base,
										HwrTrainOptions *out, HwrStatus *st);

/* All options as a JSON object, keys in the order above (malloc'd). */
extern bool hwr_options_to_json(const HwrTrainOptions *options, char **json, HwrStatus *st);

#endif							/* HWR_OPTIONS_H */
