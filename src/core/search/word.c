/*
 * word.c
 *	  From a word with wildcards to a deterministic automaton, by the subset construction.
 *
 * A position is how many elements of the word have been seen.  A set of positions is a state;
 * position 0 is in every one unless the word has to begin at once, for the word may begin anywhere.
 */
#include "word.h"

#include <stdlib.h>
#include <string.h>

#include "core/text/bidi.h"
#include "core/text/text.h"

#define SET_WORDS ((HWR_WORD_MAX + 1 + 63) / 64)

typedef struct Set
{
	uint64_t	bits[SET_WORDS];
} Set;

/* What the construction works with. */
typedef struct Builder
{
	HwrWord    *word;
	int			columns;
	int			room;			/* states there is memory for */
	Set		   *sets;			/* [room] */
	int		   *slots;			/* hash table of states, 0: free */
	int			nslots;
	HwrStatus  *st;
} Builder;

static bool
has(const Set *set, int i)
{
	return (set->bits[i / 64] >> (i % 64)) & 1;
}

static bool
begins_anywhere(const HwrWord *word)
{
	return word->kind == HWR_WORD_WHOLE || word->kind == HWR_WORD_PART;
}

static bool
is_whole(const HwrWord *word)
{
	return word->kind == HWR_WORD_WHOLE || word->kind == HWR_WORD_HERE;
}

/* Add a position, and those that a star lets one skip to. */
static void
add(const HwrWord *word, Set *set, int i)
{
	for (;; i++)
	{
		set->bits[i / 64] |= UINT64_C(1) << (i % 64);
		if (i == word->n || word->elements[i] != HWR_STAR)
			return;
	}
}

/* The positions after a symbol, by its column. */
static Set
step(const Builder *b, const Set *from, int column)
{
	const HwrWord *word = b->word;
	bool		separator = column == word->nsymbols + 1;
	uint32_t	symbol = column < word->nsymbols ? word->symbols[column] : HWR_SEPARATOR;
	Set			to = {{0}};

	if (begins_anywhere(word))
		add(word, &to, 0);
	for (int i = 0; i < word->n; i++)
	{
		uint32_t	e = word->elements[i];

		if (!has(from, i))
			continue;
		if (separator ? e == HWR_SEPARATOR : e == HWR_ANY || (column < word->nsymbols && e == symbol))
			add(word, &to, i + 1);
		if (!separator && e == HWR_STAR)
			add(word, &to, i);
		/* A run of separators is one. */
		if (separator && i > 0 && word->elements[i - 1] == HWR_SEPARATOR)
			add(word, &to, i);
	}
	return to;
}

static bool
is_empty(const Set *set)
{
	for (int i = 0; i < SET_WORDS; i++)
		if (set->bits[i] != 0)
			return false;
	return true;
}

static uint64_t
hash_of(const Set *set)
{
	uint64_t	h = UINT64_C(0x9e3779b97f4a7c15);

	for (int i = 0; i < SET_WORDS; i++)
	{
		h = (h ^ set->bits[i]) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	return h;
}

/* Room in the hash table for as many states as there is room for. */
static bool
hash_states(Builder *b)
{
	free(b->slots);
	b->nslots = b->room * 4;
	b->slots = hwr_alloc_zero((size_t) b->nslots, sizeof(int), b->st);
	if (b->slots == NULL)
		return false;
	for (int state = 1; state < b->word->nstates; state++)
	{
		uint64_t	at = hash_of(&b->sets[state]);

		while (b->slots[at & (uint64_t) (b->nslots - 1)] != 0)
			at++;
		b->slots[at & (uint64_t) (b->nslots - 1)] = state;
	}
	return true;
}

static bool
grow(Builder *b)
{
	int			room = b->room * 2;
	Set		   *sets;
	int		   *next;

	if (b->word->nstates >= HWR_WORD_MAX_STATES)
	{
		hwr_fail(b->st, HWR_BAD_QUERY, "search word is too complicated");
		return hwr_fail_hint(b->st, "Use fewer wildcards.");
	}
	sets = hwr_realloc(b->sets, (size_t) room, sizeof(Set), b->st);
	if (sets == NULL)
		return false;
	b->sets = sets;
	next = hwr_realloc(b->word->next, (size_t) room * (size_t) b->columns, sizeof(int), b->st);
	if (next == NULL)
		return false;
	b->word->next = next;
	b->room = room;
	return hash_states(b);
}

/* The state of a set, made if it is new; -2 on failure. */
static int
state_of(Builder *b, const Set *set)
{
	uint64_t	at = hash_of(set);
	int			state;

	if (has(set, b->word->n))
		return HWR_WORD_FOUND;
	if (is_empty(set))
		return -1;
	for (;; at++)
	{
		state = b->slots[at & (uint64_t) (b->nslots - 1)];
		if (state == 0)
			break;
		if (memcmp(&b->sets[state], set, sizeof(Set)) == 0)
			return state;
	}
	if (b->word->nstates == b->room)
	{
		if (!grow(b))
			return -2;
		for (at = hash_of(set); b->slots[at & (uint64_t) (b->nslots - 1)] != 0; at++)
			;
	}
	state = b->word->nstates++;
	b->sets[state] = *set;
	b->slots[at & (uint64_t) (b->nslots - 1)] = state;
	return state;
}

static bool
build_states(Builder *b)
{
	HwrWord    *word = b->word;
	Set			start = {{0}};

	for (int c = 0; c < b->columns; c++)
		word->next[c] = HWR_WORD_FOUND;
	memset(&b->sets[0], 0, sizeof(Set));
	word->nstates = 1;
	add(word, &start, 0);
	/* The beginning of a line is as good as a separator. */
	if (begins_anywhere(word))
		start = step(b, &start, word->nsymbols + 1);
	if (state_of(b, &start) != HWR_WORD_START)
		return hwr_fail(b->st, HWR_INTERNAL, "search word has no first state");
	for (int q = 1; q < word->nstates; q++)
	{
		Set			from = b->sets[q];

		for (int c = 0; c < b->columns; c++)
		{
			Set			to = step(b, &from, c);
			int			state = state_of(b, &to);

			if (state == -2)
				return false;
			word->next[(size_t) q * (size_t) b->columns + (size_t) c] = state;
		}
	}
	return true;
}

static bool
build(HwrWord *word, HwrStatus *st)
{
	Builder		b = {.word = word,.columns = word->nsymbols + 2,.room = 32,.st = st};
	bool		ok;

	b.sets = hwr_alloc((size_t) b.room, sizeof(Set), st);
	word->next = hwr_alloc((size_t) b.room * (size_t) b.columns, sizeof(int), st);
	ok = b.sets != NULL && word->next != NULL && hash_states(&b) && build_states(&b);
	free(b.sets);
	free(b.slots);
	return ok;
}

/* Whether it is a whole word of symbols alone. */
static bool
is_plain(const HwrWord *word)
{
	if (word->kind != HWR_WORD_WHOLE)
		return false;
	for (int i = 1; i < word->n - 1; i++)
		if (word->elements[i] == HWR_SEPARATOR || word->elements[i] >= HWR_ANY)
			return false;
	return true;
}

/*
 * The automaton of a plain word of L symbols, which needs no sets: state START + i after i of its symbols, and one in
 * another word.
 */
static bool
build_plain(HwrWord *word, HwrStatus *st)
{
	int			L = word->n - 2;
	int			columns = word->nsymbols + 2;
	int			another = HWR_WORD_START + L + 1;

	word->nstates = another + 1;
	word->next = hwr_alloc((size_t) word->nstates * (size_t) columns, sizeof(int), st);
	if (word->next == NULL)
		return false;
	for (int q = 0; q < word->nstates; q++)
	{
		int		   *row = word->next + q * columns;

		for (int c = 0; c < columns; c++)
			row[c] = q == HWR_WORD_FOUND ? HWR_WORD_FOUND : another;
		if (q == HWR_WORD_FOUND)
			continue;
		row[columns - 1] = q == another - 1 ? HWR_WORD_FOUND : HWR_WORD_START;
		if (q < another - 1)
			row[hwr_word_column(word, word->elements[q - HWR_WORD_START + 1])] = q + 1;
	}
	return true;
}

/* The automaton's table once more, as moves. */
static bool
build_moves(HwrWord *word, HwrStatus *st)
{
	int			columns = word->nsymbols + 2;

	if (word->nstates > HWR_MOVE_STATES)
		return true;
	word->moves = hwr_alloc((size_t) columns, sizeof(HwrMove), st);
	if (word->moves == NULL)
		return false;
	for (int c = 0; c < columns; c++)
	{
		int			to[HWR_MOVE_STATES];

		for (int q = 0; q < word->nstates; q++)
			to[q] = word->next[q * columns + c];
		hwr_move_make(&word->moves[c], to, word->nstates);
	}
	return true;
}

static int
compare_symbols(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

static bool
collect_symbols(HwrWord *word, HwrStatus *st)
{
	int			n = 0;

	word->symbols = hwr_alloc((size_t) word->n, sizeof(uint32_t), st);
	if (word->symbols == NULL)
		return false;
	for (int i = 0; i < word->n; i++)
		if (word->elements[i] != HWR_SEPARATOR && word->elements[i] < HWR_ANY)
			word->symbols[n++] = word->elements[i];
	qsort(word->symbols, (size_t) n, sizeof(uint32_t), compare_symbols);
	for (int i = 0; i < n; i++)
		if (i == 0 || word->symbols[i] != word->symbols[i - 1])
			word->symbols[word->nsymbols++] = word->symbols[i];
	return true;
}

/* One element more, unless it changes nothing. */
static void
put(HwrWord *word, uint32_t element)
{
	uint32_t	last = word->n > 0 ? word->elements[word->n - 1] : HWR_SEPARATOR;

	if ((element == HWR_SEPARATOR || element == HWR_STAR) && element == last)
		return;
	word->elements[word->n++] = element;
}

/*
 * Take the backslashes out of codepoints[n], noting what each of the rest stands for: 0 for itself, or a
 * wildcard.  Returns their number.
 */
static int
find_wildcards(uint32_t *codepoints, int n, uint32_t *wildcards)
{
	bool		escaped = false;
	int			left = 0;

	for (int i = 0; i < n; i++)
	{
		uint32_t	c = codepoints[i];

		if (!escaped && c == '\\')
		{
			escaped = true;
			continue;
		}
		wildcards[left] = escaped ? 0 : c == '?' ? HWR_ANY : c == '*' ? HWR_STAR : 0;
		codepoints[left++] = c;
		escaped = false;
	}
	return left;
}

/* The elements of a text in the order of its ink; separators at its ends are left out. */
static bool
parse(HwrWord *word, const char *utf8, size_t len, HwrStatus *st)
{
	uint32_t   *codepoints = NULL;
	uint32_t   *wildcards;
	int		   *order;
	int			count = 0;
	bool		ok;

	if (!hwr_text_decode(utf8, len, &codepoints, &count, st))
		return false;
	/* Room for separators around it, and for what a lone star needs. */
	word->elements = hwr_alloc((size_t) count * HWR_FOLD_MAX + 4, sizeof(uint32_t), st);
	wildcards = hwr_alloc((size_t) count, sizeof(uint32_t), st);
	order = hwr_alloc((size_t) count, sizeof(int), st);
	ok = word->elements != NULL && wildcards != NULL && order != NULL;
	if (ok)
	{
		count = find_wildcards(codepoints, count, wildcards);
		ok = hwr_bidi_reorder(codepoints, count, order, st);
	}
	if (ok && word->kind == HWR_WORD_WHOLE)
		word->elements[word->n++] = HWR_SEPARATOR;
	for (int i = 0; ok && i < count; i++)
	{
		HwrFold		fold = hwr_fold(codepoints[i]);

		if (wildcards[order[i]] != 0)
			put(word, wildcards[order[i]]);
		else
			for (int j = 0; j < fold.n; j++)
				put(word, fold.symbols[j]);
	}
	free(codepoints);
	free(wildcards);
	free(order);
	return ok;
}

/* A star between separators is a word, not nothing: one letter more. */
static void
fill_stars(HwrWord *word)
{
	for (int i = 0; i < word->n; i++)
	{
		if (word->elements[i] != HWR_STAR || (i > 0 && word->elements[i - 1] != HWR_SEPARATOR) ||
			(i + 1 < word->n && word->elements[i + 1] != HWR_SEPARATOR))
			continue;
		memmove(word->elements + i + 1, word->elements + i, (size_t) (word->n - i) * sizeof(uint32_t));
		word->elements[i++] = HWR_ANY;
		word->n++;
	}
}

/* Stars around a part of a word change nothing, as long as there is something else. */
static void
strip_stars(HwrWord *word)
{
	while (word->n > 1 && word->elements[word->n - 1] == HWR_STAR && word->elements[word->n - 2] != HWR_SEPARATOR)
		word->n--;
	while (word->n > 1 && word->elements[0] == HWR_STAR && word->elements[1] != HWR_SEPARATOR)
		memmove(word->elements, word->elements + 1, (size_t) --word->n * sizeof(uint32_t));
}

/* What a word needs that has been parsed: something in it, an end. */
static bool
complete(HwrWord *word, HwrStatus *st)
{
	int			first = word->kind == HWR_WORD_WHOLE ? 1 : 0;

	while (word->n > first && word->elements[word->n - 1] == HWR_SEPARATOR)
		word->n--;
	if (word->n == first)
	{
		hwr_fail(st, HWR_BAD_QUERY, "search word is empty");
		return hwr_fail_detail(st, "It has no letter, digit or wildcard.");
	}
	if (!is_whole(word))
		strip_stars(word);
	fill_stars(word);
	if (is_whole(word))
		word->elements[word->n++] = HWR_SEPARATOR;
	if (word->n > HWR_WORD_MAX)
	{
		hwr_fail(st, HWR_BAD_QUERY, "search word is too long");
		return hwr_fail_detail(st, "It has %d characters; the limit is %d.", word->n, HWR_WORD_MAX - 2);
	}
	return true;
}

bool
hwr_word_compile(const char *utf8, size_t len, HwrWordKind kind, HwrWord **out, HwrStatus *st)
{
	HwrWord    *word = hwr_alloc_zero(1, sizeof(HwrWord), st);

	if (word == NULL)
		return false;
	word->kind = kind;
	if (!parse(word, utf8, len, st) || !complete(word, st) || !collect_symbols(word, st) ||
		!(is_plain(word) ? build_plain(word, st) : build(word, st)) || !build_moves(word, st))
	{
		hwr_word_free(word);
		return false;
	}
	*out = word;
	return true;
}

void
hwr_word_free(HwrWord *word)
{
	if (word == NULL)
		return;
	free(word->elements);
	free(word->symbols);
	free(word->next);
	free(word->moves);
	free(word);
}

int
hwr_word_column(const HwrWord *word, uint32_t symbol)
{
	int			lo = 0;
	int			hi = word->nsymbols;

	if (symbol == HWR_SEPARATOR)
		return word->nsymbols + 1;
	while (lo < hi)
	{
		int			mid = lo + (hi - lo) / 2;

		if (word->symbols[mid] < symbol)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < word->nsymbols && word->symbols[lo] == symbol ? lo : word->nsymbols;
}
