/*
 * diagnose.h
 *	  Is a training stuck, and why?
 */
#ifndef HWR_DIAGNOSE_H
#define HWR_DIAGNOSE_H

#include <stdbool.h>

typedef enum HwrTrouble
{
	HWR_TROUBLE_NONE,
	HWR_TROUBLE_BLANK,			/* for epochs, nothing was read from any validation image */
	HWR_TROUBLE_LOSS,			/* the training loss no longer falls, and most characters are still read wrongly */
	HWR_TROUBLE_GRADIENT		/* the gradient is cut in every step, and the training loss rises */
} HwrTrouble;

/* What an epoch tells. */
typedef struct HwrEvidence
{
	int			epoch;			/* from 1 */
	int			epochs;
	double		train_loss;
	double		cer;			/* of validation; NaN: there is none */
	double		blank;			/* share of the validation images read as nothing; NaN: there is none */
	double		clipped;		/* share of the steps whose gradient was cut */
} HwrEvidence;

/* Zero-initialise. */
typedef struct HwrDiagnosis
{
	unsigned	told;			/* a bit a trouble */
	double		lowest;			/* training loss, of the epochs so far */
	double		last;
	int			stale;			/* epochs in a row that did not lower it by one per cent */
	int			blank;			/* epochs in a row */
	int			clipped;
} HwrDiagnosis;

/* What is wrong by this epoch and those before; each trouble is told once. */
extern HwrTrouble hwr_diagnose(HwrDiagnosis *d, const HwrEvidence *e);

#endif							/* HWR_DIAGNOSE_H */
