/*
 * upright.h
 *	  Which way up a page is.
 *
 * The network that finds lines finds fewer in writing that stands on its head, and next to none in writing that lies on its side.
 */
#ifndef HWR_PAGE_UPRIGHT_H
#define HWR_PAGE_UPRIGHT_H

#include "line_net.h"

/* What is known after some tries. */
typedef struct HwrTurns
{
	int			tried;			/* turns that the whole page was looked at in */
	double		sureness;		/* of the page as it lies */
	double		head;			/* of a tile of it upside down */
} HwrTurns;

/*
 * The turn, in quarters clockwise, to look at the whole page in next; the one that it was looked at in, turn,
 * where that is the best.  The lines are made of the maps of the last.  maps->v may be NULL: no writing was
 * found.  One tile at most is computed.
 */
extern bool hwr_page_next_turn(HwrTurns *turns, int turn, HwrLineNet *net, const HwrPageCanvas *canvas, const HwrLineMaps *maps,
							   int *next, HwrStatus *st);

#endif							/* HWR_PAGE_UPRIGHT_H */
