/*
 * line_model.h
 *	  The network that finds the lines of pages, as hwr.line_model names it.
 *
 * Include after postgres.h.
 */
#ifndef HWR_PG_LINE_MODEL_H
#define HWR_PG_LINE_MODEL_H

#include "core/page/line_net.h"

/* What hwr.line_model is if nobody sets it, and the bundled model of that name. */
#define HWR_LINE_MODEL "lines"

/*
 * Loaded, and valid until the next call; NULL: lines are found without a model, because hwr.line_model is empty, or is
 * HWR_LINE_MODEL and there is none.  Raises as hwr_catalog_find and hwr_catalog_check_read do, and
 * wrong_object_type where the model reads text.
 */
extern HwrLineNet *hwr_line_model(void);

#endif							/* HWR_PG_LINE_MODEL_H */
