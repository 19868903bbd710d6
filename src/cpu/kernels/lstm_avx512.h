/*
 * lstm_avx512.h
 *	  What lstm_impl.h has, in AVX-512's own instructions: exponents by vscalefps, divisions by an estimate and a step of
 *	  Newton's.  The compiler's vectors of the same loops spend half their time in divisions and in comparing for limits.
 *
 * Relative error of exp below 3e-7, as in vecmath.h; of a quotient below 2e-7.
 */
#include <immintrin.h>

#define CELLS 16				/* in a register */

/* Exponents beyond 28 change neither sigmoid nor tanh in float, and a product of three such powers does not overflow. */
__attribute__((always_inline)) static inline __m512
gate_exp(__m512 x)
{
	const __m512 round = _mm512_set1_ps(12582912.0f);	/* 1.5 * 2^23: added, it leaves whole numbers */
	__m512		k;
	__m512		p = _mm512_set1_ps(1.0f / 720.0f);

	/* a NaN comes through: it is the second operand */
	x = _mm512_min_ps(_mm512_set1_ps(28), _mm512_max_ps(_mm512_set1_ps(-28), x));
	k = _mm512_sub_ps(_mm512_fmadd_ps(x, _mm512_set1_ps(1.44269504f), round), round);
	x = _mm512_fnmadd_ps(k, _mm512_set1_ps(0.69314718f), x);
	p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(1.0f / 120.0f));
	p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(1.0f / 24.0f));
	p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(1.0f / 6.0f));
	p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(0.5f));
	p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(1.0f));
	p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(1.0f));
	return _mm512_scalef_ps(p, k);
}

/* 1 / x for x of 1 and more */
__attribute__((always_inline)) static inline __m512
inverse(__m512 x)
{
	__m512		y = _mm512_rcp14_ps(x);

	return _mm512_fmadd_ps(y, _mm512_fnmadd_ps(x, y, _mm512_set1_ps(1)), y);
}

__attribute__((always_inline)) static inline __m512
sigmoid(__m512 x)
{
	return inverse(_mm512_add_ps(_mm512_set1_ps(1), gate_exp(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

__attribute__((always_inline)) static inline __m512
tanh_of(__m512 x)
{
	__m512		e = gate_exp(_mm512_mul_ps(_mm512_set1_ps(-2), x));

	return _mm512_mul_ps(_mm512_sub_ps(_mm512_set1_ps(1), e), inverse(_mm512_add_ps(_mm512_set1_ps(1), e)));
}

/* The lanes of cells j and on. */
__attribute__((always_inline)) static inline __mmask16
cells_left(int n, int j)
{
	return n - j >= CELLS ? 0xffff : (__mmask16) ((1u << (n - j)) - 1);
}

static void
lstm_cell(size_t rows, int n, float *restrict gates, const float *restrict cell_before, float *restrict cell,
		  float *restrict tc, float *restrict h)
{
	for (size_t r = 0; r < rows; r++, gates += 4 * (size_t) n, cell += n, tc += n, h += n)
	{
		for (int j = 0; j < n; j += CELLS)
		{
			__mmask16	mask = cells_left(n, j);
			__m512		i = sigmoid(_mm512_maskz_loadu_ps(mask, gates + j));
			__m512		f = sigmoid(_mm512_maskz_loadu_ps(mask, gates + n + j));
			__m512		g = tanh_of(_mm512_maskz_loadu_ps(mask, gates + 2 * n + j));
			__m512		o = sigmoid(_mm512_maskz_loadu_ps(mask, gates + 3 * n + j));
			__m512		c = _mm512_mul_ps(i, g);
			__m512		t;

			if (cell_before != NULL)
				c = _mm512_fmadd_ps(f, _mm512_maskz_loadu_ps(mask, cell_before + r * (size_t) n + j), c);
			t = tanh_of(c);
			_mm512_mask_storeu_ps(gates + j, mask, i);
			_mm512_mask_storeu_ps(gates + n + j, mask, f);
			_mm512_mask_storeu_ps(gates + 2 * n + j, mask, g);
			_mm512_mask_storeu_ps(gates + 3 * n + j, mask, o);
			_mm512_mask_storeu_ps(cell + j, mask, c);
			_mm512_mask_storeu_ps(tc + j, mask, t);
			_mm512_mask_storeu_ps(h + j, mask, _mm512_mul_ps(o, t));
		}
	}
}

/* Two divisions a cell, as in lstm_impl.h. */
static void
lstm_step(size_t rows, int n, const float *restrict gates, bool first, float *restrict cell, float *restrict h)
{
	const __m512 one = _mm512_set1_ps(1);
	const __m512 minus = _mm512_set1_ps(-1);
	const __m512 twice = _mm512_set1_ps(-2);

	for (size_t r = 0; r < rows; r++, gates += 4 * (size_t) n, cell += n, h += n)
		for (int j = 0; j < n; j += CELLS)
		{
			__mmask16	mask = cells_left(n, j);
			__m512		i = gate_exp(_mm512_mul_ps(minus, _mm512_maskz_loadu_ps(mask, gates + j)));
			__m512		f = gate_exp(_mm512_mul_ps(minus, _mm512_maskz_loadu_ps(mask, gates + n + j)));
			__m512		g = gate_exp(_mm512_mul_ps(twice, _mm512_maskz_loadu_ps(mask, gates + 2 * n + j)));
			__m512		o = gate_exp(_mm512_mul_ps(minus, _mm512_maskz_loadu_ps(mask, gates + 3 * n + j)));
			__m512		ig = _mm512_mul_ps(_mm512_add_ps(one, i), _mm512_add_ps(one, g));
			__m512		c = _mm512_mul_ps(_mm512_sub_ps(one, g), _mm512_add_ps(one, f));
			__m512		t;

			if (!first)
				c = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, cell + j), ig, c);
			c = _mm512_mul_ps(c, inverse(_mm512_mul_ps(_mm512_add_ps(one, f), ig)));
			t = gate_exp(_mm512_mul_ps(twice, c));
			_mm512_mask_storeu_ps(cell + j, mask, c);
			_mm512_mask_storeu_ps(h + j, mask,
								  _mm512_mul_ps(_mm512_sub_ps(one, t),
												inverse(_mm512_mul_ps(_mm512_add_ps(one, o), _mm512_add_ps(one, t)))));
		}
}
