/*
 * features.h
 *	  What many readings look like, counted: for telling whether images are still of the kind that a model was trained on.
 *
 * Include after postgres.h.
 */
#ifndef HWR_FEATURES_H
#define HWR_FEATURES_H

#include "core/network/recognizer.h"

/*
 * Bins: tenths of confidence; texts of 0, 1-2, 3-5, 6-10, 11-20, 21-40, 41-80, more characters; even steps of the
 * square root of the share of ink, up to 0.4; half octaves of width, from 16 pixels.
 */
#define HWR_CONFIDENCE_BINS 10
#define HWR_LENGTH_BINS 8
#define HWR_INK_BINS 12
#define HWR_WIDTH_BINS 16

/* Distinct characters that are counted; further ones are left out. */
#define HWR_FEATURE_CHARACTERS 1024

typedef struct HwrFeatures
{
	int64		n;				/* readings */
	int64		confidence[HWR_CONFIDENCE_BINS];
	int64		length[HWR_LENGTH_BINS];
	int64		ink[HWR_INK_BINS];
	int64		width[HWR_WIDTH_BINS];	/* of the image, in pixels */
	int64		blank[2];		/* read as something, as nothing */
	int			ncharacters;
	struct
	{
		uint32		codepoint;
		int64		count;
	}			characters[HWR_FEATURE_CHARACTERS];
} HwrFeatures;

/* Share of a canvas that is ink. */
extern double hwr_ink_share(const HwrCanvas *canvas, int height);

/* Count a reading: its text in UTF-8. */
extern void hwr_features_add(HwrFeatures *f, double ink, int width, const char *text, double confidence);

/* {"n": ..., "confidence": [...], ..., "characters": {"a": ...}}, palloc'd, in the server's encoding. */
extern char *hwr_features_json(const HwrFeatures *f);

#endif							/* HWR_FEATURES_H */
