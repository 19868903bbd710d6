/*
 * options.c
 *	  Training options from and to JSON.
 *
 * One table describes every option: its key, its field, its type and range.  Reading,
 * checking, the error texts and writing all go by that table.
 */
#include "options.h"

#include "core/model/model.h"
#include "core/network/vgsl.h"
#include "presets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

typedef enum OptionKind
{
	OPTION_INT,
	OPTION_SEED,
	OPTION_REAL,
	OPTION_STRING,
	OPTION_ENUM
} OptionKind;

typedef struct Option
{
	const char *name;
	size_t		offset;
	size_t		size;			/* of the field */
	double		lo;
	double		hi;				/* HUGE_VAL: no upper limit */
	const char *const *words;	/* enum: by value, NULL-terminated */
	OptionKind	kind;
	bool		lo_open;		/* lo itself is refused */
	bool		hi_open;
	bool		nullable;		/* JSON null stands for -1 */
} Option;

static const char *const optimizer_words[] = {"sgd", "adam", "adamw", NULL};
static const char *const schedule_words[] = {"constant", "cosine", "one_cycle", "plateau", NULL};
static const char *const device_words[] = {"auto", "cpu", "cuda", NULL};
static const char *const precision_words[] = {"auto", "float32", "bfloat16", NULL};
static const char *const empty_words[] = {"skip", "learn", NULL};
static const char *const own_lm_words[] = {"base", "labels", "both", "none", NULL};
static const char *const alphabet_words[] = {"union", "keep", "new", NULL};

#define FIELD(f) offsetof(HwrTrainOptions, f), sizeof(((HwrTrainOptions *) NULL)->f)
#define NONE HUGE_VAL

static const Option option_table[] = {
	{"preset", FIELD(preset), 0, 0, NULL, OPTION_STRING, false, false, false},
	{"architecture", FIELD(architecture), 0, 0, NULL, OPTION_STRING, false, false, false},
	{"epochs", FIELD(epochs), 1, 10000, NULL, OPTION_INT, false, false, false},
	{"batch_size", FIELD(batch_size), 1, 1024, NULL, OPTION_INT, false, false, false},
	{"optimizer", FIELD(step.optimizer), 0, 0, optimizer_words, OPTION_ENUM, false, false, false},
	{"learning_rate", FIELD(learning_rate), 0, 10, NULL, OPTION_REAL, true, false, false},
	{"momentum", FIELD(step.momentum), 0, 1, NULL, OPTION_REAL, false, true, false},
	{"weight_decay", FIELD(step.weight_decay), 0, NONE, NULL, OPTION_REAL, false, false, false},
	{"schedule", FIELD(schedule), 0, 0, schedule_words, OPTION_ENUM, false, false, false},
	{"warmup", FIELD(warmup), 0, 0.9, NULL, OPTION_REAL, false, false, false},
	{"clip_norm", FIELD(step.clip_norm), 0, NONE, NULL, OPTION_REAL, false, false, false},
	{"dropout", FIELD(dropout), 0, 1, NULL, OPTION_REAL, false, true, true},
	{"patience", FIELD(patience), 0, 10000, NULL, OPTION_INT, false, false, false},
	{"validation_fraction", FIELD(validation_fraction), 0, 0.9, NULL, OPTION_REAL, false, false, false},
	{"validation", FIELD(validation), 0, 0, NULL, OPTION_STRING, false, false, false},
	{"seed", FIELD(seed), 0, 9007199254740992.0, NULL, OPTION_SEED, false, false, false},
	{"threads", FIELD(threads), 0, 256, NULL, OPTION_INT, false, false, false},
	{"device", FIELD(device), 0, 0, device_words, OPTION_ENUM, false, false, false},
	{"precision", FIELD(step.precision), 0, 0, precision_words, OPTION_ENUM, false, false, false},
	{"case", FIELD(mapping), 0, 0, hwr_case_words, OPTION_ENUM, false, false, false},
	{"empty_labels", FIELD(empty_labels), 0, 0, empty_words, OPTION_ENUM, false, false, false},
	{"fit", FIELD(fit), 0, 0, hwr_fit_words, OPTION_ENUM, false, false, false},
	{"augment", FIELD(step.augment.affine), 0, 3, NULL, OPTION_REAL, false, false, false},
	{"elastic", FIELD(step.augment.elastic), 0, 3, NULL, OPTION_REAL, false, false, false},
	{"morphology", FIELD(step.augment.morphology), 0, 3, NULL, OPTION_REAL, false, false, false},
	{"strokes", FIELD(step.augment.strokes), 0, 3, NULL, OPTION_REAL, false, false, false},
	{"downscale", FIELD(step.augment.downscale), 0, 3, NULL, OPTION_REAL, false, false, false},
	{"mask", FIELD(step.augment.mask), 0, 3, NULL, OPTION_REAL, false, false, false},
	{"base", FIELD(base), 0, 0, NULL, OPTION_STRING, false, false, false},
	{"base_version", FIELD(base_version), 0, 2147483647, NULL, OPTION_INT, false, false, false},
	{"alphabet", FIELD(alphabet), 0, 0, alphabet_words, OPTION_ENUM, false, false, false},
	{"language_model", FIELD(language_model), 0, 0, own_lm_words, OPTION_ENUM, false, false, false},
	{"shortcut", FIELD(shortcut), 0, 1, NULL, OPTION_REAL, false, false, false},
	{"average", FIELD(average), 0, 0.9, NULL, OPTION_REAL, false, false, false},
	{"checkpoint_minutes", FIELD(checkpoint_minutes), 0, NONE, NULL, OPTION_REAL, false, false, false},
	{"max_minutes", FIELD(max_minutes), 0, NONE, NULL, OPTION_REAL, false, false, false},
	{"description", FIELD(description), 0, 0, NULL, OPTION_STRING, false, false, false},
	{"licence", FIELD(licence), 0, 0, NULL, OPTION_STRING, false, false, false},
	{"credits", FIELD(credits), 0, 0, NULL, OPTION_STRING, false, false, false},
	{"language", FIELD(language), 0, 0, NULL, OPTION_STRING, false, false, false},
};

#define NOPTIONS ((int) (sizeof(option_table) / sizeof(option_table[0])))

/* An output layer of any width, to check an architecture before the alphabet is known. */
#define SOME_CLASSES 100

/* Longest piece of the user's text that a message repeats, in bytes. */
#define QUOTE_SIZE 64

/* Enumerations are read and written through their bytes: they are as wide as unsigned int here. */
_Static_assert(sizeof(HwrOptimizerKind) == sizeof(unsigned) &&
			   sizeof(HwrScheduleKind) == sizeof(unsigned) &&
			   sizeof(HwrDeviceKind) == sizeof(unsigned) &&
			   sizeof(HwrTrainPrecision) == sizeof(unsigned) &&
			   sizeof(HwrCase) == sizeof(unsigned) &&
			   sizeof(HwrAlphabetRule) == sizeof(unsigned) &&
			   sizeof(HwrEmptyLabels) == sizeof(unsigned) &&
			   sizeof(HwrOwnLmRule) == sizeof(unsigned) &&
			   sizeof(HwrFit) == sizeof(unsigned), "enumerations are not unsigned int");

static const Option *
find_option(const char *name)
{
	for (int i = 0; i < NOPTIONS; i++)
	{
		if (strcmp(option_table[i].name, name) == 0)
			return &option_table[i];
	}
	return NULL;
}

/*
 * Error texts
 */

/* "a, b, c" appended to buf. */
static void
append_word(char *buf, size_t size, const char *word)
{
	size_t		len = strlen(buf);

	snprintf(buf + len, size - len, "%s%s", len > 0 ? ", " : "", word);
}

/* Levenshtein distance, or more than any name allows where b is long. */
static int
name_distance(const char *a, const char *b)
{
	int			row[QUOTE_SIZE];
	int			n = (int) strlen(b);

	if (strlen(b) >= QUOTE_SIZE)
		return QUOTE_SIZE;
	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 1; a[i - 1] != '\0'; i++)
	{
		int			diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= n; j++)
		{
			int			best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

static bool
fail_unknown(const char *key, HwrStatus *st)
{
	char		quoted[QUOTE_SIZE];
	char		names[sizeof(st->hint)] = "";
	const char *near = NULL;
	int			nearest = 3;	/* at most two slips are a slip */

	for (int i = 0; i < NOPTIONS; i++)
	{
		int			d = name_distance(option_table[i].name, key);

		append_word(names, sizeof(names), option_table[i].name);
		if (d < nearest && d < (int) strlen(option_table[i].name) / 2 + 1)
		{
			nearest = d;
			near = option_table[i].name;
		}
	}
	hwr_fail(st, HWR_BAD_OPTION, "unrecognized training option \"%s\"",
			 hwr_text_quote(key, quoted, sizeof(quoted)));
	if (near != NULL)
		return hwr_fail_hint(st, "Perhaps you meant \"%s\".  Valid options are: %.640s.", near, names);
	return hwr_fail_hint(st, "Valid options are: %.700s.", names);
}

static bool
fail_type(const Option *o, const char *type, HwrStatus *st)
{
	return hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" must be %s%s",
					o->name, type, o->nullable ? " or null" : "");
}

static bool
fail_range(const Option *o, HwrStatus *st)
{
	if (o->kind == OPTION_INT || o->kind == OPTION_SEED)
		return hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" must be between %.0f and %.0f",
						o->name, o->lo, o->hi);
	if (o->hi == NONE)
		return hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" must not be negative", o->name);
	if (!o->lo_open && !o->hi_open)
		return hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" must be between %g and %g",
						o->name, o->lo, o->hi);
	return hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" must be %s %g and %s %g%s",
					o->name, o->lo_open ? "greater than" : "at least", o->lo,
					o->hi_open ? "less than" : "at most", o->hi,
					o->nullable ? ", or null" : "");
}

static bool
fail_value(const char *name, const char *value, const char *words, HwrStatus *st)
{
	char		quoted[QUOTE_SIZE];

	hwr_fail(st, HWR_BAD_OPTION, "invalid value for training option \"%s\": \"%s\"",
			 name, hwr_text_quote(value, quoted, sizeof(quoted)));
	return hwr_fail_hint(st, "Valid values are: %s.", words);
}

/*
 * Reading
 */

/*
 * The number in value.  wide: the text had integers beyond 64 bits and was read with all integers as
 * reals, so integral reals count as integers; they are out of range anyway or exact.
 */
static bool
get_number(const Option *o, const json_t *value, bool wide, double *out, HwrStatus *st)
{
	bool		integer = o->kind != OPTION_REAL;

	if (json_is_integer(value))
	{
		json_int_t	n = json_integer_value(value);

		/* compared before a conversion could round it into the range */
		if (integer && (n < (json_int_t) o->lo || n > (json_int_t) o->hi))
			return fail_range(o, st);
		*out = (double) n;
	}
	else if (json_is_real(value) &&
			 (!integer || (wide && json_real_value(value) == rint(json_real_value(value)))))
		*out = json_real_value(value);
	else
		return fail_type(o, integer ? "an integer" : "a number", st);

	if (!(*out >= o->lo && *out <= o->hi) ||
		(o->lo_open && *out <= o->lo) || (o->hi_open && *out >= o->hi))
		return fail_range(o, st);
	return true;
}

static bool
set_enum(const Option *o, const json_t *value, char *field, HwrStatus *st)
{
	char		words[128] = "";

	if (!json_is_string(value))
		return fail_type(o, "a string", st);
	for (unsigned i = 0; o->words[i] != NULL; i++)
	{
		if (strcmp(o->words[i], json_string_value(value)) == 0)
		{
			memcpy(field, &i, sizeof(i));
			return true;
		}
		append_word(words, sizeof(words), o->words[i]);
	}
	return fail_value(o->name, json_string_value(value), words, st);
}

static bool
set_option(const Option *o, const json_t *value, bool wide, HwrTrainOptions *out, HwrStatus *st)
{
	char	   *field = (char *) out + o->offset;
	double		number = -1;	/* what null stands for */

	switch (o->kind)
	{
		case OPTION_STRING:
			if (!json_is_string(value))
				return fail_type(o, "a string", st);
			if (json_string_length(value) >= o->size)
				return hwr_fail(st, HWR_BAD_OPTION,
								"training option \"%s\" must be at most %zu bytes long",
								o->name, o->size - 1);
			memcpy(field, json_string_value(value), json_string_length(value) + 1);
			return true;
		case OPTION_ENUM:
			return set_enum(o, value, field, st);
		default:
			break;
	}

	if (!(o->nullable && json_is_null(value)) && !get_number(o, value, wide, &number, st))
		return false;
	if (o->kind == OPTION_INT)
		*(int *) field = (int) number;
	else if (o->kind == OPTION_SEED)
		*(uint64_t *) field = (uint64_t) number;
	else
		*(double *) field = number == 0 ? 0 : number;	/* no minus zero */
	return true;
}

/* The preset's values into *out; name is that of the preset where the object names none. */
static bool
start_from_preset(const json_t *object, const char *name, HwrTrainOptions *out, HwrStatus *st)
{
	const json_t *value = json_object_get(object, "preset");
	const HwrTrainOptions *preset;

	if (value != NULL)
	{
		if (!json_is_string(value))
			return fail_type(find_option("preset"), "a string", st);
		name = json_string_value(value);
	}
	preset = hwr_preset_find(name);
	if (preset == NULL)
	{
		char		words[128] = "";

		for (int i = 0; (preset = hwr_preset(i)) != NULL; i++)
			append_word(words, sizeof(words), preset->preset);
		return fail_value("preset", name, words, st);
	}
	*out = *preset;
	return true;
}

/* A preset's name as architecture means that preset's network; the result must parse. */
static bool
settle_architecture(HwrTrainOptions *out, HwrStatus *st)
{
	const HwrTrainOptions *preset = hwr_preset_find(out->architecture);
	HwrNet	   *net;
	bool		ok;

	if (preset != NULL)
		memcpy(out->architecture, preset->architecture, sizeof(out->architecture));
	net = hwr_alloc(1, sizeof(HwrNet), st);
	if (net == NULL)
		return false;
	ok = hwr_vgsl_parse(out->architecture,
						strstr(out->architecture, "O1c") != NULL ? 0 : SOME_CLASSES, net, st) &&
		(out->shortcut == 0 || hwr_net_add_shortcut(net, out->shortcut, st));
	free(net);
	return ok;
}

/* What a base model decides, before the options that are given. */
static void
start_from_base(const HwrModel *base, HwrTrainOptions *out)
{
	/* its architecture but for the output layer, whose width the alphabet gives */
	memcpy(out->architecture, base->net.vgsl, sizeof(out->architecture));
	*strstr(out->architecture, " O1c") = '\0';
	out->fit = base->fit;
	out->mapping = base->mapping;
	out->learning_rate *= HWR_FINE_TUNE_RATE;
}

/* The same layers on the same height: the width changes no tensor. */
static bool
same_but_for_width(const HwrNet *a, const HwrNet *b)
{
	return a->height == b->height && strcmp(strchr(a->vgsl, ' '), strchr(b->vgsl, ' ')) == 0;
}

/* Given all the same, architecture, but for the width of its input, and fit must be the base's. */
static bool
check_against_base(const HwrModel *base, const HwrTrainOptions *options, HwrStatus *st)
{
	HwrNet	   *net = hwr_alloc(1, sizeof(HwrNet), st);
	HwrStatus	reason;
	bool		same;

	if (net == NULL)
		return false;
	same = hwr_vgsl_parse(options->architecture, base->net.classes, net, &reason) &&
		same_but_for_width(net, &base->net);
	free(net);
	if (!same)
	{
		hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" does not agree with the base model", "architecture");
		return hwr_fail_detail(st, "The base model's is \"%.400s\".", base->net.vgsl);
	}
	if (options->fit != base->fit)
	{
		hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" does not agree with the base model", "fit");
		return hwr_fail_detail(st, "The base model's is \"%s\".", hwr_fit_words[base->fit]);
	}
	return true;
}

/* Options that mean nothing without a base. */
static bool
check_without_base(const HwrTrainOptions *options, HwrStatus *st)
{
	const char *name = options->base_version != 0 ? "base_version" : options->alphabet == HWR_ALPHABET_KEEP ? "alphabet" :
		options->language_model == HWR_OWN_LM_BOTH ? "language_model" : NULL;

	if (options->base[0] != '\0' || name == NULL)
		return true;
	return hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" needs option \"base\"", name);
}

/* A warm-up is part of a schedule: the preset's goes with the preset's schedule. */
static void
settle_warmup(const json_t *object, HwrTrainOptions *out)
{
	if (json_object_get(object, "schedule") != NULL && json_object_get(object, "warmup") == NULL)
		out->warmup = out->schedule == HWR_SCHEDULE_ONE_CYCLE ? HWR_ONE_CYCLE_WARMUP : 0;
}

static bool
parse_object(const json_t *object, bool wide, const char *preset, const HwrModel *base, HwrTrainOptions *out, HwrStatus *st)
{
	const char *key;
	json_t	   *value;

	if (!json_is_object(object))
		return hwr_fail(st, HWR_BAD_OPTION, "training options must be a JSON object");
	if (!start_from_preset(object, preset, out, st))
		return false;
	if (base != NULL)
		start_from_base(base, out);
	json_object_foreach((json_t *) object, key, value)
	{
		const Option *o = find_option(key);

		if (o == NULL)
			return fail_unknown(key, st);
		if (!set_option(o, value, wide, out, st))
			return false;
	}
	settle_warmup(object, out);
	return settle_architecture(out, st) && check_without_base(out, st) &&
		(base == NULL || check_against_base(base, out, st));
}

static bool
parse_text(const char *json, size_t len, const char *preset, const HwrModel *base, HwrTrainOptions *out, HwrStatus *st)
{
	json_error_t error;
	json_t	   *object;
	bool		wide = false;
	bool		ok;

	object = json_loadb(json, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (object == NULL && json_error_code(&error) == json_error_numeric_overflow)
	{
		wide = true;
		object = json_loadb(json, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
							JSON_DECODE_INT_AS_REAL, &error);
	}
	if (object == NULL)
	{
		char		reason[QUOTE_SIZE * 2];

		if (json_error_code(&error) == json_error_out_of_memory)
			return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
		hwr_fail(st, HWR_BAD_OPTION, "training options are not valid JSON");
		return hwr_fail_detail(st, "At byte %d: %s.", error.position,
							   hwr_text_quote(error.text, reason, sizeof(reason)));
	}
	ok = parse_object(object, wide, preset, base, out, st);
	json_decref(object);
	return ok;
}

bool
hwr_options_parse(const char *json, size_t len, HwrTrainOptions *out, HwrStatus *st)
{
	return parse_text(json, len, "default", NULL, out, st);
}

bool
hwr_options_parse_as(const char *json, size_t len, const char *preset, HwrTrainOptions *out, HwrStatus *st)
{
	return parse_text(json, len, preset, NULL, out, st);
}

bool
hwr_options_parse_with_base(const char *json, size_t len, const HwrModel *base, HwrTrainOptions *out, HwrStatus *st)
{
	return parse_text(json, len, "default", base, out, st);
}

/*
 * Writing
 */

/* The shortest decimal that reads back as the same number, whatever the locale's decimal point. */
static void
format_number(double number, char *buf, size_t size)
{
	char	   *comma;

	for (int digits = 15; digits <= 17; digits++)
	{
		snprintf(buf, size, "%.*g", digits, number);
		if (strtod(buf, NULL) == number)
			break;
	}
	if ((comma = strchr(buf, ',')) != NULL)
		*comma = '.';
}

/* One option's value as JSON text (malloc'd by jansson with malloc), or NULL. */
static char *
value_to_json(const Option *o, const HwrTrainOptions *options)
{
	const char *field = (const char *) options + o->offset;
	char		number[64];
	unsigned	word;
	json_t	   *value;
	char	   *text;

	switch (o->kind)
	{
		case OPTION_INT:
			snprintf(number, sizeof(number), "%d", *(const int *) field);
			return strdup(number);
		case OPTION_SEED:
			snprintf(number, sizeof(number), "%llu",
					 (unsigned long long) *(const uint64_t *) field);
			return strdup(number);
		case OPTION_REAL:
			if (o->nullable && *(const double *) field < 0)
				return strdup("null");
			format_number(*(const double *) field, number, sizeof(number));
			return strdup(number);
		case OPTION_ENUM:
			memcpy(&word, field, sizeof(word));
			value = json_string(o->words[word]);
			break;
		default:
			value = json_string(field);
			break;
	}
	text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
	json_decref(value);
	return text;
}

bool
hwr_options_to_json(const HwrTrainOptions *options, char **json, HwrStatus *st)
{
	size_t		size = 3;
	size_t		len = 1;
	char	   *out = hwr_alloc(size, 1, st);

	if (out == NULL)
		return false;
	out[0] = '{';
	for (int i = 0; i < NOPTIONS; i++)
	{
		const Option *o = &option_table[i];
		char	   *value = value_to_json(o, options);
		char	   *grown;

		if (value == NULL)
		{
			free(out);
			return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
		}
		size += strlen(o->name) + strlen(value) + 6;	/* quotes, colon, comma, two blanks */
		grown = hwr_realloc(out, size, 1, st);
		if (grown == NULL)
		{
			free(value);
			free(out);
			return false;
		}
		out = grown;
		len += (size_t) snprintf(out + len, size - len, "%s\"%s\": %s",
								 i > 0 ? ", " : "", o->name, value);
		free(value);
	}
	memcpy(out + len, "}", 2);
	*json = out;
	return true;
}
