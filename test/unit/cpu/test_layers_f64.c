/*
 * test_layers_f64.c
 *	  test_layers.c with hwr_real = double.
 */
#include "test_layers.c"
