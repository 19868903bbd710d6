/*
 * survey.h
 *	  A look at a table of labelled images before a training, and what it decides.
 *
 * Some rows, evenly spread, are looked at: shape of the image, length of the label.  From these
 * follow the preset, the height of the canvas, how far the network pools the width, and the number
 * of epochs, as far as the options do not say.  The network's input is of any width, because a
 * fixed one squeezes what is wider.
 */
#ifndef HWR_SURVEY_H
#define HWR_SURVEY_H

#include "dataset.h"
#include "core/options/options.h"

/* Rows worth looking at. */
#define HWR_SURVEY_ROWS 1000

typedef struct HwrSurveyRow
{
	int			width;			/* of the image, pixels */
	int			height;
	int			chars;			/* of the label */
	int			steps;			/* that CTC needs for it */
} HwrSurveyRow;

typedef struct HwrSurvey
{
	int64_t		table_rows;		/* of the whole table, set by the caller */
	int			n;
	HwrSurveyRow row[HWR_SURVEY_ROWS];
} HwrSurvey;

/* Of the options, those that are given; what is not given is chosen. */
typedef struct HwrGiven
{
	bool		preset;
	bool		architecture;
	bool		epochs;
	bool		base;
} HwrGiven;

/* Keys of a JSON object that hwr_options_parse takes; others than objects name nothing. */
extern void hwr_options_given(const char *json, size_t len, HwrGiven *out);

/*
 * Look at a row.  One that is NULL, does not decode or has an empty label is passed over; beyond
 * HWR_SURVEY_ROWS all are.
 */
extern void hwr_survey_add(HwrSurvey *survey, const HwrImageLimits *limits, const HwrDatasetRow *row);

/* Whether there is anything to choose.  A base has its network and recipe but for the epochs, and a preset is a choice. */
extern bool hwr_survey_wanted(const HwrGiven *given);

typedef struct HwrChoice
{
	char		preset[16];
	char		architecture[1024];
	int			epochs;
	char		chosen[200];	/* "preset \"lines\", height 48, any width, 30 epochs": what was not given, for a notice */
	char		reason[400];	/* what was seen, likewise */
} HwrChoice;

/*
 * Choose for the rows looked at; options as parsed without the survey.  False: there was nothing to
 * look at.
 */
extern bool hwr_survey_choose(HwrSurvey *survey, const HwrGiven *given, const HwrTrainOptions *options, HwrChoice *out);

#endif							/* HWR_SURVEY_H */
