/*
 * test_outliers.c
 *	  Products of narrow numbers where some channels stand out, against their bounds in doc/architecture.md.
 *
 * What the kernels round is rounded here by the definition, so that the bounds are checked on every processor; where it has the
 * elements, its product is held to the same bounds.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/kernels/kernels.h"
#include "reference.h"

enum
{
	M = 5, N = 40, K = 256
};

typedef struct Case
{
	float		a[M * K];
	float		b[K * N];
	float		c[M * N];
} Case;

/* To nearest even with 8 bits of significand. */
static float
to_bfloat16(float x)
{
	uint32_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	bits += 0x7FFF + ((bits >> 16) & 1);
	bits &= 0xFFFF0000u;
	memcpy(&x, &bits, sizeof(bits));
	return x;
}

/* The magnitudes of a sum's terms; the greatest weight of its column, the greatest sum of eight and the sum of all. */
typedef struct Sums
{
	double		exact;
	double		terms;
	double		greatest;
	double		eight;			/* whose products with bytes of 7 bits are added in 16 bits */
	double		weights;
	double		bfloat16;		/* of rounded operands */
	double		int8;
} Sums;

static Sums
sums_of(const Case *x, int row, int col)
{
	Sums		s = {0};

	for (int i = 0; i < K; i++)
	{
		s.greatest = fmax(s.greatest, fabs(x->b[i * N + col]));
		s.weights += fabs(x->b[i * N + col]);
	}
	for (int i = 0; i < K; i += 16)
		for (int half = 0; half < 4; half += 2)
		{
			double		eight = 0;

			for (int k = i + half; k < i + 16; k += 4)
				eight += fabs(x->b[k * N + col]) + fabs(x->b[(k + 1) * N + col]);
			s.eight = fmax(s.eight, eight);
		}
	for (int i = 0; i < K; i++)
	{
		double		a = x->a[row * K + i];
		double		b = x->b[i * N + col];
		double		scale = s.greatest / 127;

		s.exact += a * b;
		s.terms += fabs(a * b);
		s.bfloat16 += (double) to_bfloat16((float) a) * to_bfloat16((float) b);
		if (scale > 0)
			s.int8 += rint(a * 127) / 127 * rint(b / scale) * scale;
	}
	return s;
}

/* Both operands are off by 2^-8 of themselves at most; sums in float32 add 2^-24 a term. */
static double
bfloat16_bound(const Sums *s)
{
	return s->terms * (0x1.0p-7 + 0x1.0p-16 + K * 0x1.0p-23);
}

/*
 * A is off by half a step of 1 / one at most, B by 1/254 of its column's greatest; where A has 7 bits, by 1/508 of the greatest
 * sum of eight if that is more.
 */
static double
int8_bound(const Sums *s, int one)
{
	double		step = one == 63 ? fmax(s->greatest / 127, s->eight / 254) : s->greatest / 127;
	double		off = s->weights / (2 * one) + K * step / 2;

	return off * (1 + 1.0 / one) + s->weights * K * 0x1.0p-23;
}

static bool
multiply(const HwrElements *e, Case *x)
{
	void	   *a;
	void	   *b;
	HwrProduct	p;

	if (e == NULL)
		return false;
	a = malloc(M * K * e->size + 64);
	b = malloc(e->packed_size(1, K, N));
	e->store(M * K, x->a, a);
	e->pack(1, K, N, x->b, b);
	p = (HwrProduct) {.m = M,.n = N,.k = K,.parts = 1,.a = a,.a_row = K,.a_col = 1,.b = b,.c = x->c,.c_row = N};
	e->multiply(&p);
	free(a);
	free(b);
	return true;
}

/* One channel of the inputs, one weight of a column, or a whole channel's weights are so many times the others. */
static void
fill(Case *x, int kind, float times)
{
	for (int i = 0; i < M * K; i++)
		x->a[i] = (float) reference_value(1, (uint32_t) i) * (kind == 0 && i % K != 7 ? 1 / times : 1);
	for (int i = 0; i < K * N; i++)
		x->b[i] = (float) reference_value(2, (uint32_t) i) * ((kind == 1 && i / N == i % N) ||
															  (kind == 2 && i / N % 64 == 9) ? times : 1);
}

static void
hold(const char *what, int kind, float times, double off, double bound)
{
	if (!(off <= bound))
		fail_msg("%s, kind %d, %g times: off by %g, more than %g", what, kind, (double) times, off, bound);
}

static void
test_bounds(void **state)
{
	static const float times[] = {1, 30, 1000, 1e6f};
	const HwrElements *const elements[] = {hwr_elements_bfloat16(), hwr_elements_int8()};
	Case	   *x = malloc(sizeof(Case));
	double		worst_bfloat16 = 0;
	double		worst_int8 = 0;

	(void) state;
	for (int kind = 0; kind < 3; kind++)
		for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++)
		{
			fill(x, kind, times[t]);
			for (int i = 0; i < M * N; i++)
			{
				Sums		s = sums_of(x, i / N, i % N);

				hold("bfloat16, rounded", kind, times[t], fabs(s.bfloat16 - s.exact), bfloat16_bound(&s));
				hold("int8, rounded", kind, times[t], fabs(s.int8 - s.exact), int8_bound(&s, 127));
				worst_bfloat16 = fmax(worst_bfloat16, fabs(s.bfloat16 - s.exact) / bfloat16_bound(&s));
				worst_int8 = fmax(worst_int8, fabs(s.int8 - s.exact) / int8_bound(&s, 127));
			}
			for (int e = 0; e < 2; e++)
				if (multiply(elements[e], x))
					for (int i = 0; i < M * N; i++)
					{
						Sums		s = sums_of(x, i / N, i % N);

						hold(elements[e]->name, kind, times[t], fabs(x->c[i] - s.exact),
							 e == 0 ? bfloat16_bound(&s) : int8_bound(&s, elements[e]->one));
					}
		}
	/* The bounds are not so wide that they say nothing. */
	if (!(worst_bfloat16 > 0.1 && worst_int8 > 0.05))
		fail_msg("at most %g and %g of the bounds", worst_bfloat16, worst_int8);
	free(x);
}

/* What a column's greatest weight hides from 8 bits: the others, where they are less than a 254th of it. */
static void
test_hidden(void **state)
{
	Case	   *x = malloc(sizeof(Case));

	(void) state;
	fill(x, 1, 1e6f);
	for (int col = 1; col < 8; col++)
	{
		Sums		s = sums_of(x, 0, col);
		double		alone = rint((double) x->a[col] * 127) / 127 * x->b[col * N + col];

		assert_true(s.greatest > 1000 && fabs(s.int8 - alone) <= 1e-6 * s.greatest);
		assert_true(fabs(s.bfloat16 - s.exact) <= bfloat16_bound(&s));
	}
	free(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
