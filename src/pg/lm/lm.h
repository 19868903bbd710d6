/*
 * lm.h
 *	  Stored language models.
 *
 * Include after postgres.h.
 */
#ifndef HWR_LM_GLUE_H
#define HWR_LM_GLUE_H

#include "pg/base/hold.h"

/*
 * Id of the language model, which changes whenever it is replaced; *hold's object becomes it, an
 * HwrLm, unless it is known_id.
 */
extern int64 hwr_lm_fetch(const char *name, int64 known_id, HwrHold *hold);
extern void hwr_release_lm(void *lm);

#endif							/* HWR_LM_GLUE_H */
