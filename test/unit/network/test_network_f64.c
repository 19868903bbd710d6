/*
 * test_network_f64.c
 *	  test_network.c with hwr_real = double.
 */
#include "test_network.c"
