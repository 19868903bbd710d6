/* Hashes of canvases that kraken makes of lines cut out as boxes */
/* Written by test/reference/make_kraken.py with kraken. */
#ifndef CENTERLINE_VALUES_H
#define CENTERLINE_VALUES_H

#define CENTERLINE_CASES 6
/* picture, its width and height, the canvas's height and width, its hash */
static const unsigned centerline_cases[][6] = {
	{0, 200, 40, 48, 152, 1451041839},
	{1, 413, 57, 48, 205, 3458250498},
	{2, 97, 33, 30, 74, 1334194269},
	{3, 640, 21, 48, 763, 2186800003},
	{4, 60, 90, 36, 43, 3468448530},
	{7, 1200, 64, 120, 1157, 443166032}
};

#endif
