/*
 * test_winograd.c
 *	  Winograd's convolution on every kind of kernel against the definition in double precision.
 *
 * Random sizes: maps that tiles do not fill, channels that vectors and panels do not fill, kernels of one to five parts, every
 * way of pooling.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/infer/infer_internal.h"
#include "cpu/layers/winograd_conv.h"
#include "reference.h"

/* Largest error, and root of the mean squared error, over the root mean square of the output. */
#define FLOAT32_LARGEST 3e-5
#define BFLOAT16_MEAN 0.015
#define INT16_MEAN 0.002

#define TRIALS 60

/* One convolution, its input and what it gives. */
typedef struct Trial
{
	HwrLayer	conv;
	HwrLayer	pool;
	HwrStage	stage;
	bool		affine;
	hwr_real   *x;				/* [h][w][c] */
	hwr_real   *kernel;			/* [3][kx][c][d] */
	hwr_real   *bias;			/* [d] */
	hwr_real   *scale;
	hwr_real   *shift;
	double	   *y;				/* [h][w][d], before the pool */
} Trial;

static uint32_t
draw(int trial, int what, int least, int most)
{
	return (uint32_t) least + reference_bits(1000 + (uint32_t) trial, (uint32_t) what) % (uint32_t) (most - least + 1);
}

/* n values of -1 .. 1 in steps that bfloat16 represents. */
static hwr_real *
values(size_t n, uint32_t seed)
{
	hwr_real   *x = malloc(n * sizeof(hwr_real));

	for (size_t i = 0; i < n; i++)
		x[i] = (hwr_real) ((int) (reference_bits(seed, (uint32_t) i) % 255) - 127) / 128;
	return x;
}

static double
activate(HwrActivation act, double x)
{
	return act == HWR_ACT_RELU && x < 0 ? 0 : x;
}

static double
convolve(const Trial *t, int y, int x, int d)
{
	const HwrShape in = t->stage.in;
	int			wide = t->conv.kx;
	double		sum = (double) t->bias[d];

	for (int ky = 0; ky < 3; ky++)
		for (int kx = 0; kx < wide; kx++)
		{
			int			sy = y + ky - 1;
			int			sx = x + kx - (wide - 1) / 2;

			if (sy < 0 || sy >= in.h || sx < 0 || sx >= in.w)
				continue;
			for (int c = 0; c < in.c; c++)
				sum += (double) t->x[((size_t) sy * (size_t) in.w + (size_t) sx) * (size_t) in.c + (size_t) c] *
					(double) t->kernel[((size_t) (ky * wide + kx) * (size_t) in.c + (size_t) c) * (size_t) t->stage.mid.c +
									   (size_t) d];
		}
	sum = activate(t->conv.activation, sum);
	return t->affine ? sum * (double) t->scale[d] + (double) t->shift[d] : sum;
}

/* What it should give. */
static void
fill_expected(Trial *t)
{
	const HwrShape *mid = &t->stage.mid;

	for (int y = 0; y < mid->h; y++)
		for (int x = 0; x < mid->w; x++)
			for (int i = 0; i < mid->c; i++)
				t->y[((size_t) y * (size_t) mid->w + (size_t) x) * (size_t) mid->c + (size_t) i] = convolve(t, y, x, i);
}

static void
set_up(Trial *t, int trial)
{
	static const int pools[][4] = {{0, 0, 0, 0}, {2, 2, 2, 2}, {2, 1, 2, 1}, {6, 1, 6, 1}, {2, 2, 3, 2}, {2, 2, 4, 1},
								   {3, 2, 5, 2}};
	const int  *pool = pools[trial % 7];
	HwrShape	in = {(int) draw(trial, 0, 6, 19), (int) draw(trial, 1, 2, 61), (int) draw(trial, 2, 16, 130)};
	int			d = (int) draw(trial, 3, 16, 130);
	int			kx = draw(trial, 6, 0, 1) ? 3 : (int) draw(trial, 7, 4, 14);
	uint32_t	seed = 10 * (uint32_t) trial;

	memset(t, 0, sizeof(*t));
	t->conv = (HwrLayer) {.kind = HWR_LAYER_CONV,.ky = 3,.kx = kx,.units = d,.in = in};
	t->conv.activation = draw(trial, 4, 0, 1) ? HWR_ACT_RELU : HWR_ACT_LINEAR;
	t->pool = (HwrLayer) {.ky = pool[0],.kx = pool[1],.sy = pool[2],.sx = pool[3]};
	t->affine = draw(trial, 5, 0, 1) == 1;
	t->stage = (HwrStage) {.conv = &t->conv,.in = in,.mid = {in.h, in.w, d},.out = {in.h, in.w, d},.winograd = true};
	if (pool[0] != 0)
	{
		t->stage.pool = &t->pool;
		t->stage.out.h = (in.h - pool[0]) / pool[2] + 1;
		t->stage.out.w = (in.w - pool[1]) / pool[3] + 1;
	}
	t->x = values((size_t) in.h * (size_t) in.w * (size_t) in.c, seed);
	t->kernel = values((size_t) (3 * kx) * (size_t) in.c * (size_t) d, seed + 1);
	t->bias = values((size_t) d, seed + 2);
	t->scale = values((size_t) d, seed + 3);
	t->shift = values((size_t) d, seed + 4);
	t->stage.bias = t->bias;
	t->stage.before = (HwrAffine) {t->affine ? 0 : -1, t->scale, t->shift};
	t->y = malloc((size_t) in.h * (size_t) in.w * (size_t) d * sizeof(double));
	fill_expected(t);
}

static void
tear_down(Trial *t)
{
	free(t->x);
	free(t->kernel);
	free(t->bias);
	free(t->scale);
	free(t->shift);
	free(t->y);
}

/* What one float32 row and column holds: a place of the map, or the largest of a pool window. */
static double
expected(const Trial *t, int y, int x, int d)
{
	int			ky = t->stage.pooled ? t->pool.ky : 1;
	int			kx = t->stage.pooled ? t->pool.kx : 1;
	double		top = -HUGE_VAL;

	for (int i = y * ky; i < (y + 1) * ky; i++)
		for (int j = x * kx; j < (x + 1) * kx; j++)
			top = fmax(top, t->y[((size_t) i * (size_t) t->stage.mid.w + (size_t) j) * (size_t) t->stage.mid.c + (size_t) d]);
	return top;
}

typedef struct Errors
{
	double		largest;
	double		squares;
	double		output;			/* sum of squares */
	size_t		n;
} Errors;

/* Compare the rows of the strip that begins with output row y. */
static void
compare_strip(const Trial *t, int y, int n, const hwr_real *rows, Errors *e)
{
	const HwrStage *s = &t->stage;
	int			sy = s->pool != NULL && !s->pooled ? t->pool.sy : 1;
	int			last = s->pool != NULL && !s->pooled ? (n - 1) * sy + t->pool.ky : n;
	int			columns = s->pooled ? s->out.w : s->mid.w;

	for (int r = 0; r < last; r++)
		for (int x = 0; x < columns; x++)
			for (int d = 0; d < s->mid.c; d++)
			{
				double		want = expected(t, y * sy + r, x, d);
				size_t		at = ((size_t) r * (size_t) s->row_columns + (size_t) x) * (size_t) s->mid.c + (size_t) d;
				double		error = fabs((double) rows[at] - want);

				if (!(error <= e->largest))
					e->largest = error; /* a NaN too */
				e->squares += error * error;
				e->output += want * want;
				e->n++;
			}
}

/* Elements are of the products; the map is of float32 where they are 16-bit ones. */
static Errors
run(Trial *t, const HwrKernels *k, const HwrElements *elements)
{
	const HwrElements *of_map = elements->winograd_in_scaled != NULL ? k->elements : elements;
	HwrInfer	inf = {.k = k,.e = of_map};
	HwrStage   *s = &t->stage;
	size_t		c = (size_t) s->in.c;
	Errors		e = {0};
	char	   *map;
	char	   *memory;
	hwr_real   *work = malloc((size_t) hwr_winograd_parts(t->conv.kx) * c * (size_t) elements->panel * sizeof(hwr_real));
	hwr_real   *rows;

	s->e = elements;
	hwr_infer_describe_stage(s);
	map = calloc((size_t) s->high * (size_t) s->wide * c + 1, of_map->size);
	memory = calloc(hwr_winograd_memory(&inf, s), 1);
	rows = malloc((size_t) s->rows * (size_t) s->row_columns * (size_t) s->mid.c * sizeof(hwr_real));
	s->kernel = malloc(hwr_winograd_kernel_size(s->e, t->conv.kx, t->conv.in.c, t->conv.units));
	hwr_winograd_pack(s->e, t->conv.kx, t->conv.in.c, t->conv.units, t->kernel, work, s->kernel, 0, 1);
	for (int y = 0; y < s->in.h; y++)
		of_map->store((size_t) s->in.w * c, t->x + (size_t) y * (size_t) s->in.w * c,
						map + ((size_t) (y + s->top) * (size_t) s->wide + (size_t) s->left) * c * of_map->size);
	for (int y = 0; y < s->out.h; y += s->strip)
	{
		int			n = s->out.h - y < s->strip ? s->out.h - y : s->strip;
		int			first = s->pool != NULL ? y * t->pool.sy : y;

		hwr_winograd_rows(&inf, s, map, first, s->pool != NULL ? (n - 1) * t->pool.sy + t->pool.ky : n, memory, rows);
		compare_strip(t, y, n, rows, &e);
	}
	free(map);
	free(memory);
	free(work);
	free(rows);
	free(s->kernel);
	return e;
}

static void
check_float32(Trial *t, int trial, const char *name)
{
	const HwrKernels *k;
	Errors		e;

	setenv("HWR_CPU", name, 1);
	k = hwr_kernels();
	unsetenv("HWR_CPU");
	if (strcmp(k->name, name) != 0)
		return;
	e = run(t, k, k->elements);
	if (!(e.largest <= FLOAT32_LARGEST * sqrt(e.output / (double) e.n)))
		fail_msg("trial %d, %s: largest error %g", trial, name, e.largest);
}

/* 16-bit elements of a level, on maps of the float32 of it. */
static void
check_int16(Trial *t, int trial, const char *name)
{
	const HwrKernels *k;
	const HwrElements *int16;
	Errors		e;

	setenv("HWR_CPU", name, 1);
	k = hwr_kernels();
	int16 = hwr_elements_int16();
	unsetenv("HWR_CPU");
	if (int16 == NULL || hwr_winograd_parts(t->conv.kx) > 1)
		return;
	e = run(t, k, int16);
	if (!(e.squares <= INT16_MEAN * INT16_MEAN * e.output))
		fail_msg("trial %d, %s, int16: mean error %g of the output", trial, name, sqrt(e.squares / e.output));
}

/* bfloat16 elements that have the transforms: those of tiles do without. */
static const HwrElements *
transformed_bfloat16(void)
{
	const HwrElements *e;

	setenv("HWR_CPU", "avx512bf16", 1);
	e = hwr_elements_bfloat16();
	unsetenv("HWR_CPU");
	return e;
}

static void
test_random_shapes(void **state)
{
	const HwrElements *bfloat16 = transformed_bfloat16();

	(void) state;
	for (int trial = 0; trial < TRIALS; trial++)
	{
		Trial		t;
		Errors		e;

		set_up(&t, trial);
		check_float32(&t, trial, "plain");
		check_float32(&t, trial, "avx2");
		check_float32(&t, trial, "avx512");
		check_int16(&t, trial, "avx2");
		check_int16(&t, trial, "avxvnni");
		check_int16(&t, trial, "avx512vnni");
		if (bfloat16 != NULL)
		{
			e = run(&t, hwr_kernels(), bfloat16);
			if (!(e.squares <= BFLOAT16_MEAN * BFLOAT16_MEAN * e.output))
				fail_msg("trial %d, bfloat16: mean error %g of the output", trial, sqrt(e.squares / e.output));
		}
		tear_down(&t);
	}
}

/* Maps and kernels of one value, whose sums of 16-bit numbers are the greatest that can be, and nothing. */
static void
test_extremes(void **state)
{
	static const hwr_real maps[] = {1, -1, 0};

	(void) state;
	for (int i = 0; i < 9; i++)
	{
		Trial		t;

		set_up(&t, 7 * i + i % 7);
		for (size_t k = 0; k < (size_t) t.stage.in.h * (size_t) t.stage.in.w * (size_t) t.stage.in.c; k++)
			t.x[k] = maps[i % 3];
		for (size_t k = 0; k < (size_t) (3 * t.conv.kx) * (size_t) t.stage.in.c * (size_t) t.stage.mid.c; k++)
			t.kernel[k] = maps[i / 3];
		fill_expected(&t);
		check_int16(&t, i, "avx2");
		check_int16(&t, i, "avxvnni");
		check_int16(&t, i, "avx512vnni");
		tear_down(&t);
	}
}

/* Where the transforms would cost more than they save, the convolution stays direct. */
static void
test_applies(void **state)
{
	HwrLayer	l = {.ky = 3,.kx = 3,.units = 16,.in = {3, 9, 16}};

	(void) state;
	assert_true(hwr_winograd_applies(&l));
	l.in.c = 15;
	assert_false(hwr_winograd_applies(&l));
	l.in.c = 16;
	l.units = 15;
	assert_false(hwr_winograd_applies(&l));
	l.units = 16;
	l.in.h = 2;
	assert_false(hwr_winograd_applies(&l));
	l.in.h = 3;
	l.kx = 13;
	assert_true(hwr_winograd_applies(&l));
	l.kx = 2;
	assert_false(hwr_winograd_applies(&l));
	l.kx = 3;
	l.ky = 5;
	assert_false(hwr_winograd_applies(&l));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_shapes),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_applies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
