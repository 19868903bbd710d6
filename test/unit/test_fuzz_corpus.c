/*
 * test_fuzz_corpus.c
 *	  The fuzz targets on every file of their corpora, and on damaged copies: what "make fuzz" does for hours, for a second.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../fuzz/targets.c"
#include "bytes_of.h"
#include "core/base/rng.h"
#include "emulated.h"

#define CORPUS "test/fuzz/corpus"
#define DAMAGED 150

typedef int (*Target) (const uint8_t *bytes, size_t len);

/* In memory of its exact size, so that a sanitizer sees its end. */
static uint8_t *
load(const char *folder, const char *name, size_t *len)
{
	char		path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return bytes_of(path, len);
}

/* Some bytes changed, or a piece cut out or doubled. */
static uint8_t *
damage(const uint8_t *bytes, size_t len, HwrRng *rng, size_t *damaged_len)
{
	size_t		from = hwr_rng_below(rng, len + 1);
	size_t		piece = hwr_rng_below(rng, len - from + 1);
	uint64_t	how = hwr_rng_below(rng, 4);
	uint8_t    *out = malloc(len + piece + 1);

	*damaged_len = len;
	memcpy(out, bytes, len);
	if (how == 0)
	{
		memmove(out + from, out + from + piece, len - from - piece);
		*damaged_len = len - piece;
	}
	else if (how == 1)
	{
		memcpy(out + from + piece, bytes + from, len - from);
		*damaged_len = len + piece;
	}
	else
		for (uint64_t n = 1 + hwr_rng_below(rng, 8); n > 0 && len > 0; n--)
			out[hwr_rng_below(rng, len)] = (uint8_t) hwr_rng_next(rng);
	out = realloc(out, *damaged_len > 0 ? *damaged_len : 1);
	return out;
}

static void
run_corpus(const char *name, Target target)
{
	char		folder[512];
	DIR		   *dir;
	struct dirent *entry;
	int			files = 0;
	HwrRng		rng;

	snprintf(folder, sizeof(folder), CORPUS "/%s", name);
	dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
	{
		size_t		len;
		uint8_t    *bytes;

		if (entry->d_name[0] == '.')
			continue;
		files++;
		bytes = load(folder, entry->d_name, &len);
		target(bytes, len);
		hwr_rng_seed(&rng, 1, (uint64_t) files);
		for (int i = 0; i < emulated_rounds(DAMAGED, 2); i++)
		{
			size_t		damaged_len;
			uint8_t    *damaged = damage(bytes, len, &rng, &damaged_len);

			target(damaged, damaged_len);
			free(damaged);
		}
		free(bytes);
	}
	closedir(dir);
	assert_true(files > 0);
}

static void
test_image(void **state)
{
	(void) state;
	run_corpus("image", fuzz_image);
}

static void
test_model(void **state)
{
	(void) state;
	run_corpus("model", fuzz_model);
}

static void
test_kraken(void **state)
{
	(void) state;
	run_corpus("codec", fuzz_codec);
	run_corpus("kraken", fuzz_kraken);
}

static void
test_lm(void **state)
{
	(void) state;
	run_corpus("lm", fuzz_lm);
}

static void
test_vgsl(void **state)
{
	(void) state;
	run_corpus("vgsl", fuzz_vgsl);
}

static void
test_page(void **state)
{
	(void) state;
	run_corpus("page", fuzz_page);
}

static void
test_form(void **state)
{
	(void) state;
	run_corpus("form", fuzz_form);
}

static void
test_options(void **state)
{
	(void) state;
	run_corpus("options", fuzz_options);
}

static void
test_label(void **state)
{
	(void) state;
	run_corpus("label", fuzz_label);
}

static void
test_posterior(void **state)
{
	(void) state;
	run_corpus("posterior", fuzz_posterior);
}

static void
test_pattern(void **state)
{
	(void) state;
	run_corpus("pattern", fuzz_pattern);
}

static void
test_query(void **state)
{
	(void) state;
	run_corpus("query", fuzz_query);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_kraken),
		cmocka_unit_test(test_lm),
		cmocka_unit_test(test_vgsl),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_label),
		cmocka_unit_test(test_posterior),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
