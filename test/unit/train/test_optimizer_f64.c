/*
 * test_optimizer_f64.c
 *	  test_optimizer.c with hwr_real = double.
 */
#include "test_optimizer.c"
