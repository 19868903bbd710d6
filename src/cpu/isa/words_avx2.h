/*
 * words_avx2.h
 *	  16-bit elements and their sums in registers of 256 bits, for words_impl.h.
 *
 * What multiplies and adds them, sum_add, is with each set of instructions.
 */
#define GROUP 2

typedef int16_t Element;
typedef __m256i Sum;

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	(void) p;
	(void) col;
	return _mm256_setzero_si256();
}

static inline Floats
sums_as_floats(Sum sum)
{
	return _mm256_cvtepi32_ps(sum);
}

static inline Floats
load_elements(const float *x)
{
	return _mm256_loadu_ps(x);
}

static inline void
store_elements(Floats x, Element *out)
{
	__m256i		wide = _mm256_cvtps_epi32(x);

	_mm_storeu_si128((__m128i *) out, _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1)));
}
