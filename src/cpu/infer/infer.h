/*
 * infer.h
 *	  Inference for the usual shape of a CRNN, fused and in float32, bfloat16 or, where an LSTM's output is multiplied, int8.
 *
 * The shape: stages of [convolution of stride 1, batch norm?, max-pool?, batch norm?], then perhaps
 * a reshape, then a sequence of dense layers and LSTMs along x, then the output.  Other networks
 * run through HwrCpuPlan.
 *
 *	 infer.c		recognises the shape, holds the rearranged weights
 *	 infer_front.c	the stages, one image at a time
 *	 infer_seq.c	the sequence, the whole batch at a time
 */
#ifndef HWR_INFER_H
#define HWR_INFER_H

#include "cpu/kernels/kernels.h"
#include "cpu/layers/layers.h"

typedef struct HwrInfer HwrInfer;

/*
 * *out is NULL where the network has another shape.  e: elements of all products but those of LSTM
 * outputs, which are in [-1, 1]; bounded: elements of these; winograd: 16-bit elements for what is done by Winograd's filtering
 * where e are of hwr_real, or NULL.
 */
extern bool hwr_infer_create(const HwrNet *net, const HwrKernels *k, const HwrElements *e, const HwrElements *winograd,
							 const HwrElements *bounded, HwrPool *pool, HwrInfer **out, HwrStatus *st);
extern void hwr_infer_free(HwrInfer *inf);

/* Bytes held. */
extern size_t hwr_infer_memory(const HwrInfer *inf);

/* Take over the parameter block: values[nvalues], which must outlive the next runs. */
extern void hwr_infer_set_values(HwrInfer *inf, const hwr_real *values);

/* As HwrBackend.infer_widths. */
extern bool hwr_infer_run(HwrInfer *inf, int n, const int *widths, const uint8_t *ink, float *logp, HwrStatus *st);

#endif							/* HWR_INFER_H */
