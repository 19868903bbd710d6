/*
 * read_model.h
 *	  A model file, hwr's or kraken's, for the programs beside the extension; the end of the program if it cannot be read.
 */
#ifndef HWR_READ_MODEL_H
#define HWR_READ_MODEL_H

#include "core/model/kraken.h"
#include "core/model/model.h"
#include "read_file.h"

static inline HwrModel *
read_model(const char *path)
{
	HwrStatus	st = {0};
	HwrModel   *model;
	size_t		len;
	uint8_t    *bytes = read_file(path, &len);

	if (!(hwr_is_kraken(bytes, len) ? hwr_kraken_load(bytes, len, &model, &st) : hwr_model_load(bytes, len, &model, &st)))
	{
		fprintf(stderr, "%s: %s %s\n", path, st.message, st.detail);
		exit(1);
	}
	free(bytes);
	return model;
}

#endif							/* HWR_READ_MODEL_H */
