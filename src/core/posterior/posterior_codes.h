/*
 * posterior_codes.h
 *	  How the characters and the steps of a kept posterior are told, choice by choice.
 *
 * The characters: whether most are of CODES_FIRST .. CODES_LAST; if so, of each of these whether it is among them, and
 * the others, or all, by their distances.
 *
 * A step is told by the one before, in which only the blank was kept before the first step:
 *	 whether the same class is the most probable one; if not, whether the blank is, else which, of those of the step before or
 *	 any;
 *	 of each other class of the step before, and of the blank, whether it is kept, and if so its level;
 *	 whether there is another one, and if so its level and which it is, the most probable first.
 * What has been the level of a class at the last two steps tells much of what it is.  Any class is told by how often it
 * was told so in this line.
 *
 * There is one way to tell what is told, and no other is read.
 *
 * A level is the number of the nearest of 15 values of -16 ln p that makes p no larger; after LESS a byte says a
 * value above the last.  The most probable class has no level: it has what the others leave of 1.
 */
#ifndef HWR_POSTERIOR_CODES_H
#define HWR_POSTERIOR_CODES_H

#include "posterior_internal.h"
#include "range_coder.h"

#define CODES_FIRST 32
#define CODES_LAST 383

/* Levels of classes as contexts: 0 is the most probable class, 1 .. 15 are levels. */
#define ABSENT 16
#define NLEVELS 17
#define LESS LEVELS
#define TRENDS 4
#define MAX_WHICH 8
#define MAX_MORE 3

/* Where the odds of each kind of choice begin in hwr_posterior_odds. */
enum
{
	ODDS_CHARACTER = 0,
	ODDS_SAME = ODDS_CHARACTER + CODES_LAST + 1 - CODES_FIRST,
	ODDS_BLANK = ODDS_SAME + 2 * NLEVELS,
	ODDS_BEFORE = ODDS_BLANK + NLEVELS,
	ODDS_WHICH = ODDS_BEFORE + NLEVELS,
	ODDS_STAYS = ODDS_WHICH + MAX_WHICH,
	ODDS_LEVEL = ODDS_STAYS + NLEVELS * TRENDS * 4,
	ODDS_MORE = ODDS_LEVEL + NLEVELS * TRENDS * 16,
	ODDS_NEW = ODDS_MORE + MAX_MORE * 4 * 16,
	ODDS_N = ODDS_NEW + 2 * 16 * 16
};

/*
 * Of a choice between two: how probable it is that the bit is set.  Of levels, 16 in a row: what all before each one have
 * together.  In units of 1 / 4096.
 */
extern const uint16_t hwr_posterior_odds[ODDS_N];

/* A class of a step. */
typedef struct HwrCoded
{
	int			class;
	uint8_t		level;
	uint8_t		before;			/* its level at the step before */
	uint8_t		q;				/* -16 ln p, not of the most probable */
} HwrCoded;

typedef struct HwrCodedStep
{
	int			n;
	int			second;			/* the best level but that of the most probable, */
	HwrCoded   *items;			/* which is the first; [classes] */
} HwrCodedStep;

/* What goes along from step to step. */
typedef struct HwrStepCodes
{
	HwrCodedStep last;
	HwrCodedStep now;
	bool		same;			/* the most probable class is that of the last step */
	int			step;			/* the present one, from 1 on */
	int		   *told;			/* [classes] the step that said last whether the class is kept in it */
	uint32_t   *shares;			/* [classes] how often each class was told, and once; of the blank none */
	uint32_t   *sums;			/* [2 * power] a tree of their sums (Fenwick), full beyond the classes */
	int			power;			/* of two, above half of the classes */
	uint32_t	all;			/* the sum of all */
	int			classes;		/* with the blank */
	size_t		items_room[2];
	size_t		told_room;
	size_t		shares_room;
	size_t		sums_room;
} HwrStepCodes;

extern bool hwr_codes_begin(HwrStepCodes *codes, int classes, HwrStatus *st);
extern void hwr_codes_free(HwrStepCodes *codes);

/* The present step becomes the last one. */
extern void hwr_codes_next(HwrStepCodes *codes);

/* The shares of the classes before this one; the class that a unit belongs to, and what is before it. */
extern uint32_t hwr_codes_before(const HwrStepCodes *codes, int class);
extern int	hwr_codes_find(const HwrStepCodes *codes, uint32_t unit, uint32_t *before);

/* Count a class that was told. */
extern void hwr_codes_count(HwrStepCodes *codes, int class);

/* Add a class to the present step. */
static inline void
hwr_codes_add(HwrStepCodes *codes, int class, int level, int before, int q)
{
	HwrCodedStep *now = &codes->now;

	now->items[now->n++] = (HwrCoded) {class, (uint8_t) level, (uint8_t) before, (uint8_t) q};
	if (level > 0 && level < now->second)
		now->second = level;
	codes->told[class] = codes->step;
}

/* A level's number as a context. */
static inline int
hwr_codes_level(int number)
{
	return number < LESS ? number + 1 : LESS;
}

/* The odds of choices. */
static inline int
hwr_odds_same(const HwrCodedStep *last)
{
	return ODDS_SAME + (last->items[0].class == 0) * NLEVELS + last->second;
}

static inline int
hwr_odds_which(int passed)
{
	return ODDS_WHICH + (passed < MAX_WHICH ? passed : MAX_WHICH - 1);
}

static inline int
hwr_odds_trend(int level, int before)
{
	return level * TRENDS + (before == ABSENT ? 3 : before > level + 1 ? 2 : before + 1 >= level ? 1 : 0);
}

static inline int
hwr_odds_stays(const HwrStepCodes *codes, int level, int before)
{
	return ODDS_STAYS + hwr_odds_trend(level, before) * 4 + codes->same * 2 + (codes->now.items[0].class == 0);
}

static inline int
hwr_odds_level(int level, int before)
{
	return ODDS_LEVEL + hwr_odds_trend(level, before) * 16;
}

/* more: new ones so far, the last of them at level */
static inline int
hwr_odds_more(const HwrStepCodes *codes, int more, int level)
{
	int			so_far = more < MAX_MORE ? more : MAX_MORE - 1;

	return ODDS_MORE + ((so_far * 2 + codes->same) * 2 + (codes->now.items[0].class == 0)) * 16 + level;
}

static inline int
hwr_odds_new(const HwrStepCodes *codes, int level)
{
	return ODDS_NEW + ((codes->now.items[0].class == 0) * 16 + level) * 16;
}

#endif							/* HWR_POSTERIOR_CODES_H */
