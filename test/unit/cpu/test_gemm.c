/*
 * test_gemm.c
 *	  Matrix products of several threads at once, against sums.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cpu/kernels/gemm.h"

#define THREADS 4
#define ROUNDS 4000
#define SIZE 64
#define DEPTH 448				/* beyond what OpenBLAS multiplies without a buffer */

/* A[m][k] = 1 + m, B[k][n] = n - row of this thread: whole numbers, so that every sum is exact */
static void *
multiply(void *arg)
{
	int			row = *(const int *) arg;
	hwr_real   *a = malloc(SIZE * DEPTH * sizeof(hwr_real));
	hwr_real   *b = malloc(SIZE * DEPTH * sizeof(hwr_real));
	hwr_real   *c = malloc(SIZE * SIZE * sizeof(hwr_real));
	intptr_t	wrong = 0;

	for (int m = 0; m < SIZE; m++)
		for (int k = 0; k < DEPTH; k++)
		{
			a[m * DEPTH + k] = (hwr_real) (1 + m);
			b[k * SIZE + m] = (hwr_real) (m - row);
		}
	for (int round = 0; round < ROUNDS; round++)
	{
		hwr_gemm_nn(SIZE, SIZE, DEPTH, a, DEPTH, b, SIZE, 0, c, SIZE);
		for (int m = 0; m < SIZE; m++)
			for (int n = 0; n < SIZE; n++)
				wrong += c[m * SIZE + n] != (hwr_real) (DEPTH * (1 + m) * (n - row));
	}
	free(a);
	free(b);
	free(c);
	return (void *) wrong;
}

static void
test_threads(void **state)
{
	pthread_t	threads[THREADS];
	int			rows[THREADS];

	(void) state;
	hwr_gemm_init();
	for (int i = 0; i < THREADS; i++)
	{
		rows[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, multiply, &rows[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
	{
		void	   *wrong;

		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_int_equal((intptr_t) wrong, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
