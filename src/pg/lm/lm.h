/*
 * lm.h
 *	  Stored language models, and models that have one inside.
 *
 * Include after postgres.h and fmgr.h.
 */
#ifndef HWR_LM_GLUE_H
#define HWR_LM_GLUE_H

#include "core/model/model.h"
#include "pg/base/hold.h"
#include "pg/catalog/catalog.h"

/*
 * Id of the language model, which changes whenever it is replaced; *hold's object becomes it, an
 * HwrLm, unless it is known_id.
 */
extern int64 hwr_lm_fetch(const char *name, int64 known_id, HwrHold *hold);
extern void hwr_release_lm(void *lm);

/* A version of a model of one's own, to store the next one with another language model inside or another use of it. */
typedef struct HwrLmModel
{
	HwrVersionInfo from;
	HwrModel   *model;			/* lives as long as the current memory context */
	HwrHold    *hold;
} HwrLmModel;

extern char *hwr_lm_model_argument(FunctionCallInfo fcinfo, int model, int version, int *number);
extern void hwr_lm_open_model(const char *name, int version, HwrLmModel *out);

/* Returns the new version's number.  Not given: it becomes active unless a person has chosen what is. */
extern int	hwr_lm_store_model(const char *name, const HwrLmModel *model, bool activate_given, bool activate);

/* An argument that must be finite; NULL is otherwise. */
extern double hwr_lm_number_argument(FunctionCallInfo fcinfo, int argno, const char *name, double otherwise, bool negative);

#endif							/* HWR_LM_GLUE_H */
