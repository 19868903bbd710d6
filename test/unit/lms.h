/*
 * lms.h
 *	  Language models of a few texts, for tests.
 */
#ifndef LMS_H
#define LMS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/text/lm.h"

/* limit: n-grams at most, 0: all; texts end with NULL. */
static inline HwrLm *
lm_of(int order, int limit, HwrCase mapping, const char *const *texts)
{
	HwrLmBuilder *builder;
	HwrLm	   *lm;
	HwrStatus	st;

	assert_true(hwr_lm_builder_create(order, mapping, &builder, &st));
	hwr_lm_builder_set_limit(builder, limit);
	for (; *texts != NULL; texts++)
		assert_true(hwr_lm_builder_add(builder, *texts, strlen(*texts), &st));
	assert_true(hwr_lm_builder_finish(builder, &lm, &st));
	hwr_lm_builder_free(builder);
	return lm;
}

#endif							/* LMS_H */
