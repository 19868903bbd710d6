/*
 * names.c
 *	  Many names as a tree of prefixes.
 */
#include "match.h"

#include <stdlib.h>
#include <string.h>

#include "match_internal.h"

/* Work, counted in symbols and steps of a line, between two questions whether to stop. */
#define WORK_BETWEEN_STOPS ((size_t) 1 << 20)

bool
hwr_names_create(HwrNames **out, HwrStatus *st)
{
	*out = hwr_alloc_zero(1, sizeof(HwrNames), st);
	return *out != NULL;
}

void
hwr_names_set_stop(HwrNames *names, HwrStopFn stop, void *arg)
{
	names->stop = stop;
	names->stop_arg = arg;
}

bool
hwr_names_go_on(HwrNames *names, size_t work, HwrStatus *st)
{
	names->work += work;
	if (names->work < WORK_BETWEEN_STOPS)
		return true;
	names->work = 0;
	return names->stop == NULL || !names->stop(names->stop_arg) || hwr_fail(st, HWR_CANCELLED, "cancelled");
}

void
hwr_names_free(HwrNames *names)
{
	if (names == NULL)
		return;
	free(names->names);
	free(names->pool);
	free(names->nodes);
	free(names->same);
	free(names);
}

int
hwr_names_count(const HwrNames *names)
{
	return names->different;
}

int
hwr_names_same(const HwrNames *names, int number)
{
	return names->same[number];
}

static bool
too_many(HwrStatus *st)
{
	hwr_fail(st, HWR_BAD_QUERY, "there are too many candidates");
	return hwr_fail_detail(st, "Together they may have %d characters.", HWR_NAMES_MAX_SYMBOLS);
}

bool
hwr_names_add(HwrNames *names, const char *utf8, size_t len, int number, HwrStatus *st)
{
	uint32_t   *symbols;
	int			n;
	HwrStatus	bad;

	/* A character has four bytes at most, and folds to a few. */
	if (len > 4 * (size_t) HWR_NAMES_MAX_SYMBOLS)
		return too_many(st);
	if (!hwr_fold_text(utf8, len, true, &symbols, &n, &bad))
	{
		if (bad.code == HWR_BAD_LABEL)
			return true;
		*st = bad;
		return false;
	}
	if (n == 0 || names->npool + (size_t) n > HWR_NAMES_MAX_SYMBOLS)
	{
		free(symbols);
		return n == 0 || too_many(st);
	}
	if (names->n == names->room)
	{
		int			room = names->room * 2 + 64;
		HwrName	   *grown = hwr_realloc(names->names, (size_t) room, sizeof(HwrName), st);

		if (grown == NULL)
		{
			free(symbols);
			return false;
		}
		names->names = grown;
		names->room = room;
	}
	if (names->npool + (size_t) n > names->pool_room)
	{
		size_t		room = (names->npool + (size_t) n) * 2;
		uint32_t   *grown = hwr_realloc(names->pool, room, sizeof(uint32_t), st);

		if (grown == NULL)
		{
			free(symbols);
			return false;
		}
		names->pool = grown;
		names->pool_room = room;
	}
	memcpy(names->pool + names->npool, symbols, (size_t) n * sizeof(uint32_t));
	free(symbols);
	names->names[names->n++] = (HwrName) {(int) names->npool, n, number};
	names->npool += (size_t) n;
	names->depth = n > names->depth ? n : names->depth;
	names->most = number > names->most ? number : names->most;
	return true;
}

static int
compare_names(const HwrNames *names, const HwrName *a, const HwrName *b)
{
	int			n = a->n < b->n ? a->n : b->n;

	for (int i = 0; i < n; i++)
	{
		uint32_t	x = names->pool[a->from + i];
		uint32_t	y = names->pool[b->from + i];

		if (x != y)
			return x < y ? -1 : 1;
	}
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

/* Merge sort: qsort has no place for the pool, and cannot be stopped. */
static bool
sort_names(HwrNames *names, HwrName *from, HwrName *to, int n, HwrStatus *st)
{
	int			half = n / 2;
	int			a = 0;
	int			b = half;

	if (n < 2)
		return true;
	if (!sort_names(names, to, from, half, st) || !sort_names(names, to + half, from + half, n - half, st))
		return false;
	for (int i = 0; i < n; i++)
	{
		bool		first = a < half && (b == n || compare_names(names, &from[a], &from[b]) <= 0);

		to[i] = first ? from[a++] : from[b++];
		if (!hwr_names_go_on(names, (size_t) to[i].n + 1, st))
			return false;
	}
	return true;
}

/* The tree of the names, which are sorted: path[depth] is the node of the last name at each depth. */
static bool
build_tree(HwrNames *names, int *path, HwrStatus *st)
{
	const HwrName *last = NULL;

	names->nodes = hwr_alloc(names->npool + 1, sizeof(HwrNode), st);
	names->same = hwr_alloc((size_t) names->most + 1, sizeof(int), st);
	if (names->nodes == NULL || names->same == NULL)
		return false;
	for (int i = 0; i <= names->most; i++)
		names->same[i] = -1;
	names->nodes[0] = (HwrNode) {.symbol = HWR_SEPARATOR,.number = -1};
	names->nnodes = 1;
	path[0] = 0;
	for (int i = 0; i < names->n; i++)
	{
		const HwrName *name = &names->names[i];
		const uint32_t *symbols = names->pool + name->from;
		int			common = 0;

		if (!hwr_names_go_on(names, (size_t) name->n + 1, st))
			return false;
		while (last != NULL && common < last->n && common < name->n &&
			   symbols[common] == names->pool[last->from + common])
			common++;
		if (last != NULL && common == name->n && common == last->n)
		{
			names->same[last->number] = name->number;
			last = name;
			continue;
		}
		for (int d = common; d < name->n; d++)
		{
			int			node = names->nnodes++;
			HwrNode	   *parent = &names->nodes[path[d]];

			/* Siblings come in the order of symbols: the first child is followed by what it had before. */
			names->nodes[node] = (HwrNode) {.symbol = symbols[d],.number = -1,.next = parent->child};
			parent->child = node;
			path[d + 1] = node;
		}
		names->nodes[path[name->n]].number = name->number;
		names->different++;
		last = name;
	}
	return true;
}

bool
hwr_names_finish(HwrNames *names, HwrStatus *st)
{
	HwrName	   *copy = hwr_alloc((size_t) names->n, sizeof(HwrName), st);
	int		   *path = hwr_alloc((size_t) names->depth + 1, sizeof(int), st);
	bool		ok = false;

	if (copy != NULL && path != NULL)
	{
		if (names->n > 0)
			memcpy(copy, names->names, (size_t) names->n * sizeof(HwrName));
		ok = sort_names(names, copy, names->names, names->n, st) && build_tree(names, path, st);
	}
	free(copy);
	free(path);
	return ok;
}

