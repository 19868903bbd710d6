/*
 * test_int8.c
 *	  The product of 8-bit elements against whole numbers summed one by one.
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

#define PAST 4					/* bytes that a product may read beyond its operand */

/* Row-major A[m][k] in [-1, 1] and B[k][n], whose columns differ in size, one of them zero. */
typedef struct Operands
{
	int			m;
	int			n;
	int			k;
	float	   *a;
	float	   *b;
	int			one;			/* of A as bytes */
	uint8_t    *bytes;			/* of A */
	void	   *packed;			/* B */
} Operands;

static Operands
make_operands(const HwrElements *e, int m, int n, int k)
{
	Operands	o = {.m = m,.n = n,.k = k,.one = e->one};

	o.a = malloc((size_t) (m * k) * sizeof(float));
	o.b = malloc((size_t) (k * n) * sizeof(float));
	o.bytes = malloc((size_t) (m * k) + PAST);
	o.packed = malloc(e->packed_size(1, k, n));
	for (int i = 0; i < m * k; i++)
		o.a[i] = i % 7 == 0 ? (i % 2 ? 1.0f : -1.0f) : (float) reference_value(1, (uint32_t) i);
	for (int i = 0; i < k * n; i++)
		o.b[i] = (float) reference_value(2, (uint32_t) i) * (i % n == 1 ? 0.0f : (float) (1 + i % n) / 10);
	e->store((size_t) (m * k), o.a, o.bytes);
	memset(o.bytes + m * k, 0xff, PAST);
	e->pack(1, k, n, o.b, o.packed);
	return o;
}

static void
free_operands(Operands *o)
{
	free(o->a);
	free(o->b);
	free(o->bytes);
	free(o->packed);
}

/*
 * What a column is divided by.  Where A has 7 bits, eight products are added in 16 bits: those of two neighbours in each of four
 * groups of four rows.
 */
static float
column_scale(const Operands *o, int col)
{
	float		top = 0;
	float		eight = 0;

	for (int i = 0; i < o->k; i++)
		top = fmaxf(top, fabsf(o->b[i * o->n + col]));
	for (int first = 0; first < o->k && o->one == 63; first += 16)
		for (int half = 0; half < 2; half++)
		{
			float		sum = 0;

			for (int i = first; i < first + 16 && i < o->k; i++)
				sum += i % 4 / 2 == half ? fabsf(o->b[i * o->n + col]) : 0;
			eight = fmaxf(eight, sum);
		}
	return fmaxf(top / 127, eight / 254);
}

/* What a product should give at (row, col). */
static float
expected(const Operands *o, int row, int col)
{
	float		scale = column_scale(o, col);
	int32_t		sum = 0;

	if (scale == 0)
		return 0;
	for (int i = 0; i < o->k; i++)
		sum += (int32_t) lrintf(o->a[row * o->k + i] * (float) o->one) * (int32_t) lrintf(o->b[i * o->n + col] / scale);
	return (float) sum * (scale / (float) o->one);
}

static HwrProduct
product(const Operands *o, float *c)
{
	return (HwrProduct) {
		.m = o->m,.n = o->n,.k = o->k,.parts = 1,
		.a = o->bytes,.a_row = o->k,.a_col = 1,
		.b = o->packed,.c = c,.c_row = o->n,
	};
}

/* What HWR_CPU may allow at most where there are such products, and whatever it allows now. */
static const char *const levels[] = {NULL, "avx2", "avxvnni", "avx512", "avx512vnni"};

#define LEVELS (int) (sizeof(levels) / sizeof(levels[0]))

/* The elements of all levels that this processor has, each once. */
static int
all_elements(const HwrElements *out[LEVELS])
{
	const char *now = getenv("HWR_CPU");
	char	   *saved = now != NULL ? strdup(now) : NULL;
	int			n = 0;

	for (int i = 0; i < LEVELS; i++)
	{
		const HwrElements *e;
		bool		known = false;

		if (levels[i] != NULL)
			setenv("HWR_CPU", levels[i], 1);
		e = hwr_elements_int8();
		/* A processor with AVX2 has the instructions to multiply bytes, whatever else it has. */
		if (levels[i] != NULL && strncmp(hwr_kernels()->name, "avx", 3) == 0)
			assert_non_null(e);
		for (int k = 0; k < n; k++)
			known = known || out[k] == e;
		if (e != NULL && !known)
			out[n++] = e;
	}
	if (saved != NULL)
		setenv("HWR_CPU", saved, 1);
	else
		unsetenv("HWR_CPU");
	free(saved);
	return n;
}

static const int depths[] = {1, 3, 4, 5, 64, 255, 512};
static const int widths[] = {1, 31, 33, 79, 130, 260};

/* Every height of a tile and widths and depths that fill none; sums stay below 2^24, so that floats hold them. */
static void
check_exact(const HwrElements *e)
{
	for (size_t d = 0; d < sizeof(depths) / sizeof(depths[0]); d++)
		for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++)
			for (int m = 1; m <= 18; m++)
			{
				Operands	o = make_operands(e, m, widths[w], depths[d]);
				float	   *c = malloc((size_t) (m * o.n) * sizeof(float));
				HwrProduct	p = product(&o, c);

				e->multiply(&p);
				for (int row = 0; row < m; row++)
					for (int col = 0; col < o.n; col++)
						if (c[row * o.n + col] != expected(&o, row, col))
							fail_msg("%d x %d x %d: at (%d, %d) %.9g, not %.9g", m, o.n, o.k, row, col,
									 (double) c[row * o.n + col], (double) expected(&o, row, col));
				free(c);
				free_operands(&o);
			}
}

/* The largest numbers of one sign, of which sums in 16 bits would be the first to overflow. */
static void
check_extremes(const HwrElements *e)
{
	for (int sign = -1; sign <= 1; sign += 2)
	{
		Operands	o = make_operands(e, 6, 40, 64);
		float		c[6 * 40];
		HwrProduct	p = product(&o, c);

		for (int i = 0; i < o.m * o.k; i++)
			o.a[i] = 1;
		for (int i = 0; i < o.k * o.n; i++)
			o.b[i] = (float) sign * (i / o.n % 2 == 0 ? 1.0f : 0.996f);
		e->store((size_t) (o.m * o.k), o.a, o.bytes);
		e->pack(1, o.k, o.n, o.b, o.packed);
		e->multiply(&p);
		for (int i = 0; i < 6 * 40; i++)
			assert_float_equal(c[i], expected(&o, i / 40, i % 40), 1e-4);
		assert_true(fabsf(c[0] - (float) sign * 63.87f) < 1);
		free_operands(&o);
	}
}

/* What is added to the sums, and nothing written beside C. */
static void
check_rest(const HwrElements *e)
{
	Operands	o;
	float		c[9][40];
	float		bias[37];
	HwrProduct	p;

	o = make_operands(e, 9, 37, 21);
	for (int i = 0; i < 9 * 40; i++)
		c[i / 40][i % 40] = (float) (i % 11) - 5;
	for (int i = 0; i < 37; i++)
		bias[i] = (float) reference_value(3, (uint32_t) i);
	p = product(&o, c[0]);
	p.c_row = 40;
	p.accumulate = true;
	p.bias = bias;
	p.relu = true;
	e->multiply(&p);
	for (int row = 0; row < 9; row++)
		for (int col = 0; col < 40; col++)
		{
			float		before = (float) ((row * 40 + col) % 11) - 5;
			float		want = col < 37 ? fmaxf(0, expected(&o, row, col) + before + bias[col]) : before;

			assert_float_equal(c[row][col], want, 1e-5);
		}
	free_operands(&o);
}

/* Values are held to [-1, 1], and the ends of it are exact. */
static void
check_store(const HwrElements *e)
{
	float		x[] = {-1, 1, 0, -1.5f, 3, 0.5f, 1.5f, -0.7f};
	int			want[] = {-1, 1, 0, -1, 1, 0, 2, 0};
	const float nothing = 0;
	uint8_t		zero;

	e->store(1, &nothing, &zero);
	/* Halves of a step go to the even number. */
	x[5] /= (float) e->one;
	x[6] /= (float) e->one;
	for (int i = 0; i < 5; i++)
		want[i] *= e->one;
	want[7] = (int) lrintf(x[7] * (float) e->one);
	for (size_t n = 1; n <= 40; n++)
	{
		float		values[40];
		uint8_t		bytes[41];

		for (size_t i = 0; i < n; i++)
			values[i] = x[i % 8];
		bytes[n] = 77;
		e->store(n, values, bytes);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(bytes[i], (uint8_t) (want[i % 8] + zero));
		assert_int_equal(bytes[n], 77);
	}
}

static void
check_all(void (*check) (const HwrElements *e))
{
	const HwrElements *all[LEVELS];
	int			n = all_elements(all);

	if (n == 0)
		skip();
	for (int i = 0; i < n; i++)
		check(all[i]);
}

static void
test_exact(void **state)
{
	(void) state;
	check_all(check_exact);
}

static void
test_extremes(void **state)
{
	(void) state;
	check_all(check_extremes);
}

static void
test_rest(void **state)
{
	(void) state;
	check_all(check_rest);
}

static void
test_store(void **state)
{
	(void) state;
	check_all(check_store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
