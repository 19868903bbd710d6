/*
 * diagnose.c
 *	  Is a training stuck, and why?
 *
 * Every CTC network reads nothing at first, and every good training's loss stops falling in the
 * end.  So a run is given a quarter of its epochs to begin to read, and a loss that stays is
 * trouble only while most characters are wrong.
 */
#include "diagnose.h"

#include <math.h>

#define BLANK_EPOCHS 3
#define BLANK_SHARE 0.99
#define STALE_EPOCHS 5
#define STALE_FALL 0.99			/* what the loss is to be multiplied by, to have fallen */
#define STALE_CER 0.5
#define CLIPPED_EPOCHS 2
#define CLIPPED_SHARE 0.95

static void
follow(HwrDiagnosis *d, const HwrEvidence *e)
{
	bool		fell = e->epoch == 1 || e->train_loss < STALE_FALL * d->lowest;
	bool		rose = e->epoch > 1 && e->train_loss > d->last;

	d->stale = fell ? 0 : d->stale + 1;
	d->blank = e->blank >= BLANK_SHARE ? d->blank + 1 : 0;
	d->clipped = rose && e->clipped >= CLIPPED_SHARE ? d->clipped + 1 : 0;
	if (fell)
		d->lowest = e->train_loss;
	d->last = e->train_loss;
}

static bool
applies(const HwrDiagnosis *d, const HwrEvidence *e, HwrTrouble trouble)
{
	switch (trouble)
	{
		case HWR_TROUBLE_BLANK:
			return d->blank >= BLANK_EPOCHS && 4 * e->epoch >= e->epochs;
		case HWR_TROUBLE_LOSS:
			return d->stale >= STALE_EPOCHS && e->cer >= STALE_CER;
		case HWR_TROUBLE_GRADIENT:
			return d->clipped >= CLIPPED_EPOCHS;
		case HWR_TROUBLE_NONE:
			break;
	}
	return false;
}

HwrTrouble
hwr_diagnose(HwrDiagnosis *d, const HwrEvidence *e)
{
	/* the more particular first */
	static const HwrTrouble troubles[] = {HWR_TROUBLE_GRADIENT, HWR_TROUBLE_BLANK, HWR_TROUBLE_LOSS};

	follow(d, e);
	for (int i = 0; i < (int) (sizeof(troubles) / sizeof(troubles[0])); i++)
	{
		unsigned	bit = 1u << troubles[i];

		if ((d->told & bit) == 0 && applies(d, e, troubles[i]))
		{
			d->told |= bit;
			return troubles[i];
		}
	}
	return HWR_TROUBLE_NONE;
}
