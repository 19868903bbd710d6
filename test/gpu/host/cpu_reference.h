/*
 * cpu_reference.h
 *	  The CPU core's operations in the form in which the CUDA kernels have them.
 *
 * In C, because the core's headers are.
 */
#ifndef CPU_REFERENCE_H
#define CPU_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C"
{
#endif

#include "core/augment/augment.h"
#include "core/train/optimizer.h"
#include "core/network/vgsl.h"

/* A map, and a window over it, as HwrGpuMap. */
typedef struct CpuMap
{
	int			n,
				h,
				w,
				c,
				ky,
				kx,
				sy,
				sx;
} CpuMap;

/* By how much the statistics kept move in training here */
#define CPU_MEASURE 0.25

/* Gamma, beta, mean and variance kept [4][c], and their gradients. */
typedef struct CpuNorm
{
	float	   *values;
	float	   *grads;
} CpuNorm;

/* y = pool(norm(act(z + bias))); norm NULL: none.  The pooled map is written. */
extern void cpu_point_forward(const CpuMap *map, const float *z, const float *bias, HwrActivation act, CpuNorm *norm,
							  bool training, float *y);

/* The same (training), then back from dy: dz [n][h][w][c], dbias [c], norm->grads. */
extern void cpu_point_backward(const CpuMap *map, const float *z, const float *bias, HwrActivation act, CpuNorm *norm,
							   const float *dy, float *dz, float *dbias);

extern void cpu_softmax(int rows, int cols, const float *bias, float *z);
extern void cpu_softmax_back(int rows, int cols, const float *y, float *dy);
extern void cpu_log_softmax(int rows, int cols, const float *x, float *logp);

/* The reshape layer with height h = a * (h / a), forward or back. */
extern void cpu_reshape(int n, int h, int w, int c, int a, bool back, const float *x, float *y);

extern void cpu_dropout(int rows, int cols, float p, int layer, uint64_t key, const float *x, float *y);

extern void cpu_lstm_cell(int rows, int n, float *gates, const float *cell_before, float *cell, float *tc, float *h);
extern void cpu_lstm_cell_back(int rows, int n, float *gates, const float *cell_before, const float *tc,
							   const float *dh, float *dc);

/* Workspace and all. */
extern bool cpu_ctc(const float *logp, int T, int K, const int *label, int L, double scale, double *loss, float *grad);

/* Best path: ids[T], returns their number. */
extern int	cpu_greedy(const float *logp, int T, int K, int *ids);

extern void cpu_augment(const uint8_t *src, uint8_t *dst, int h, int w, const HwrAugmentStrengths *strengths,
						uint64_t key, uint64_t stream);

#ifdef __cplusplus
}
#endif

#endif							/* CPU_REFERENCE_H */
