/*
 * kraken.c
 *	  A model of kraken from its file: which one, its settings, its parts put together.
 */
#include "kraken_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METADATA "kraken_meta"

/* Of kraken, whose networks are computed here as there. */
#define KNOWN_VERSION 7

bool
hwr_kraken_damaged(HwrStatus *st, const char *fmt,...)
{
	char		detail[sizeof(st->detail)];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	hwr_fail(st, HWR_BAD_MODEL, "kraken model is corrupted");
	return hwr_fail_detail(st, "%s", detail);
}

bool
hwr_kraken_unsupported(HwrStatus *st, const char *fmt,...)
{
	char		detail[sizeof(st->detail)];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	hwr_fail(st, HWR_UNSUPPORTED, "kraken model cannot be imported");
	return hwr_fail_detail(st, "%s", detail);
}

bool
hwr_is_kraken(const uint8_t *bytes, size_t len)
{
	HwrSafeTensors *file;
	HwrStatus	st = {0};
	bool		found;

	if (!hwr_safetensors_open(bytes, len, &file, &st))
		return false;
	found = hwr_safetensors_metadata(file, METADATA) != NULL;
	hwr_safetensors_close(file);
	return found;
}

/*
 * A copy in which what is no JSON, Python's NaN, Infinity and -Infinity for measurements that failed, is null; to: room for
 * twice the text.
 */
static void
replace_nonfinite(const char *text, char *to)
{
	static const char *const words[] = {"-Infinity", "Infinity", "NaN"};
	bool		inside = false; /* a string */

	while (*text != '\0')
	{
		size_t		len = 1;

		for (int i = 0; !inside && len == 1 && i < 3; i++)
			if (strncmp(text, words[i], strlen(words[i])) == 0)
				len = strlen(words[i]);
		if (len > 1)
			to = strcpy(to, "null") + 4;
		else
		{
			if (*text == '"')
				inside = !inside;
			if (inside && *text == '\\' && text[1] != '\0')
				*to++ = *text++;
			*to++ = *text;
		}
		text += len;
	}
	*to = '\0';
}

/* A part of the file that is JSON, named by what. */
static json_t *
parse(const char *text, const char *what, HwrStatus *st)
{
	char		quoted[sizeof(((json_error_t *) NULL)->text)];
	json_error_t error;
	json_t	   *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (value == NULL)
		hwr_kraken_damaged(st, "%s cannot be read as JSON: %s.", what, hwr_text_quote(error.text, quoted, sizeof(quoted)));
	return value;
}

static json_t *
parse_metadata(const char *text, HwrStatus *st)
{
	char	   *copy = hwr_alloc(strlen(text) + 1, 2, st);
	json_t	   *meta;

	if (copy == NULL)
		return NULL;
	replace_nonfinite(text, copy);
	meta = parse(copy, "Metadata \"" METADATA "\"", st);
	free(copy);
	return meta;
}

/* Whether a model says that it is for recognition, or nothing of what it is for. */
static bool
is_recognition(const json_t *model)
{
	const json_t *tasks = json_object_get(model, "_tasks");
	const json_t *task;
	size_t		i;

	if (!json_is_array(tasks) || json_array_size(tasks) == 0)
		return true;
	json_array_foreach((json_t *) tasks, i, task)
	{
		if (json_is_string(task) && strcmp(json_string_value(task), "recognition") == 0)
			return true;
	}
	return false;
}

/* The first model for recognition, and what its tensors begin with. */
static bool
find_model(const json_t *meta, const char **prefix, const json_t **out, HwrStatus *st)
{
	char		quoted[HWR_KRAKEN_QUOTE];
	const char *kind = NULL;
	const char *key;
	json_t	   *model;

	if (!json_is_object(meta))
		return hwr_kraken_damaged(st, "Metadata \"" METADATA "\" is not a JSON object.");
	json_object_foreach((json_t *) meta, key, model)
	{
		const json_t *class = json_object_get(model, "_model");

		if (!json_is_object(model) || !json_is_string(class))
			return hwr_kraken_damaged(st, "Model \"%s\" does not say what it is.", hwr_text_quote(key, quoted, sizeof(quoted)));
		kind = json_string_value(class);
		if (strcmp(kind, "TorchVGSLModel") != 0 || !is_recognition(model))
			continue;
		*prefix = key;
		*out = model;
		return true;
	}
	if (kind == NULL)
		return hwr_kraken_damaged(st, "There is no model in it.");
	return hwr_kraken_unsupported(st, "There is no model for recognition in it that is described in VGSL, only one of kind "
									  "\"%s\".",
								  hwr_text_quote(kind, quoted, sizeof(quoted)));
}

/* A member that is a text, NULL where it is missing or null. */
static bool
get_text(const json_t *model, const char *key, const char *what, const char **out, HwrStatus *st)
{
	const json_t *value = json_object_get(model, key);

	*out = json_string_value(value);
	return *out != NULL || value == NULL || json_is_null(value) ||
		hwr_kraken_damaged(st, "%s (\"%s\") is no text.", what, key);
}

/* A text of two that it may be, or none. */
static bool
check_choice(const json_t *model, const char *key, const char *what, const char *one, const char *other, HwrStatus *st)
{
	char		quoted[HWR_KRAKEN_QUOTE];
	char		kind[64];
	const char *text;

	snprintf(kind, sizeof(kind), "Its kind of %s", what);
	if (!get_text(model, key, kind, &text, st))
		return false;
	return text == NULL || strcmp(text, one) == 0 || strcmp(text, other) == 0 ||
		hwr_kraken_damaged(st, "Its %s (\"%s\") are of kind \"%s\", neither \"%s\" nor \"%s\".", what, key,
						   hwr_text_quote(text, quoted, sizeof(quoted)), one, other);
}

/* A later kraken may compute the same file otherwise, and so refuses to read it with an earlier one. */
static bool
check_version(const json_t *model, HwrStatus *st)
{
	char		quoted[HWR_KRAKEN_QUOTE];
	const char *text;

	if (!get_text(model, "_kraken_min_version", "The version of kraken that it needs", &text, st))
		return false;
	if (text == NULL)
		return true;
	hwr_text_quote(text, quoted, sizeof(quoted));
	if (*text < '0' || *text > '9')
		return hwr_kraken_damaged(st, "The version of kraken that it needs, \"%s\", is none.", quoted);
	return strtol(text, NULL, 10) <= KNOWN_VERSION ||
		hwr_kraken_unsupported(st, "It needs kraken %s, and hwr knows %d and before.", quoted, KNOWN_VERSION);
}

/* The members besides network and codec. */
static bool
check_members(const json_t *model, HwrStatus *st)
{
	const json_t *tasks = json_object_get(model, "_tasks");

	if (tasks != NULL && !json_is_array(tasks) && !json_is_null(tasks))
		return hwr_kraken_damaged(st, "Its tasks (\"_tasks\") are no list.");
	return check_version(model, st) && check_choice(model, "seg_type", "lines", "baselines", "bbox", st) &&
		check_choice(model, "one_channel_mode", "images", "L", "1", st);
}

/* Lines that were cut out as boxes are straightened, those along a baseline are already. */
static HwrFit
get_fit(const json_t *model)
{
	const json_t *lines = json_object_get(model, "seg_type");

	return json_is_string(lines) && strcmp(json_string_value(lines), "bbox") == 0 ? HWR_FIT_KRAKEN_BOX : HWR_FIT_KRAKEN;
}

/* The codec, an object or one as text (new reference). */
static json_t *
get_codec(const json_t *model, HwrStatus *st)
{
	json_t	   *codec = json_object_get(model, "codec");

	if (codec == NULL || json_is_null(codec))
	{
		hwr_kraken_damaged(st, "It has no codec.");
		return NULL;
	}
	if (json_is_string(codec))
		codec = parse(json_string_value(codec), "Its codec (\"codec\")", st);
	else
		json_incref(codec);
	if (codec == NULL || json_is_object(codec))
		return codec;
	json_decref(codec);
	hwr_kraken_damaged(st, "Its codec (\"codec\") is not a JSON object.");
	return NULL;
}

/* The first of these members that is a text, as this one of the card. */
static bool
copy_text(json_t *card, const char *as, const json_t *source, const char *const *keys)
{
	for (; *keys != NULL; keys++)
	{
		json_t	   *text = json_object_get(source, *keys);

		if (json_is_string(text))
			return json_object_set(card, as, text) == 0;
	}
	return true;
}

/* What kraken knows of the model, but for what the network and the alphabet say already. */
static bool
make_card(const json_t *source, char **out, HwrStatus *st)
{
	static const char *const own[] = {"codec", "vgsl", "_tasks", "_model", NULL};
	json_t	   *card = json_pack("{}");	/* json_object() is PostgreSQL's in a server */
	json_t	   *rest = json_copy((json_t *) source);
	bool		ok = card != NULL && rest != NULL;

	for (int i = 0; ok && own[i] != NULL; i++)
		(void) json_object_del(rest, own[i]);
	ok = ok && copy_text(card, "description", source, (const char *const[]) {"description", "summary", NULL}) &&
		copy_text(card, "licence", source, (const char *const[]) {"licence", "license", NULL}) &&
		copy_text(card, "credits", source, (const char *const[]) {"credits", "authors", "author", NULL}) &&
		copy_text(card, "language", source, (const char *const[]) {"language", NULL}) &&
		json_object_set_new(card, "source", json_string("kraken")) == 0 &&
		json_object_set(card, "kraken", rest) == 0;
	*out = ok ? json_dumps(card, 0) : NULL;
	json_decref(rest);
	json_decref(card);
	return *out != NULL || hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
}

/* What a version of hwr's has besides. */
static bool
set_texts(HwrModel *model, const json_t *source, HwrStatus *st)
{
	model->options = hwr_alloc_zero(3, 1, st);
	model->result = hwr_alloc_zero(3, 1, st);
	if (model->options == NULL || model->result == NULL)
		return false;
	memcpy(model->options, "{}", 3);
	memcpy(model->result, "{}", 3);
	model->fit = get_fit(source);
	model->mapping = HWR_CASE_KEEP;
	return make_card(source, &model->card, st);
}

/* A few bytes must not ask for gigabytes: the values are there, at two bytes or more. */
static bool
alloc_values(HwrModel *model, size_t len, HwrStatus *st)
{
	if (len / 2 < model->net.nvalues)
		return hwr_kraken_damaged(st, "Its network has %zu values, for which the file is too short.", model->net.nvalues);
	model->values = hwr_alloc_zero(model->net.nvalues, sizeof(float), st);
	return model->values != NULL;
}

static bool
load_model(const HwrSafeTensors *file, size_t len, const char *prefix, const json_t *source, HwrModel *model, HwrStatus *st)
{
	const char *vgsl = json_string_value(json_object_get(source, "vgsl"));
	HwrKrakenNetwork network;
	json_t	   *codec;
	int		   *labels = NULL;
	int			classes;
	bool		ok;

	if (!check_members(source, st))
		return false;
	if (vgsl == NULL)
		return hwr_kraken_damaged(st, "It has no description of its network (\"vgsl\").");
	if (!hwr_kraken_network(vgsl, 0, &model->net, &network, st))
		return false;
	codec = get_codec(source, st);
	ok = codec != NULL && hwr_kraken_alphabet(codec, model->net.classes, &model->alphabet, &labels, st);
	json_decref(codec);
	/* what has no text cannot be written: such outputs are left out, and the others are normalised without them */
	classes = model->alphabet.n + 1;
	ok = ok && (classes == model->net.classes || hwr_kraken_network(vgsl, classes, &model->net, &network, st));
	ok = ok && alloc_values(model, len, st) && set_texts(model, source, st) &&
		hwr_kraken_values(file, prefix, &network, &model->net, labels, model->values, st);
	free(labels);
	return ok;
}

bool
hwr_kraken_load(const uint8_t *bytes, size_t len, HwrModel **out, HwrStatus *st)
{
	HwrSafeTensors *file;
	HwrModel   *model;
	const char *text;
	json_t	   *meta = NULL;
	const json_t *source = NULL;
	const char *prefix = NULL;
	bool		ok;

	if (!hwr_safetensors_open(bytes, len, &file, st))
		return false;
	text = hwr_safetensors_metadata(file, METADATA);
	if (text != NULL)
		meta = parse_metadata(text, st);
	else
		hwr_kraken_damaged(st, "Metadata \"" METADATA "\" are missing.");
	model = meta != NULL ? hwr_alloc_zero(1, sizeof(HwrModel), st) : NULL;
	ok = model != NULL && find_model(meta, &prefix, &source, st) && load_model(file, len, prefix, source, model, st);
	json_decref(meta);
	hwr_safetensors_close(file);
	if (!ok)
	{
		hwr_model_free(model);
		return false;
	}
	*out = model;
	return true;
}
