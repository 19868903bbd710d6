/*
 * test_ctc.c
 *	  The CTC loss against an enumeration of all paths, its gradient against finite
 *	  differences, both against PyTorch, and their behaviour at the edges.
 *
 * Compiled twice: here for hwr_real = float, and through test_ctc_f64.c for double.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/decode/ctc.h"
#include "data/ctc_values.h"
#include "reference.h"

#define IS_DOUBLE (sizeof(hwr_real) == sizeof(double))
#define MAX_CELLS 4096

/* Log-softmax of each row of logits[T][K]. */
static void
log_softmax(const double *logits, int T, int K, hwr_real *logp)
{
	for (int t = 0; t < T; t++)
	{
		const double *row = logits + t * K;
		double		peak = row[0];
		double		sum = 0;

		for (int k = 1; k < K; k++)
			peak = fmax(peak, row[k]);
		for (int k = 0; k < K; k++)
			sum += exp(row[k] - peak);
		for (int k = 0; k < K; k++)
			logp[t * K + k] = (hwr_real) (row[k] - peak - log(sum));
	}
}

static void
random_logits(uint32_t stream, int T, int K, double size, double *logits)
{
	for (int i = 0; i < T * K; i++)
		logits[i] = size * reference_value(stream, (uint32_t) i);
}

/* hwr_ctc_loss with a workspace of exactly the promised size. */
static bool
ctc(const hwr_real *logp, int T, int K, const int *label, int L,
	double *loss, hwr_real *grad, double scale)
{
	void	   *workspace = malloc(hwr_ctc_workspace(T, L));
	bool		ok;

	assert_non_null(workspace);
	ok = hwr_ctc_loss(logp, T, K, label, L, loss, grad, scale, workspace);
	free(workspace);
	return ok;
}

/* Whether a path of T classes reads as the label: runs merged, then blanks dropped. */
static bool
reads_as(const int *path, int T, const int *label, int L)
{
	int			n = 0;

	for (int t = 0; t < T; t++)
	{
		if (path[t] == 0 || (t > 0 && path[t] == path[t - 1]))
			continue;
		if (n == L || path[t] != label[n])
			return false;
		n++;
	}
	return n == L;
}

/* P(label) as the sum over all K^T paths. */
static double
enumerate_paths(const hwr_real *logp, int T, int K, const int *label, int L)
{
	int			path[16] = {0};
	double		total = 0;
	int			t;

	for (;;)
	{
		if (reads_as(path, T, label, L))
		{
			double		sum = 0;

			for (t = 0; t < T; t++)
				sum += logp[t * K + path[t]];
			total += exp(sum);
		}
		for (t = 0; t < T && ++path[t] == K; t++)
			path[t] = 0;
		if (t == T)
			return total;
	}
}

static void
test_enumeration(void **state)
{
	static const struct
	{
		int			L;
		int			label[4];
	}			cases[] = {
		{0, {0}}, {1, {1}}, {1, {2}}, {2, {1, 2}}, {2, {2, 1}}, {2, {1, 1}}, {3, {1, 2, 1}},
		{3, {1, 1, 2}}, {3, {2, 2, 2}}, {3, {1, 2, 2}}, {4, {1, 2, 1, 2}}, {4, {1, 1, 2, 2}},
		{4, {1, 1, 1, 1}},
	};
	double		logits[MAX_CELLS];
	hwr_real	logp[MAX_CELLS];
	int			feasible = 0;
	int			infeasible = 0;

	(void) state;
	for (int T = 1; T <= 6; T++)
	{
		for (int K = 3; K <= 4; K++)
		{
			random_logits((uint32_t) (T * 10 + K), T, K, 3, logits);
			log_softmax(logits, T, K, logp);
			for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			{
				double		p = enumerate_paths(logp, T, K, cases[i].label, cases[i].L);
				double		loss = -1;
				bool		ok = ctc(logp, T, K, cases[i].label, cases[i].L, &loss, NULL, 1);

				assert_int_equal(ok, p > 0);
				assert_int_equal(ok, T >= hwr_ctc_min_steps(cases[i].label, cases[i].L));
				if (ok)
				{
					assert_true(fabs(loss + log(p)) <= 1e-12 * (1 + fabs(loss)));
					feasible++;
				}
				else
				{
					assert_true(isinf(loss) && loss > 0);
					infeasible++;
				}
			}
		}
	}
	assert_true(feasible > 50 && infeasible > 20);
}

static void
test_min_steps(void **state)
{
	(void) state;
	assert_int_equal(hwr_ctc_min_steps(NULL, 0), 0);
	assert_int_equal(hwr_ctc_min_steps((int[]) {5}, 1), 1);
	assert_int_equal(hwr_ctc_min_steps((int[]) {5, 6, 5}, 3), 3);
	assert_int_equal(hwr_ctc_min_steps((int[]) {5, 5, 5, 6, 6}, 5), 8);
}

/* d loss / d logits, by central differences where the loss is precise enough for them. */
static void
check_gradient(int T, int K, const int *label, int L, double size)
{
	const double h = 1e-6;
	const double scale = 0.7;
	double		logits[MAX_CELLS];
	hwr_real	logp[MAX_CELLS];
	hwr_real	grad[MAX_CELLS];
	double		loss;

	random_logits((uint32_t) (T + 100 * K + 1000 * L), T, K, size, logits);
	log_softmax(logits, T, K, logp);
	for (int i = 0; i < T * K; i++)
		grad[i] = 99;			/* to be overwritten, not added to */
	assert_true(ctc(logp, T, K, label, L, &loss, grad, scale));

	for (int t = 0; t < T; t++)
	{
		double		sum = 0;

		for (int k = 0; k < K; k++)
			sum += grad[t * K + k];
		assert_true(fabs(sum) < (IS_DOUBLE ? 1e-12 : 1e-6));
	}
	if (!IS_DOUBLE)
		return;
	for (int i = 0; i < T * K; i++)
	{
		double		kept = logits[i];
		double		up,
					down;

		logits[i] = kept + h;
		log_softmax(logits, T, K, logp);
		assert_true(ctc(logp, T, K, label, L, &up, NULL, 1));
		logits[i] = kept - h;
		log_softmax(logits, T, K, logp);
		assert_true(ctc(logp, T, K, label, L, &down, NULL, 1));
		logits[i] = kept;
		assert_true(fabs((up - down) / (2 * h) * scale - grad[i]) < 1e-7);
	}
}

static void
test_gradient(void **state)
{
	(void) state;
	check_gradient(1, 2, (int[]) {1}, 1, 1);
	check_gradient(3, 4, NULL, 0, 2);
	check_gradient(6, 4, (int[]) {3, 1}, 2, 2);
	check_gradient(7, 3, (int[]) {1, 1, 2, 2}, 4, 2);	/* one step to spare */
	check_gradient(6, 3, (int[]) {1, 1, 2, 2}, 4, 2);	/* none: a single path */
	check_gradient(13, 7, (int[]) {6, 2, 2, 5, 1}, 5, 4);
	check_gradient(40, 20, (int[]) {6, 2, 2, 5, 1, 19, 3, 3, 3, 7}, 10, 6);
}

static void
test_pytorch(void **state)
{
	static double logits[CTC_MAX_T * CTC_K];
	static hwr_real logp[CTC_MAX_T * CTC_K];
	static hwr_real grad[CTC_MAX_T * CTC_K];

	(void) state;
	for (int i = 0; i < CTC_CASES; i++)
	{
		int			T = ctc_steps[i];
		int			label[CTC_MAX_L];
		double		loss;

		random_logits((uint32_t) (500 + i), T, CTC_K, ctc_sizes[i], logits);
		log_softmax(logits, T, CTC_K, logp);
		for (int j = 0; j < ctc_lengths[i]; j++)
			label[j] = 1 + (int) (reference_bits((uint32_t) (600 + i), (uint32_t) j) % (CTC_K - 1));
		assert_true(ctc(logp, T, CTC_K, label, ctc_lengths[i], &loss, grad, 1));
		assert_true(fabs(loss - ctc_losses[i]) < (IS_DOUBLE ? 1e-10 : 1e-5) * ctc_losses[i]);
		for (int k = 0; k < CTC_K; k++)
			assert_true(fabs(grad[(T / 2) * CTC_K + k] - ctc_grads[i][k]) < (IS_DOUBLE ? 1e-10 : 1e-5));
	}
}

/* Whatever finite logits: finite losses, bounded gradients. */
static void
test_extremes(void **state)
{
	static const double sizes[] = {0, 1, 100, 1e4, 1e8, 1e20, 1e36};
	const int	label[] = {1, 2, 2, 3};
	const int	T = 9,
				K = 5;
	double		logits[9 * 5];
	hwr_real	logp[9 * 5];
	hwr_real	grad[9 * 5];
	double		loss;

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		for (uint32_t round = 0; round < 20; round++)
		{
			random_logits(900 + round, T, K, sizes[i], logits);
			log_softmax(logits, T, K, logp);
			assert_true(ctc(logp, T, K, label, 4, &loss, grad, 1));
			assert_true(isfinite(loss) && loss >= 0);
			for (int j = 0; j < T * K; j++)
				assert_true(fabs(grad[j]) <= 1 + 1e-6);
		}
	}
}

static void
test_certain(void **state)
{
	/* The path 1 1 0 2 is certain but for e^-1000. */
	const int	path[] = {1, 1, 0, 2};
	const int	label[] = {1, 2};
	hwr_real	logp[4 * 3];
	hwr_real	grad[4 * 3];
	double		loss;

	(void) state;
	for (int i = 0; i < 12; i++)
		logp[i] = (i % 3 == path[i / 3]) ? 0 : -1000;
	assert_true(ctc(logp, 4, 3, label, 2, &loss, grad, 1));
	assert_true(fabs(loss) < 1e-12);
	for (int i = 0; i < 12; i++)
		assert_true(fabs(grad[i]) < 1e-6);

	/* What is impossible but for e^-1000 a step has that loss, no underflow. */
	assert_true(ctc(logp, 4, 3, NULL, 0, &loss, grad, 1));
	assert_true(fabs(loss - 3000) < 1e-9);
	assert_true(ctc(logp, 4, 3, (int[]) {2, 1, 2, 1}, 4, &loss, grad, 1));
	assert_true(fabs(loss - 4000 + 1000) < 1e-9);
}

static void
test_infeasible(void **state)
{
	hwr_real	logp[3 * 4];
	hwr_real	grad[3 * 4];
	double		loss = 0;

	(void) state;
	for (int i = 0; i < 12; i++)
	{
		logp[i] = (hwr_real) -log(4);
		grad[i] = 42;
	}
	/* No workspace: nothing but the loss may be touched. */
	assert_false(hwr_ctc_loss(logp, 3, 4, (int[]) {1, 1, 2}, 3, &loss, grad, 1, NULL));
	assert_true(isinf(loss) && loss > 0);
	for (int i = 0; i < 12; i++)
		assert_true(grad[i] == 42);
	assert_true(ctc(logp, 3, 4, (int[]) {1, 2, 1}, 3, &loss, grad, 1));
	assert_true(fabs(loss - 3 * log(4)) < 1e-6);
}

static void
test_no_steps(void **state)
{
	double		loss = -1;

	(void) state;
	assert_true(hwr_ctc_loss(NULL, 0, 4, NULL, 0, &loss, NULL, 1, NULL));
	assert_true(loss == 0);
	assert_false(hwr_ctc_loss(NULL, 0, 4, (int[]) {1}, 1, &loss, NULL, 1, NULL));
	assert_true(isinf(loss));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_min_steps),
		cmocka_unit_test(test_enumeration),
		cmocka_unit_test(test_gradient),
		cmocka_unit_test(test_pytorch),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_certain),
		cmocka_unit_test(test_infeasible),
		cmocka_unit_test(test_no_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
