/*
 * pattern_internal.h
 *	  What pattern.c makes of a pattern, and automaton.c makes an automaton of.
 *
 * A position is a character of the pattern.  What follows it, and which of them a state has, are sets of positions; one
 * more, the last, stands for the end of the text.
 */
#ifndef HWR_PATTERN_INTERNAL_H
#define HWR_PATTERN_INTERNAL_H

#include "pattern.h"

#define HWR_POSITION_WORDS ((HWR_PATTERN_MAX_POSITIONS + 1 + 63) / 64)

typedef struct HwrRange
{
	uint32_t	from;
	uint32_t	to;				/* below from: letters and digits */
} HwrRange;

/* What may stand at a position: ranges[first .. first + n), or anything but them. */
typedef struct HwrPosition
{
	int			first;
	int			n;
	bool		excluded;
} HwrPosition;

typedef struct HwrPositionSet
{
	uint64_t	bits[HWR_POSITION_WORDS];
} HwrPositionSet;

struct HwrPattern
{
	bool		ignore_case;
	int			npositions;
	HwrPosition *positions;		/* [HWR_PATTERN_MAX_POSITIONS] */
	HwrPositionSet *follow;		/* [HWR_PATTERN_MAX_POSITIONS + 1], the last: what a text begins with */
	int			nranges;
	int			room;
	HwrRange   *ranges;
};

static inline void
hwr_position_put(HwrPositionSet *set, int i)
{
	set->bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline bool
hwr_position_in(const HwrPositionSet *set, int i)
{
	return (set->bits[i / 64] >> (i % 64)) & 1;
}

static inline void
hwr_position_merge(HwrPositionSet *to, const HwrPositionSet *from)
{
	for (int i = 0; i < HWR_POSITION_WORDS; i++)
		to->bits[i] |= from->bits[i];
}

#endif							/* HWR_PATTERN_INTERNAL_H */
