/*
 * emulated.h
 *	  Fewer rounds under emulation, which takes some two hundred times as long (tools/check-arm).
 */
#ifndef EMULATED_H
#define EMULATED_H

#include <stdlib.h>

static inline int
emulated_rounds(int all, int few)
{
	return getenv("HWR_EMULATED") != NULL ? few : all;
}

#endif							/* EMULATED_H */
