/*
 * amx.h
 *	  Products on the tiles of Intel's AMX, on elements that the kernels for AVX-512 pack.
 *
 * A tile is 16 rows of 64 bytes.  One instruction multiplies 16 rows of A, 32 or 64 elements deep, with 16 columns of B, packed
 * in groups as groups_impl.h says, and adds to a tile of 16 x 16 sums.  Where the depth, the rows or the columns do not fill
 * tiles, they are copied to ones filled up with zeros, so that nothing outside of the operands is read.
 *
 * Each function sets the tiles up and releases them: between two calls the thread has none.
 */
#ifndef HWR_AMX_H
#define HWR_AMX_H

#include "kernels.h"

/* Columns of B, and of outer's A, in a panel. */
#define HWR_AMX_PANEL 32
#define HWR_AMX_OUTER_ROWS 16

/*
 * Products less deep are left to AVX-512: most of a tile would be zeros.  The depth alone decides, never the number of rows,
 * so that a row's bits do not depend on which others a thread is given.
 */
#define HWR_AMX_LEAST_DEPTH 16

/* Fewer rows of bytes than this are left to AVX-512; the sums are whole numbers and the same. */
#define HWR_AMX_LEAST_ROWS 4

/* Whether the processor has AMX with bfloat16 and 8 bits, and the kernel lets this process use it: it is asked to. */
extern bool hwr_amx_ready(void);

/* What HwrElements.multiply says, of bfloat16. */
extern void hwr_amx_multiply_bf16(const HwrProduct *p);

/* The same of bytes; of each column: what sums are multiplied by, and what they begin with (kernels_avx512_int8.c). */
extern void hwr_amx_multiply_int8(const HwrProduct *p, const float *scales, const int32_t *starts, const int8_t *panels);

/* What HwrElements.outer says, of bfloat16. */
extern void hwr_amx_outer_bf16(const HwrOuter *p);

/* HwrElements.convolution_size, convolution_pack and convolve, of bfloat16. */
extern size_t hwr_amx_convolution_size(int ky, int kx, int c, int d);
extern void hwr_amx_convolution_pack(int ky, int kx, int c, int d, const float *kernel, void *packed);
extern void hwr_amx_convolve_bf16(const HwrConvolution *p);

#endif							/* HWR_AMX_H */
