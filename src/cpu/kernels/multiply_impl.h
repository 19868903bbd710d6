/*
 * multiply_impl.h
 *	  The matrix product of the convolutions, included by kernels_impl.h.
 *
 * A tile of TILE_ROWS x 2 vectors of C stays in registers over the whole depth; each step
 * loads two vectors of B and broadcasts one value of A a row.  A is read in place
 * with any strides, so that neither patches nor transposes are written out.
 */

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(HWR_KERNELS_NEON)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define TILE_ROWS 8
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#define TILE_ROWS 6
#elif defined(HWR_KERNELS_NEON)
#define VECTOR_BYTES 16
#define TILE_ROWS 8
#else
#define VECTOR_BYTES 16
#define TILE_ROWS 4
#endif

#define LANES (VECTOR_BYTES / (int) sizeof(hwr_real))
#define PANEL (2 * LANES)

typedef hwr_real Vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(hwr_real)), may_alias));

/*
 * s * b + c in one rounding wherever the processor can.  Left to choose, GCC 14 fuses them in a
 * tile of several rows and not in one of a single vector, and the bits of a row would depend on how
 * many rows its thread was given.
 */
#ifdef HWR_REAL_DOUBLE
#define BY_TYPE(name) name##d
#define NEON_MULTIPLY_ADD vfmaq_n_f64
#else
#define BY_TYPE(name) name##s
#define NEON_MULTIPLY_ADD vfmaq_n_f32
#endif
#if defined(__AVX512F__)
#define MULTIPLY_ADD(s, b, c) BY_TYPE(_mm512_fmadd_p)(BY_TYPE(_mm512_set1_p)(s), b, c)
#elif defined(__AVX2__)
#define MULTIPLY_ADD(s, b, c) BY_TYPE(_mm256_fmadd_p)(BY_TYPE(_mm256_set1_p)(s), b, c)
#elif defined(HWR_KERNELS_NEON)
#define MULTIPLY_ADD(s, b, c) ((Vector) NEON_MULTIPLY_ADD(c, b, s))
#else
#define MULTIPLY_ADD(s, b, c) ((s) * (b) + (c))
#endif

/* The larger of each pair; C has no ?: for vectors. */
__attribute__((always_inline)) static inline Vector
vector_max(Vector a, Vector b)
{
	__typeof__(a > b) mask = a > b;

	return (Vector) (((__typeof__(mask)) a & mask) | ((__typeof__(mask)) b & ~mask));
}

/* acc += A[rows][k] B[k][vectors], from one part.  rows and vectors are constants once inlined. */
__attribute__((always_inline)) static inline void
tile_part(int rows, int vectors, const hwr_real *const a[TILE_ROWS], ptrdiff_t a_col, int k,
		  const hwr_real *b, Vector acc[TILE_ROWS][2])
{
	for (int i = 0; i < k; i++, b += PANEL)
	{
		Vector		b0 = *(const Vector *) b;
		Vector		b1 = b0;

		if (vectors == 2)
			b1 = *(const Vector *) (b + LANES);
#pragma GCC unroll 8
		for (int r = 0; r < rows; r++)
		{
			hwr_real	s = a[r][i * a_col];

			acc[r][0] = MULTIPLY_ADD(s, b0, acc[r][0]);
			if (vectors == 2)
				acc[r][1] = MULTIPLY_ADD(s, b1, acc[r][1]);
		}
	}
}

/* What is added to and cut off a vector of C. */
__attribute__((always_inline)) static inline Vector
finished(const HwrProduct *p, Vector x, const hwr_real *c, const hwr_real *bias)
{
	if (p->accumulate)
		x += *(const Vector *) c;
	if (p->bias != NULL)
		x += *(const Vector *) bias;
	if (p->relu)
		x = vector_max(x, (Vector) {0});
	return x;
}

/* Write a tile: rows x cols of it belong to C. */
__attribute__((always_inline)) static inline void
tile_store(const HwrProduct *p, int row, int col, int rows, int vectors, int cols, Vector acc[TILE_ROWS][2])
{
#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
		for (int v = 0; v < vectors; v++)
		{
			hwr_real   *c = p->c + (ptrdiff_t) (row + r) * p->c_row + col + v * LANES;
			const hwr_real *bias = p->bias != NULL ? p->bias + col + v * LANES : NULL;
			int			left = cols - v * LANES;
			hwr_real	line[2][LANES] = {{0}};

			if (left >= LANES)
			{
				*(Vector *) c = finished(p, acc[r][v], c, bias);
				continue;
			}
			if (p->accumulate)
				memcpy(line[0], c, (size_t) left * sizeof(hwr_real));
			if (bias != NULL)
				memcpy(line[1], bias, (size_t) left * sizeof(hwr_real));
			*(Vector *) line[0] = finished(p, acc[r][v], line[0], line[1]);
			memcpy(c, line[0], (size_t) left * sizeof(hwr_real));
		}
}

__attribute__((always_inline)) static inline void
tile(const HwrProduct *p, int rows, int vectors, int row, int col, int cols)
{
	const hwr_real *a = p->a;
	const hwr_real *b = (const hwr_real *) p->b + (ptrdiff_t) col * p->parts * p->k;
	Vector		acc[TILE_ROWS][2];

#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
		acc[r][0] = acc[r][1] = (Vector) {0};
	for (int part = 0; part < p->parts; part++, a += p->a_part, b += (ptrdiff_t) p->k * PANEL)
	{
		const hwr_real *at[TILE_ROWS];

#pragma GCC unroll 8
		for (int r = 0; r < rows; r++)
			at[r] = a + (ptrdiff_t) (row + r) * p->a_row;
		tile_part(rows, vectors, at, p->a_col, p->k, b, acc);
	}
	tile_store(p, row, col, rows, vectors, cols, acc);
}

/* The last rows of C, fewer than a whole tile. */
__attribute__((always_inline)) static inline void
tile_rest(const HwrProduct *p, int rows, int vectors, int row, int col, int cols)
{
	switch (rows)
	{
		case 1:
			tile(p, 1, vectors, row, col, cols);
			break;
		case 2:
			tile(p, 2, vectors, row, col, cols);
			break;
		case 3:
			tile(p, 3, vectors, row, col, cols);
			break;
#if TILE_ROWS > 4
		case 4:
			tile(p, 4, vectors, row, col, cols);
			break;
		case 5:
			tile(p, 5, vectors, row, col, cols);
			break;
#endif
#if TILE_ROWS > 6
		case 6:
			tile(p, 6, vectors, row, col, cols);
			break;
		case 7:
			tile(p, 7, vectors, row, col, cols);
			break;
#endif
	}
}

/* One panel of columns, one or two vectors wide. */
__attribute__((always_inline)) static inline void
multiply_panel(const HwrProduct *p, int vectors, int col, int cols)
{
	int			row = 0;

	for (; row + TILE_ROWS <= p->m; row += TILE_ROWS)
		tile(p, TILE_ROWS, vectors, row, col, cols);
	tile_rest(p, p->m - row, vectors, row, col, cols);
}

static void
multiply(const HwrProduct *p)
{
	for (int col = 0; col < p->n; col += PANEL)
	{
		int			cols = p->n - col < PANEL ? p->n - col : PANEL;

		if (cols <= LANES)
			multiply_panel(p, 1, col, cols);
		else
			multiply_panel(p, 2, col, cols);
	}
}

/* B[parts * k][n] row-major to panels of PANEL columns, the last padded with zeros. */
static void
pack(int parts, int k, int n, const hwr_real *b, void *out)
{
	hwr_real   *to = out;

	for (int col = 0; col < n; col += PANEL)
	{
		int			cols = n - col < PANEL ? n - col : PANEL;

		for (int i = 0; i < parts * k; i++, to += PANEL)
		{
			memcpy(to, b + (ptrdiff_t) i * n + col, (size_t) cols * sizeof(hwr_real));
			memset(to + cols, 0, (size_t) (PANEL - cols) * sizeof(hwr_real));
		}
	}
}
