/*
 * column.c
 *	  Values that stand under one another, read together: forward and backward sums.
 */
#include "column.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "column_near.h"
#include "column_law.h"

/* Times that the law is learned and the shares are computed. */
#define PASSES 4

/* The laws that a column may follow: its values go on, or have no order and are near others by some width, or are anywhere. */
#define ORDER 0
#define LAWS (HWR_COLUMN_WIDTHS + 2)

/* That a column has an order, where nothing is known of it. */
#define ORDERED 0.5

/* Without any value that the rest may have, sums must not vanish. */
#define LEAST 1e-30

typedef struct Row
{
	HwrColumnValue *values;		/* [n], malloc'd */
	double	   *sums;			/* [2][n + 1], forward and backward, each summing to one; the last: any other value; malloc'd */
	int			n;
	double		rest;			/* of the ink, for any other value */
	int			best;			/* value with the largest share, -1: none */
} Row;

struct HwrColumn
{
	Row		   *rows;			/* [n], malloc'd with room for more */
	int			n;
	int			room;
	HwrColumnLaw law;			/* of n rows, once hwr_column_begin has been called */
	HwrColumnNear alone;
	int			laws;			/* that the column may follow, at most LAWS */
	double		weights[LAWS];	/* at first the logs of how probable the ink is, then of the laws, summing to one */
	int			pass;
	int			at;				/* the next row of the pass: 0 .. n - 1 forward, n .. 2n - 1 backward */
};

bool
hwr_column_create(HwrColumn **out, HwrStatus *st)
{
	*out = hwr_alloc_zero(1, sizeof(HwrColumn), st);
	return *out != NULL;
}

void
hwr_column_free(HwrColumn *column)
{
	if (column == NULL)
		return;
	for (int i = 0; i < column->n; i++)
	{
		free(column->rows[i].values);
		free(column->rows[i].sums);
	}
	free(column->rows);
	hwr_column_law_free(&column->law);
	hwr_column_near_free(&column->alone);
	free(column);
}

int
hwr_column_rows(const HwrColumn *column)
{
	return column->n;
}

const HwrColumnValue *
hwr_column_values(const HwrColumn *column, int row, int *n)
{
	*n = column->rows[row].n;
	return column->rows[row].values;
}

const double *
hwr_column_weights(const HwrColumn *column, int *laws)
{
	*laws = column->laws;
	return column->weights;
}

/* Give a row these values. */
static bool
set_values(Row *row, const HwrColumnValue *values, int n, HwrStatus *st)
{
	HwrColumnValue *copy = hwr_alloc_zero((size_t) n + 1, sizeof(HwrColumnValue), st);
	double	   *sums = hwr_alloc_zero(2 * (size_t) (n + 1), sizeof(double), st);
	double		rest = 1;

	if (copy == NULL || sums == NULL)
	{
		free(copy);
		free(sums);
		return false;
	}
	for (int i = 0; i < n; i++)
	{
		copy[i] = values[i];
		rest -= values[i].ink;
	}
	free(row->values);
	free(row->sums);
	*row = (Row) {copy, sums, n, rest > LEAST ? rest : LEAST, -1};
	return true;
}

bool
hwr_column_add(HwrColumn *column, const HwrColumnValue *values, int n, HwrStatus *st)
{
	Row		   *row;

	if (column->n == column->room)
	{
		int			room = column->room == 0 ? 64 : 2 * column->room;
		Row		   *rows = hwr_realloc(column->rows, (size_t) room, sizeof(Row), st);

		if (rows == NULL)
			return false;
		column->rows = rows;
		column->room = room;
	}
	row = &column->rows[column->n];
	*row = (Row) {0};
	if (!set_values(row, values, n, st))
		return false;
	column->n++;
	return true;
}

bool
hwr_column_add_value(HwrColumn *column, int row, const HwrColumnValue *value, HwrStatus *st)
{
	Row		   *r = &column->rows[row];
	HwrColumnValue *values = hwr_alloc_zero((size_t) r->n + 1, sizeof(HwrColumnValue), st);
	int			best;
	bool		ok;

	if (values == NULL)
		return false;
	if (r->n > 0)
		memcpy(values, r->values, (size_t) r->n * sizeof(HwrColumnValue));
	values[r->n] = *value;
	if (value->ink > r->rest)
		values[r->n].ink = r->rest;
	best = r->best;
	ok = set_values(r, values, r->n + 1, st);
	/* the next rows' expectations go by it */
	r->best = best;
	free(values);
	return ok;
}

/* How much more probable a value's kind is here than by itself. */
static double
kind_factor(const HwrColumn *column, int row, const HwrColumnValue *value)
{
	return HWR_COLUMN_KINDS * hwr_column_law_kind(&column->law, row, value->kind);
}

double
hwr_column_factor(const HwrColumn *column, int row, const HwrColumnValue *before, const HwrColumnValue *value)
{
	double		jump = hwr_column_law_jump(&column->law, row);
	double		on;

	if (value == NULL)
		return jump;
	if (before == NULL)
		return jump * kind_factor(column, row, value);
	on = hwr_column_law_difference(&column->law, row, value->place - before->place) * HWR_COLUMN_KINDS / value->chance;
	return jump * kind_factor(column, row, value) + (1 - jump) * on;
}

/* Value i of a row, and what the ink says of it; the last is any other. */
static const HwrColumnValue *
value_of(const Row *row, int i)
{
	return i < row->n ? &row->values[i] : NULL;
}

static double
ink_of(const Row *row, int i)
{
	return i < row->n ? row->values[i].ink : row->rest;
}

/* Sum to one: what they summed to. */
static double
normalize(double *sums, int n)
{
	double		total = 0;

	for (int i = 0; i < n; i++)
		total += sums[i];
	for (int i = 0; i < n; i++)
		sums[i] = total > 0 ? sums[i] / total : 1.0 / n;
	return total;
}

double
hwr_column_alone_factor(const HwrColumn *column, int row, const HwrColumnValue *value, int law)
{
	const HwrColumnNear *alone = &column->alone;
	double		near;

	if (value == NULL)
		return 1;
	if (law == column->laws - 1)
		return kind_factor(column, row, value);
	near = hwr_column_near_place(alone, row, value->place, law - 1) * HWR_COLUMN_KINDS / value->chance;
	return near + hwr_column_near_new(alone, row, law - 1) * kind_factor(column, row, value);
}

/* How much more probable a law without order makes the ink of a row. */
static double
sum_alone(const HwrColumn *column, int r, int law)
{
	const Row  *row = &column->rows[r];
	double		sum = 0;

	for (int i = 0; i <= row->n; i++)
		sum += ink_of(row, i) * hwr_column_alone_factor(column, r, value_of(row, i), law);
	return sum;
}

/* What a row tells of the laws: as much as it and the one before are read, for nothing goes on to or from what is not. */
static void
compare_laws(HwrColumn *column, int r, double ordered)
{
	const Row  *row = &column->rows[r];
	double		known = (1 - row->rest) * (r > 0 ? 1 - row[-1].rest : 1);

	column->weights[ORDER] += known * log(fmax(ordered, LEAST));
	for (int law = ORDER + 1; law < column->laws; law++)
		column->weights[law] += known * log(fmax(sum_alone(column, r, law), LEAST));
}

/* Which law the column follows. */
static void
weigh_laws(HwrColumn *column)
{
	double		most = -INFINITY;

	for (int law = 0; law < column->laws; law++)
	{
		column->weights[law] += log(law == ORDER ? ORDERED : (1 - ORDERED) / (column->laws - 1));
		most = fmax(most, column->weights[law]);
	}
	for (int law = 0; law < column->laws; law++)
		column->weights[law] = exp(column->weights[law] - most);
	normalize(column->weights, column->laws);
}

static void
go_forward(HwrColumn *column, int r)
{
	const Row  *row = &column->rows[r];
	double		sum;

	for (int i = 0; i <= row->n; i++)
	{
		sum = r > 0 ? 0 : i < row->n ? kind_factor(column, r, &row->values[i]) : 1;

		for (int j = 0; r > 0 && j <= row[-1].n; j++)
			sum += row[-1].sums[j] * hwr_column_factor(column, r, value_of(row - 1, j), value_of(row, i));
		row->sums[i] = sum * ink_of(row, i);
	}
	sum = normalize(row->sums, row->n + 1);
	if (column->pass == PASSES - 1)
		compare_laws(column, r, sum);
}

/* And what both sums say of each value. */
static void
go_backward(HwrColumn *column, int r)
{
	Row		   *row = &column->rows[r];
	double	   *backward = row->sums + row->n + 1;
	double		total = 0;

	for (int i = 0; i <= row->n; i++)
	{
		const Row  *next = r + 1 < column->n ? row + 1 : NULL;
		double		sum = next == NULL;

		for (int j = 0; next != NULL && j <= next->n; j++)
			sum += next->sums[next->n + 1 + j] * ink_of(next, j) *
				hwr_column_factor(column, r + 1, value_of(row, i), value_of(next, j));
		backward[i] = sum;
	}
	normalize(backward, row->n + 1);
	for (int i = 0; i <= row->n; i++)
		total += row->sums[i] * backward[i];
	row->best = -1;
	for (int i = 0; i < row->n; i++)
	{
		row->values[i].share = total > 0 ? row->sums[i] * backward[i] / total : 0;
		if (row->best < 0 || row->values[i].share > row->values[row->best].share)
			row->best = i;
	}
}

/* The shares of a row are those that all laws give, each as much as it is probable. */
static void
mix_laws(HwrColumn *column, int r)
{
	Row		   *row = &column->rows[r];

	for (int i = 0; i < row->n; i++)
		row->values[i].share *= column->weights[ORDER];
	for (int law = ORDER + 1; law < column->laws; law++)
	{
		double		weight = column->weights[law] / sum_alone(column, r, law);

		for (int i = 0; i < row->n; i++)
			row->values[i].share += weight * row->values[i].ink * hwr_column_alone_factor(column, r, &row->values[i], law);
	}
	for (int i = 0; i < row->n; i++)
		row->values[i].share = fmin(row->values[i].share, 1);
}

/* What each row shows, by its best value and that of the row before. */
static void
learn(HwrColumn *column)
{
	for (int i = 0; i < column->n; i++)
	{
		const Row  *row = &column->rows[i];
		HwrColumnPair pair = {0};

		if (row->best >= 0)
		{
			const HwrColumnValue *value = &row->values[row->best];

			pair.kind = value->kind;
			pair.known = value->share;
			if (i > 0 && row[-1].best >= 0)
			{
				const HwrColumnValue *before = &row[-1].values[row[-1].best];
				double		jump = hwr_column_factor(column, i, NULL, value) / hwr_column_factor(column, i, before, value);

				pair.difference = value->place - before->place;
				pair.on = before->share * value->share * (1 - jump);
				pair.jump = before->share * value->share * jump;
			}
		}
		/* the law's sums still have what this row showed before, which the next rows' factors count on */
		column->law.pairs[i] = pair;
	}
	hwr_column_law_learn(&column->law);
}

/* What each row shows by itself. */
static void
learn_alone(HwrColumn *column)
{
	for (int i = 0; i < column->n; i++)
	{
		const Row  *row = &column->rows[i];
		HwrColumnSeen seen = {0};

		for (int j = 0; j < row->n; j++)
			if (row->values[j].ink > seen.known)
				seen = (HwrColumnSeen) {row->values[j].place, row->values[j].ink};
		column->alone.seen[i] = seen;
	}
	hwr_column_near_learn(&column->alone);
	column->laws = column->alone.widths + 2;
	memset(column->weights, 0, sizeof(column->weights));
}

bool
hwr_column_begin(HwrColumn *column, HwrStatus *st)
{
	column->pass = 0;
	column->at = 0;
	if (column->law.pairs == NULL && !hwr_column_law_init(&column->law, column->n, st))
		return false;
	if (column->alone.seen == NULL && !hwr_column_near_init(&column->alone, column->n, st))
		return false;
	learn_alone(column);
	return true;
}

/* The pass's next row, forward and then backward. */
static void
go(HwrColumn *column)
{
	int			back = 2 * column->n - 1 - column->at;

	if (column->at < column->n)
	{
		go_forward(column, column->at);
		return;
	}
	go_backward(column, back);
	/* the shares stand as the last pass has them */
	if (column->pass == PASSES - 1)
	{
		if (column->at == column->n)
			weigh_laws(column);
		mix_laws(column, back);
	}
}

bool
hwr_column_step(HwrColumn *column)
{
	if (column->n == 0 || column->pass == PASSES)
		return false;
	go(column);
	if (++column->at == 2 * column->n)
	{
		column->at = 0;
		if (++column->pass < PASSES)
			learn(column);
	}
	return true;
}

/* Add a place unless the row or the list has it. */
static int
add_expected(const Row *row, int64_t place, int64_t *places, int n)
{
	for (int i = 0; i < row->n; i++)
		if (row->values[i].place == place)
			return n;
	for (int i = 0; i < n; i++)
		if (places[i] == place)
			return n;
	places[n++] = place;
	return n;
}

int
hwr_column_expected(const HwrColumn *column, int row, int64_t places[HWR_COLUMN_EXPECTED])
{
	const Row  *here = &column->rows[row];
	int			n = 0;

	for (int i = 0; i < HWR_COLUMN_USUAL && column->law.usual[i].count > 0; i++)
	{
		int64_t		difference = column->law.usual[i].difference;

		if (row > 0 && here[-1].best >= 0)
			n = add_expected(here, here[-1].values[here[-1].best].place + difference, places, n);
		if (row + 1 < column->n && here[1].best >= 0)
			n = add_expected(here, here[1].values[here[1].best].place - difference, places, n);
	}
	return n;
}
