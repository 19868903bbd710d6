/*
 * transfer.h
 *	  A trained model's values as the first values of another network.
 */
#ifndef HWR_TRANSFER_H
#define HWR_TRANSFER_H

#include "core/model/model.h"

/*
 * Overwrite values[net->nvalues], which hold a network's first values, with the base's.  Both networks differ in the
 * output layer only, whose rows go by character: the blank and the characters that both alphabets have get the base's,
 * others keep their kernels and get the mean bias of the base's characters.  Heads keep their first values.  Error:
 * HWR_INTERNAL where another layer differs.
 */
extern bool hwr_transfer_values(const HwrModel *base, const HwrNet *net, const HwrAlphabet *alphabet,
								float *values, HwrStatus *st);

#endif							/* HWR_TRANSFER_H */
