/*
 * words.h
 *	  The sample words as a data set, for the tests of training.
 *
 * Include after cmocka.h.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/trainer.h"

#define ROWS 60

static const HwrImageLimits limits = {1 << 20, 1 << 24};

/* A network that learns a little in a moment. */
#define TINY "\"architecture\": \"[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,12 Mp8,1 Lbx12 Do\", \"batch_size\": 16"

typedef struct Words
{
	int			n;
	uint8_t    *bytes[ROWS];
	size_t		len[ROWS];
	char		label[ROWS][64];
} Words;

static Words words;

static inline int
load_words(void **state)
{
	FILE	   *csv = fopen("test/data/words.csv", "r");
	char		line[256];

	(void) state;
	if (csv == NULL || fgets(line, sizeof(line), csv) == NULL)
		return -1;
	while (words.n < ROWS && fgets(line, sizeof(line), csv) != NULL)
	{
		char		path[300];
		char	   *comma = strchr(line, ',');
		FILE	   *file;

		*comma = '\0';
		snprintf(words.label[words.n], sizeof(words.label[0]), "%.60s", comma + 1);
		words.label[words.n][strcspn(words.label[words.n], "\r\n")] = '\0';
		snprintf(path, sizeof(path), "test/data/words/%s", line);
		file = fopen(path, "rb");
		if (file == NULL)
			return -1;
		words.bytes[words.n] = malloc(1 << 16);
		words.len[words.n] = fread(words.bytes[words.n], 1, 1 << 16, file);
		fclose(file);
		words.n++;
	}
	fclose(csv);
	return words.n == ROWS ? 0 : -1;
}

static inline int
free_words(void **state)
{
	(void) state;
	for (int i = 0; i < words.n; i++)
		free(words.bytes[i]);
	return 0;
}

static inline HwrTrainOptions
options(const char *json)
{
	HwrTrainOptions o;
	HwrStatus	st;

	if (!hwr_options_parse(json, strlen(json), &o, &st))
		fail_msg("%s: %s", st.message, st.detail);
	return o;
}

static inline HwrDataset *
dataset(const HwrTrainOptions *o, size_t memory)
{
	HwrDataset *ds;
	HwrStatus	st;

	if (!hwr_dataset_create(o, &limits, memory, "/tmp", &ds, &st))
		fail_msg("%s: %s", st.message, st.detail);
	return ds;
}

static inline HwrSkip
add(HwrDataset *ds, HwrSplit split, int row, const char *label)
{
	HwrSkip		skip;
	HwrStatus	st;
	HwrDatasetRow r = {row + 1, words.bytes[row], words.len[row], label, strlen(label)};

	assert_true(hwr_dataset_add(ds, split, &r, 1, &skip, &st));
	return skip;
}

static inline HwrDataset *
all_words(const HwrTrainOptions *o, size_t memory)
{
	HwrDataset *ds = dataset(o, memory);
	HwrStatus	st;

	for (int i = 0; i < words.n; i++)
		assert_int_equal(add(ds, HWR_SPLIT_AUTO, i, words.label[i]), HWR_SKIP_NONE);
	if (!hwr_dataset_finish(ds, &st))
		fail_msg("%s: %s", st.message, st.detail);
	return ds;
}

#endif							/* WORDS_H */
