/*
 * card.c
 *	  The card that a training gives its model.
 */
#include "card.h"

#include <jansson.h>

/* A member from the options, else from the base's card; false: out of memory. */
static bool
add_text(json_t *card, const char *key, const char *given, const json_t *inherited)
{
	const json_t *old = json_object_get(inherited, key);

	if (given[0] != '\0')
		return json_object_set_new(card, key, json_string(given)) == 0;
	return !json_is_string(old) || json_object_set(card, key, (json_t *) old) == 0;
}

static bool
fill(json_t *card, const HwrTrainOptions *options, const json_t *inherited, int training_images, int validation_images)
{
	return add_text(card, "description", options->description, NULL) &&
		add_text(card, "licence", options->licence, inherited) &&
		add_text(card, "credits", options->credits, inherited) &&
		add_text(card, "language", options->language, inherited) &&
		json_object_set_new(card, "data", json_pack("{s:i, s:i}", "training", training_images, "validation",
													validation_images)) == 0 &&
		(options->base[0] == '\0' ||
		 json_object_set_new(card, "base", json_pack("{s:s, s:i}", "model", options->base, "version",
													 options->base_version)) == 0);
}

bool
hwr_card_of_training(const HwrTrainOptions *options, const HwrModel *base,
					 int training_images, int validation_images, char **out, HwrStatus *st)
{
	json_t	   *card = json_pack("{}");	/* json_object() is PostgreSQL's in a server */
	json_t	   *inherited = base != NULL && base->card != NULL ? json_loads(base->card, 0, NULL) : NULL;

	*out = card != NULL && fill(card, options, inherited, training_images, validation_images) ? json_dumps(card, 0) : NULL;
	json_decref(card);
	json_decref(inherited);
	return *out != NULL || hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
}
