/*
 * test_ctc_f64.c
 *	  test_ctc.c with hwr_real = double, where finite differences are exact to many digits.
 */
#include "test_ctc.c"
