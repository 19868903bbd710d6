/*
 * score.h
 *	  The probability of a given text for an image.
 *
 * Include after postgres.h.
 */
#ifndef HWR_SCORE_GLUE_H
#define HWR_SCORE_GLUE_H

#include "fmgr.h"

/* hwr_score(image bytea, label text, model text [, version integer]), called as that. */
extern Datum hwr_score_image(PG_FUNCTION_ARGS);

#endif							/* HWR_SCORE_GLUE_H */
