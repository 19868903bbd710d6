/*
 * lm_file.c
 *	  A language model as bytes.
 *
 * Numbers are variable-length: seven bits a byte, the lowest first, the eighth set in all but the last.
 *
 *	 "HWLM", one byte each: format version, order, case mapping (0 keep, 1 upper, 2 lower)
 *	 number of characters; their code points, each as its distance from the one before it
 *	 number of nodes of each level 1 .. order
 *	 of each node, level by level: its symbol, as the distance from the next that could have followed its elder
 *	 sister; two bytes -log P * 1024, low first; and before the last level the number of its children, followed, if that is
 *	 not zero, by two bytes of back-off weight alike
 */
#include "lm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lm_internal.h"

#define FORMAT_VERSION 2
static const char magic[4] = {'H', 'W', 'L', 'M'};

typedef struct Writer
{
	uint8_t    *bytes;
	size_t		len;
	size_t		size;
} Writer;

typedef struct Reader
{
	const uint8_t *bytes;
	size_t		len;
	size_t		pos;
	bool		bad;			/* something was missing or out of range */
} Reader;

/* Room for one node at least. */
static bool
make_room(Writer *w, HwrStatus *st)
{
	const size_t need = 64;
	uint8_t    *grown;

	if (w->len + need <= w->size)
		return true;
	grown = hwr_realloc(w->bytes, 2 * w->size + 1024, 1, st);
	if (grown == NULL)
		return false;
	w->bytes = grown;
	w->size = 2 * w->size + 1024;
	return true;
}

static void
put_number(Writer *w, unsigned value)
{
	for (; value >= 0x80; value >>= 7)
		w->bytes[w->len++] = (uint8_t) (value | 0x80);
	w->bytes[w->len++] = (uint8_t) value;
}

static void
put_log(Writer *w, float logp)
{
	unsigned	q = hwr_lm_quantize(logp);

	w->bytes[w->len++] = (uint8_t) (q & 0xff);
	w->bytes[w->len++] = (uint8_t) (q >> 8);
}

static bool
put_header(Writer *w, const HwrLm *lm, HwrStatus *st)
{
	uint32_t	previous = 0;

	if (!make_room(w, st))
		return false;
	memcpy(w->bytes, magic, sizeof(magic));
	w->len = sizeof(magic);
	w->bytes[w->len++] = FORMAT_VERSION;
	w->bytes[w->len++] = (uint8_t) lm->order;
	w->bytes[w->len++] = (uint8_t) lm->mapping;
	put_number(w, (unsigned) lm->vocabulary.n);
	for (int i = 0; i < lm->vocabulary.n; i++)
	{
		if (!make_room(w, st))
			return false;
		put_number(w, lm->vocabulary.codepoints[i] - previous);
		previous = lm->vocabulary.codepoints[i];
	}
	for (int m = 1; m <= lm->order; m++)
	{
		if (!make_room(w, st))
			return false;
		put_number(w, (unsigned) (lm->level[m + 1] - lm->level[m]));
	}
	return true;
}

bool
hwr_lm_save(const HwrLm *lm, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	Writer		w = {0};
	bool		ok = put_header(&w, lm, st);

	for (int parent = 0; ok && parent < hwr_lm_inner(lm); parent++)
	{
		int			next = 0;

		for (int node = lm->children[parent]; ok && node < lm->children[parent + 1]; node++)
		{
			ok = make_room(&w, st);
			if (!ok)
				break;
			put_number(&w, (unsigned) (lm->symbol[node] - next));
			next = lm->symbol[node] + 1;
			put_log(&w, lm->logp[node]);
			if (node >= hwr_lm_inner(lm))
				continue;
			put_number(&w, (unsigned) (lm->children[node + 1] - lm->children[node]));
			if (lm->children[node + 1] > lm->children[node])
				put_log(&w, lm->backoff[node]);
		}
	}
	if (!ok)
	{
		free(w.bytes);
		return false;
	}
	*bytes = w.bytes;
	*len = w.len;
	return true;
}

static inline uint8_t
get_byte(Reader *r)
{
	if (r->pos >= r->len)
	{
		r->bad = true;
		return 0;
	}
	return r->bytes[r->pos++];
}

/* A number from 0 to limit, in as few bytes as it needs. */
static int
get_long_number(Reader *r, int limit)
{
	uint64_t	value = 0;

	for (int shift = 0; shift < 35; shift += 7)
	{
		uint8_t		byte = get_byte(r);

		value |= (uint64_t) (byte & 0x7f) << shift;
		if (byte < 0x80)
		{
			bool		shortest = byte > 0 || shift == 0;

			if (shortest && value <= (uint64_t) limit)
				return (int) value;
			break;
		}
	}
	r->bad = true;
	return 0;
}

/* Most numbers take one byte; a session's first reading waits for all of them. */
static inline int
get_number(Reader *r, int limit)
{
	if (r->pos < r->len && r->bytes[r->pos] < 0x80 && r->bytes[r->pos] <= limit)
		return r->bytes[r->pos++];
	return get_long_number(r, limit);
}

static inline float
get_log(Reader *r)
{
	unsigned	low = get_byte(r);

	return hwr_lm_dequantize(low | (unsigned) get_byte(r) << 8);
}

static bool
damaged(HwrStatus *st, const char *where)
{
	hwr_fail(st, HWR_BAD_MODEL, "language model is corrupted");
	return hwr_fail_detail(st, "Its %s cannot be read.", where);
}

static bool
get_vocabulary(Reader *r, HwrLm *lm, HwrStatus *st)
{
	/* Each character takes a byte at least. */
	int			n = get_number(r, r->len < 0x110000 ? (int) r->len : 0x110000);
	uint32_t	previous = 0;

	if (r->bad)
		return damaged(st, "characters");
	lm->vocabulary.codepoints = hwr_alloc((size_t) n, sizeof(uint32_t), st);
	if (lm->vocabulary.codepoints == NULL)
		return false;
	lm->vocabulary.n = n;
	for (int i = 0; i < n; i++)
	{
		uint32_t	step = (uint32_t) get_number(r, 0x10ffff);

		if (r->bad || step == 0 || previous + step > 0x10ffff)
			return damaged(st, "characters");
		previous += step;
		lm->vocabulary.codepoints[i] = previous;
	}
	return true;
}

static bool
get_levels(Reader *r, HwrLm *lm, HwrStatus *st)
{
	/* Each node takes three bytes at least. */
	size_t		most = r->len / 3;
	int			limit = most < INT_MAX / 2 ? (int) most : INT_MAX / 2;

	lm->level[1] = 1;
	for (int m = 1; m <= lm->order; m++)
	{
		int			n = get_number(r, limit);

		limit -= n;
		lm->level[m + 1] = lm->level[m] + n;
	}
	if (r->bad || lm->level[2] - lm->level[1] != lm->vocabulary.n + 2)
		return damaged(st, "levels");
	return true;
}

/* All children of one node; *next is the first number not yet given to a child. */
static bool
get_children(Reader *r, HwrLm *lm, int parent, int n, int *next, int *grandchildren, HwrStatus *st)
{
	int			symbols = lm->vocabulary.n + 2;
	int			symbol = 0;

	if (n > hwr_lm_nodes(lm) - *next)
		return damaged(st, "n-grams");
	lm->children[parent] = *next;
	for (int i = 0; i < n; i++)
	{
		int			node = (*next)++;

		symbol += get_number(r, symbols - 1);
		if (r->bad || symbol >= symbols)
			return damaged(st, "n-grams");
		lm->symbol[node] = symbol++;
		lm->logp[node] = get_log(r);
		if (node >= hwr_lm_inner(lm))
			continue;
		grandchildren[node] = get_number(r, symbols);
		if (grandchildren[node] > 0)
			lm->backoff[node] = get_log(r);
	}
	return r->bad ? damaged(st, "n-grams") : true;
}

static bool
get_nodes(Reader *r, HwrLm *lm, HwrStatus *st)
{
	int			inner = hwr_lm_inner(lm);
	int		   *nchildren = hwr_alloc_zero((size_t) inner, sizeof(int), st);
	int			next = 1;
	bool		ok = nchildren != NULL;

	if (ok)
		nchildren[0] = lm->vocabulary.n + 2;
	for (int m = 1; ok && m <= lm->order; m++)
	{
		for (int parent = lm->level[m - 1]; ok && parent < lm->level[m]; parent++)
			ok = get_children(r, lm, parent, nchildren[parent], &next, nchildren, st);
		if (ok && next != lm->level[m + 1])
			ok = damaged(st, "n-grams");
	}
	if (ok)
		lm->children[inner] = next;
	free(nchildren);
	return ok;
}

bool
hwr_lm_load(const uint8_t *bytes, size_t len, HwrLm **out, HwrStatus *st)
{
	Reader		r = {.bytes = bytes,.len = len};
	HwrLm	   *lm;
	int			version;
	int			mapping;
	bool		ok;

	if (len < sizeof(magic) + 3 || memcmp(bytes, magic, sizeof(magic)) != 0)
		return damaged(st, "header");
	r.pos = sizeof(magic);
	version = get_byte(&r);
	if (version > FORMAT_VERSION)
		return hwr_fail(st, HWR_MODEL_TOO_NEW, "language model format version %d is not supported", version);
	lm = hwr_alloc_zero(1, sizeof(HwrLm), st);
	if (lm == NULL)
		return false;
	lm->order = get_byte(&r);
	mapping = get_byte(&r);
	ok = version == FORMAT_VERSION && lm->order >= 1 && lm->order <= HWR_LM_MAX_ORDER && mapping <= HWR_CASE_LOWER;
	if (ok)
		lm->mapping = (HwrCase) mapping;
	else
		damaged(st, "header");
	ok = ok && get_vocabulary(&r, lm, st) && get_levels(&r, lm, st) &&
		hwr_lm_allocate(lm, st) && get_nodes(&r, lm, st);
	if (ok && (r.pos != len || !hwr_lm_link(lm, true, NULL, NULL, NULL)))
		ok = damaged(st, "end");
	if (ok)
		*out = lm;
	else
		hwr_lm_free(lm);
	return ok;
}
