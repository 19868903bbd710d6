/*
 * label.h
 *	  A row's label as a model reads it.
 *
 * Include after postgres.h.
 */
#ifndef HWR_LABEL_H
#define HWR_LABEL_H

#include "core/base/status.h"
#include "core/decode/decode.h"
#include "core/model/model.h"
#include "core/network/recognizer.h"
#include "pg/base/columns.h"

typedef struct HwrLabel
{
	char	   *text;			/* UTF-8, normalised */
	int			len;
	int		   *classes;
	int			nclasses;
	bool		writable;		/* all characters are in the alphabet */
} HwrLabel;

/* Fill *out in the context.  HWR_BAD_LABEL where the label cannot be used. */
extern bool hwr_label_make(const HwrRow *row, const HwrModel *model, MemoryContext context,
						   HwrLabel *out, HwrStatus *st);

/* -log P(text | image) in nats; infinite where the network cannot write it. */
extern double hwr_label_loss(const HwrLabel *label, const HwrPosterior *p, MemoryContext context);
extern double hwr_reading_loss(const HwrReading *reading, const HwrModel *model, const HwrPosterior *p, MemoryContext context);

/* The probability that a reading is right: what decoding said, or else P(text | image). */
extern double hwr_reading_confidence(const HwrReading *reading, const HwrModel *model, const HwrPosterior *p,
									 MemoryContext context);

/* -log P(text | image) of classes; infinite where they do not fit. */
extern double hwr_classes_loss(const int *classes, int n, const HwrPosterior *p, MemoryContext context);

/* Of a HwrReading, for a hold. */
extern void hwr_release_reading(void *reading);

#endif							/* HWR_LABEL_H */
