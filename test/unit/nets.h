/*
 * nets.h
 *	  Parameter blocks that test/reference/network.py fills alike.
 */
#ifndef NETS_H
#define NETS_H

#include <math.h>
#include <string.h>

#include "core/network/vgsl.h"
#include "reference.h"

/* Value i of tensor number index. */
static inline double
nets_value(const HwrTensor *t, uint32_t index, uint32_t i)
{
	const char *part = strrchr(t->name, '.') + 1;
	double		x = reference_value(1000 + index, i);
	double		inputs = 1;

	if (strcmp(part, "kernel") == 0 || strcmp(part, "recurrent") == 0)
	{
		for (int j = 0; j < t->ndim - 1; j++)
			inputs *= t->shape[j];
		return x * sqrt(3.0 / inputs);
	}
	if (strcmp(part, "gamma") == 0 || strcmp(part, "variance") == 0)
		return 1.0 + 0.25 * x;
	return 0.1 * x;
}

#endif							/* NETS_H */
