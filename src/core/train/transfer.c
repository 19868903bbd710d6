/*
 * transfer.c
 *	  A trained model's values as the first values of another network.
 */
#include "transfer.h"

#include <string.h>

/* The base's class for a class of the new alphabet; -1: it has none. */
static int
base_class(const HwrModel *base, const HwrAlphabet *alphabet, int class)
{
	int			found;

	if (class == 0)
		return 0;
	found = hwr_alphabet_class(&base->alphabet, alphabet->codepoints[class - 1]);
	return found > 0 ? found : -1;
}

static float
mean_bias(const HwrModel *base, const HwrTensor *bias)
{
	double		sum = 0;

	for (int k = 1; k < base->net.classes; k++)
		sum += base->values[bias->offset + (size_t) k];
	return (float) (sum / (base->net.classes - 1));
}

/* kernel [in][K] or bias [K]: column by column. */
static void
transfer_output(const HwrModel *base, const HwrTensor *from, const HwrNet *net, const HwrTensor *to,
				const HwrAlphabet *alphabet, float *values)
{
	size_t		rows = to->ndim == 2 ? (size_t) to->shape[0] : 1;

	for (int k = 0; k < net->classes; k++)
	{
		int			source = base_class(base, alphabet, k);

		for (size_t row = 0; row < rows; row++)
		{
			float	   *value = values + to->offset + row * (size_t) net->classes + (size_t) k;

			if (source >= 0)
				*value = base->values[from->offset + row * (size_t) base->net.classes + (size_t) source];
			else if (to->ndim == 1)
				*value = mean_bias(base, from);
		}
	}
}

bool
hwr_transfer_values(const HwrModel *base, const HwrNet *net, const HwrAlphabet *alphabet,
					float *values, HwrStatus *st)
{
	const HwrLayer *output = &net->layers[net->nlayers - 1];

	if (base->net.nlayers != net->nlayers)
		return hwr_fail(st, HWR_INTERNAL, "the base model is another network");
	for (int i = 0; i < base->net.ntensors; i++)
	{
		const HwrTensor *from = &base->net.tensors[i];
		const HwrTensor *to = &net->tensors[i];

		if (strcmp(from->name, to->name) != 0)
			return hwr_fail(st, HWR_INTERNAL, "the base model is another network");
		if (i >= output->first_tensor)
			transfer_output(base, from, net, to, alphabet, values);
		else if (from->count == to->count)
			memcpy(values + to->offset, base->values + from->offset, to->count * sizeof(float));
		else
			return hwr_fail(st, HWR_INTERNAL, "the base model is another network");
	}
	return true;
}
