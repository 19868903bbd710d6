/*
 * label.c
 *	  Labels as a model reads them: normalised, and as classes of its alphabet.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "core/base/status.h"
#include "core/decode/ctc.h"
#include "core/decode/decode.h"
#include "core/model/model.h"
#include "core/network/recognizer.h"
#include "core/text/spelling.h"
#include "core/text/text.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/interrupt.h"
#include "label.h"

/* Copy what the core made of a label into the context.  No PostgreSQL call that may fail in between. */
bool
hwr_label_make(const HwrRow *row, const HwrModel *model, MemoryContext context, HwrLabel *out, HwrStatus *st)
{
	char	   *text = NULL;
	uint32_t   *codepoints = NULL;
	int			n = 0;
	bool		ok;

	ok = hwr_text_normalize(row->label, row->label_len, model->mapping, &text, st) &&
		hwr_text_decode_signs(&model->alphabet, text, strlen(text), &codepoints, &n, st);
	if (ok && n == 0)
		ok = hwr_fail(st, HWR_BAD_LABEL, "label is empty");
	if (ok)
	{
		out->len = strlen(text);
		out->text = MemoryContextAllocExtended(context, out->len + 1, MCXT_ALLOC_NO_OOM);
		out->classes = MemoryContextAllocExtended(context, n * sizeof(int), MCXT_ALLOC_NO_OOM);
		out->nclasses = n;
		out->writable = true;
		if (out->text == NULL || out->classes == NULL)
			ok = hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	}
	if (ok)
	{
		memcpy(out->text, text, out->len + 1);
		for (int i = 0; i < n; i++)
		{
			out->classes[i] = hwr_alphabet_class(&model->alphabet, codepoints[i]);
			out->writable = out->writable && out->classes[i] != 0;
		}
	}
	free(codepoints);
	free(text);
	return ok;
}

double
hwr_classes_loss(const int *classes, int n, const HwrPosterior *p, MemoryContext context)
{
	void	   *workspace;
	double		loss;

	/* More characters than steps cannot be written, and could want a workspace of any size. */
	if (n > p->steps)
		return INFINITY;
	workspace = MemoryContextAlloc(context, hwr_ctc_forward_workspace(n));
	if (!hwr_ctc_forward(p->logp, p->steps, p->classes, classes, n, hwr_interrupt_pending, NULL, &loss, workspace))
		hwr_raise_interrupted(&(HwrStatus) {HWR_CANCELLED, "cancelled"});
	pfree(workspace);
	return loss;
}

double
hwr_label_loss(const HwrLabel *label, const HwrPosterior *p, MemoryContext context)
{
	if (!label->writable)
		return INFINITY;
	return hwr_classes_loss(label->classes, label->nclasses, p, context);
}

double
hwr_reading_loss(const HwrReading *reading, const HwrModel *model, const HwrPosterior *p, MemoryContext context)
{
	return hwr_classes_loss(reading->classes, reading->nclasses, p, context);
}

double
hwr_reading_confidence(const HwrReading *reading, const HwrModel *model, const HwrPosterior *p, MemoryContext context)
{
	return reading->confidence >= 0 ? reading->confidence : exp(-hwr_reading_loss(reading, model, p, context));
}

void
hwr_release_reading(void *reading)
{
	hwr_reading_free(reading);
}
