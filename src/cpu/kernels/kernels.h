/*
 * kernels.h
 *	  The element-wise inner loops, one table for each instruction set.
 *
 * kernels_impl.h is compiled once for plain C, AVX2, AVX-512 and NEON; hwr_kernels() picks the
 * table by what the processor has.  The environment variable HWR_CPU = plain | avx2 | avxvnni | avx512 |
 * avx512vnni | avx512bf16 | amx, on 64-bit Arm plain | neon | neondot | neonbf16, lowers the choice
 * (for tests); another value is ignored, which hwr_cpu_check tells.  Maps are row-major [rows][cols], cols being channels.
 */
#ifndef HWR_KERNELS_H
#define HWR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/real.h"
#include "core/network/vgsl.h"

/* Whether the compiler knows AVX-VNNI: what AVX-512 VNNI has, for processors without AVX-512. */
#if defined(__clang__) || __GNUC__ >= 11
#define HWR_AVX_VNNI 1
#else
#define HWR_AVX_VNNI 0
#endif

/*
 * C[m][n] = [C +] sum over parts of A_part[m][k] B_part[k][n], then + bias[n], then ReLU.
 *
 * Strides are in elements.  A: element (i, j) of part p at a + p a_part + i a_row + j a_col.  B: as HwrElements.pack
 * leaves it.
 */
typedef struct HwrProduct
{
	int			m;
	int			n;
	int			k;
	int			parts;
	const void *a;				/* elements */
	ptrdiff_t	a_row;
	ptrdiff_t	a_col;
	ptrdiff_t	a_part;
	const void *b;
	hwr_real   *c;
	ptrdiff_t	c_row;
	bool		accumulate;
	const hwr_real *bias;		/* or NULL */
	bool		relu;
} HwrProduct;

/*
 * C[m][n] += sum over parts of A_part[depth][m] transposed times B_part[depth][n]: the gradient of weights.
 *
 * A and B are as HwrElements.pack_rows leaves them, A in panels of outer_rows columns, B in panels
 * of "panel" columns; distances are in elements.
 */
typedef struct HwrOuter
{
	int			m;
	int			n;
	int			depth;
	int			parts;
	const void *a;
	ptrdiff_t	a_panel;
	ptrdiff_t	a_part;
	const void *b;
	ptrdiff_t	b_panel;
	ptrdiff_t	b_part;
	ptrdiff_t	a_step;			/* elements of hwr_real only: rows lie in memory so far apart, with panels in them; 0: packed */
	ptrdiff_t	b_step;			/* likewise; a whole panel is read where the row ends */
	hwr_real   *c;
	ptrdiff_t	c_row;
} HwrOuter;

/* A row of tiles of Winograd's convolution (winograd.h) from the products to the map. */
typedef struct HwrTilesOut
{
	int			tiles;
	int			cols;			/* channels */
	const hwr_real *products;	/* frequency f, tile i, channel c at f frequency + i tile + c; whole vectors are read */
	ptrdiff_t	tile;
	ptrdiff_t	frequency;
	hwr_real	by;				/* what the products are multiplied by */
	const hwr_real *bias;		/* [cols] or NULL */
	bool		relu;
	const hwr_real *scale;		/* y scale + shift after that; or NULL */
	const hwr_real *shift;
	int			pool_y;			/* then the maximum of 1 x 1, 2 x 1 or 2 x 2 places */
	int			pool_x;
	hwr_real   *out;			/* [4 / pool_y][4 tiles / pool_x][cols] */
	ptrdiff_t	out_row;
	ptrdiff_t	out_col;
} HwrTilesOut;

/*
 * Rows of a convolution with stride 1 and what follows it, from elements to elements:
 *	 out = after(max over windows of before(relu(convolution + bias)))
 *
 * The map is bordered: place (y, x) of the convolution takes rows y .. y + ky - 1 and columns x .. x + kx - 1.  It is read up
 * to HWR_CONVOLVE_PAST(c) elements further than that, which must be there and finite.  bias [d]; scale and shift [d]: before
 * the pool, or NULL; after_scale and after_shift likewise.
 */
typedef struct HwrConvolution
{
	int			rows;			/* of the output */
	int			columns;
	int			c;				/* channels in and out */
	int			d;
	int			ky;
	int			kx;
	const void *map;			/* elements: what row 0 of the output begins with */
	ptrdiff_t	map_row;
	const void *kernel;			/* as convolution_pack leaves it */
	const hwr_real *bias;
	bool		relu;
	const hwr_real *scale;
	const hwr_real *shift;
	int			pool_y;			/* windows of 1 x 1, 2 x 1 or 2 x 2, which do not overlap */
	int			pool_x;
	const hwr_real *after_scale;
	const hwr_real *after_shift;
	void	   *out;			/* elements [rows][columns][d], rows out_row apart */
	ptrdiff_t	out_row;
} HwrConvolution;

/* Places that fill up a row of 16, and what fills up a vector of 64 bytes. */
#define HWR_CONVOLVE_PAST(c) (15 * (size_t) (c) + 32)

typedef struct HwrElements HwrElements;

typedef struct HwrKernels
{
	const char *name;
	const HwrElements *elements;	/* hwr_real as elements */

	/* y[i] = ink[i] / 255 */
	void		(*from_ink) (size_t n, const uint8_t *ink, hwr_real *y);

	/* y = activation(y + bias[col]), in place */
	void		(*bias_act) (size_t rows, int cols, const hwr_real *bias, HwrActivation act, hwr_real *y);

	/* dy *= activation'(at output y), in place */
	void		(*act_back) (size_t rows, int cols, const hwr_real *y, HwrActivation act, hwr_real *dy);

	/* acc[col] += sum over rows */
	void		(*col_sum) (size_t rows, int cols, const hwr_real *x, hwr_real *acc);

	/* y += x */
	void		(*add) (size_t n, const hwr_real *x, hwr_real *y);

	/* sum of squares */
	double		(*sum_squares) (size_t n, const hwr_real *x);

	/* sum[col], sumsq[col]: overwritten */
	void		(*norm_stats) (size_t rows, int cols, const hwr_real *x, double *sum, double *sumsq);

	/* y = x * scale[col] + shift[col]; y may be x */
	void		(*norm_apply) (size_t rows, int cols, const hwr_real *x,
							   const hwr_real *scale, const hwr_real *shift, hwr_real *y);

	/* sum_dy[col] = sum dy, sum_dyx[col] = sum dy * (x - mean) * inv_std: overwritten */
	void		(*norm_back_stats) (size_t rows, int cols, const hwr_real *x, const hwr_real *dy,
									const hwr_real *mean, const hwr_real *inv_std,
									double *sum_dy, double *sum_dyx);

	/* dx = a[col] * dy + b[col] * x + c[col] */
	void		(*norm_back_apply) (size_t rows, int cols, const hwr_real *x, const hwr_real *dy,
									const hwr_real *a, const hwr_real *b, const hwr_real *c,
									hwr_real *dx);

	/*
	 * Max over a ky x kx window of vectors of cols channels; x points to the
	 * window's first vector, rows are row_stride apart.  which (or NULL): index of
	 * the maximum in the window.
	 */
	void		(*pool_max) (int ky, int kx, int cols, size_t row_stride,
							 const hwr_real *x, hwr_real *y, uint8_t *which);

	/* A whole row of windows: y[columns][cols], windows step columns of x apart */
	void		(*pool_row) (int ky, int kx, int cols, size_t row_stride, int columns, int step,
							 const hwr_real *x, hwr_real *y);

	/* The same for training: which[columns][cols] as above */
	void		(*pool_row_which) (int ky, int kx, int cols, size_t row_stride, int columns, int step,
								   const hwr_real *x, hwr_real *y, uint8_t *which);

	/*
	 * A row of the map under a row of windows kx wide that do not overlap: dx[columns][kx][cols] =
	 * dy where which names first, first + 1 ..., else 0
	 */
	void		(*unpool_row) (int kx, int cols, int columns, int first, const uint8_t *which,
							   const hwr_real *dy, hwr_real *dx);

	/* dx[window position] += dy where which names it */
	void		(*pool_back) (int ky, int kx, int cols, size_t row_stride,
							  const uint8_t *which, const hwr_real *dy, hwr_real *dx);

	/* The output transform of Winograd's convolution with what follows it. */
	void		(*winograd_out) (const HwrTilesOut *p);

	/*
	 * The way back for the gradient of the kernel, a row of tiles: map [4][4 tiles][c], rows map_row apart, to out, which
	 * is laid out as that of HwrElements.winograd_in.  c >= HWR_WINOGRAD_MIN_CHANNELS.
	 */
	void		(*winograd_out_back) (int tiles, int c, ptrdiff_t map_row, const hwr_real *map, ptrdiff_t frequency,
									  hwr_real *out);

	/*
	 * LSTM cell, rows sequences: gates[rows][4n] pre-activations in, activations i, f, g, o
	 * out; cell = f * cell_before + i * g (cell_before NULL: zero), tc = tanh(cell),
	 * h = o * tc.  All [rows][n].
	 */
	void		(*lstm_cell) (size_t rows, int n, hwr_real *gates, const hwr_real *cell_before,
							  hwr_real *cell, hwr_real *tc, hwr_real *h);

	/*
	 * Its gradient: dh, dc (d loss / d cell from later steps; updated to the step
	 * before) [rows][n]; gates in activations, out d loss / d pre-activations.
	 */
	void		(*lstm_cell_back) (size_t rows, int n, hwr_real *gates, const hwr_real *cell_before,
								   const hwr_real *tc, const hwr_real *dh, hwr_real *dc);

	/*
	 * The same for inference, with fewer divisions and nothing kept: gates[rows][4n]
	 * pre-activations, cell[rows][n] updated in place (first: from zero), h[rows][n] out.
	 */
	void		(*lstm_step) (size_t rows, int n, const hwr_real *gates, bool first, hwr_real *cell, hwr_real *h);

	/* y[i] = 0 where draws[i] < limit, else scale x[i] */
	void		(*drop) (size_t n, const uint16_t *draws, uint32_t limit, hwr_real scale, const hwr_real *x, hwr_real *y);

	/* y[row] = log softmax of x[row] */
	void		(*log_softmax) (size_t rows, int cols, const hwr_real *x, hwr_real *y);
} HwrKernels;

extern const HwrKernels *hwr_kernels(void);

/*
 * What products are of: elements of hwr_real, or bfloat16 (round to nearest even) with sums
 * in float32, or 8-bit numbers with exact sums.  The last are for values of A in [-1, 1] only.
 */
struct HwrElements
{
	const char *name;			/* "float32", "bfloat16", "int16", "int8" */
	size_t		size;			/* bytes of an element */
	int			panel;			/* columns of a packed panel */
	int			one;			/* int8: what 1 is in A, counted from what 0 is; else 0 */

	void		(*multiply) (const HwrProduct *p);

	/* Bytes of B[parts * k][n] in packed form, and the packing */
	size_t		(*packed_size) (int parts, int k, int n);
	void		(*pack) (int parts, int k, int n, const hwr_real *b, void *out);

	/*
	 * The input transform of Winograd's convolution for a row of tiles.  map: elements [6][4 tiles
	 * + 2][c], rows map_row apart; out: frequency f, tile i, channel j at f frequency + i c + j.  c
	 * >= HWR_WINOGRAD_MIN_CHANNELS.  NULL where products are so fast that the transforms would not pay.
	 */
	void		(*winograd_in) (int tiles, int c, ptrdiff_t map_row, const void *map, ptrdiff_t frequency, void *out);

	/* Of 16-bit elements instead of that: from a map of hwr_real.  Returns what the products are to be multiplied by. */
	hwr_real	(*winograd_in_scaled) (int tiles, int c, ptrdiff_t map_row, const hwr_real *map, ptrdiff_t frequency,
									   void *out);

	/*
	 * A convolution done at once, and its kernel [ky][kx][c][d] packed for that; NULL where rows of products, or Winograd's
	 * filtering, are as fast.  Where there is winograd_in too, it is for what Winograd's filtering does not do.
	 */
	size_t		(*convolution_size) (int ky, int kx, int c, int d);
	void		(*convolution_pack) (int ky, int kx, int c, int d, const hwr_real *kernel, void *packed);
	void		(*convolve) (const HwrConvolution *p);

	/* out[i] = x[i] as elements */
	void		(*store) (size_t n, const hwr_real *x, void *out);

	/* out[i] = ink[i] as elements, 0 .. 255; int8: NULL */
	void		(*store_ink) (size_t n, const uint8_t *ink, void *out);

	/* The rest is for training; int8 has none of it. */
	int			group;			/* rows that lie together in a panel, 1 or 2 */
	int			outer_rows;		/* columns of a panel of HwrOuter.a */

	/*
	 * x[depth][n], rows x_row apart, to panels [depth / group][width][group], out_panel elements
	 * apart; the last panel and the last group are filled up with zeros.
	 */
	void		(*pack_rows) (int depth, int n, int width, const hwr_real *x, ptrdiff_t x_row,
							  void *out, ptrdiff_t out_panel);

	/* The transposed matrix likewise, in panels of "panel": x[n][depth] */
	void		(*pack_columns) (int depth, int n, const hwr_real *x, ptrdiff_t x_row,
								 void *out, ptrdiff_t out_panel);

	void		(*outer) (const HwrOuter *p);
};

/* What is in use, as HWR_CPU names it */
extern const char *hwr_kernels_level(void);

/*
 * bfloat16 elements, or NULL where the processor has no such instructions, they are no faster, or
 * HWR_CPU forbids them.
 */
extern const HwrElements *hwr_elements_bfloat16(void);

/* 8-bit elements, likewise. */
extern const HwrElements *hwr_elements_int8(void);

/* 16-bit elements for the products of Winograd's convolution where maps are of hwr_real, likewise. */
extern const HwrElements *hwr_elements_int16(void);

extern const HwrKernels hwr_kernels_plain;
#if defined(__x86_64__)
extern const HwrKernels hwr_kernels_avx2;
extern const HwrKernels hwr_kernels_avx512;
extern const HwrElements hwr_elements_avx2_int8;
extern const HwrElements hwr_elements_avx2_int16;
#if HWR_AVX_VNNI
extern const HwrElements hwr_elements_avxvnni_int8;
extern const HwrElements hwr_elements_avxvnni_int16;
#endif
extern const HwrElements hwr_elements_avx512_bytes;
extern const HwrElements hwr_elements_avx512_int16;
extern const HwrElements hwr_elements_avx512_bf16;
extern const HwrElements hwr_elements_avx512_int8;
extern const HwrElements hwr_elements_amx_bf16;
extern const HwrElements hwr_elements_amx_int8;
#elif defined(__aarch64__)
extern const HwrKernels hwr_kernels_neon;
extern const HwrElements hwr_elements_neon_bf16;
extern const HwrElements hwr_elements_neon_int8;
#endif

#endif							/* HWR_KERNELS_H */
