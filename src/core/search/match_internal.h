/*
 * match_internal.h
 *	  The tree of names that names.c makes and match.c goes through.
 */
#ifndef HWR_MATCH_INTERNAL_H
#define HWR_MATCH_INTERNAL_H

#include "match.h"

typedef struct HwrName
{
	int			from;			/* in the pool of symbols */
	int			n;
	int			number;
} HwrName;

typedef struct HwrNode
{
	uint32_t	symbol;
	int			child;			/* the first, 0: none */
	int			next;			/* sibling, 0: none */
	int			number;			/* of the name that ends here, -1: none */
} HwrNode;

struct HwrNames
{
	int			n;
	int			room;
	HwrName    *names;
	size_t		npool;
	size_t		pool_room;
	uint32_t   *pool;
	int			nnodes;
	HwrNode    *nodes;			/* [nnodes], 0 is the root */
	int			depth;			/* of the longest name */
	int			different;
	size_t		work;			/* since stop was asked */
	HwrStopFn	stop;
	void	   *stop_arg;
	int			most;			/* the highest number */
	int		   *same;			/* [most + 1] the next number with the same text, -1: none */
};

/* Count work; false, with HWR_CANCELLED, where it is to stop. */
extern bool hwr_names_go_on(HwrNames *names, size_t work, HwrStatus *st);

#endif							/* HWR_MATCH_INTERNAL_H */
