/* Hashes of pictures resampled by Pillow */
/* Written by test/reference/make_reference.py with PyTorch. */
#ifndef LANCZOS_VALUES_H
#define LANCZOS_VALUES_H

#define LANCZOS_CASES 9
static const int lanczos_sizes[][4] = {
	{40, 30, 17, 11},
	{23, 9, 91, 40},
	{64, 16, 32, 48},
	{31, 31, 31, 12},
	{12, 50, 80, 50},
	{7, 5, 7, 5},
	{1, 1, 9, 9},
	{300, 200, 3, 2},
	{1, 60, 5, 48}
};
static const unsigned lanczos_hashes[] = {
	3977467533, 296467141, 1026704031, 3329315308,
	2426071369, 2070788240, 1774988112, 3020245122,
	3533357540
};

#endif
