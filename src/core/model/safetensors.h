/*
 * safetensors.h
 *	  Reader and writer of the safetensors file format.
 *
 * Layout: 8 bytes little-endian header length, a JSON object {name: {dtype, shape, data_offsets}, ...,
 * "__metadata__": {string: string}}, padded with blanks to a multiple of 8, then the data.
 * Source: the format description of the safetensors project.
 */
#ifndef HWR_SAFETENSORS_H
#define HWR_SAFETENSORS_H

#include <stdint.h>

#include "core/base/status.h"

typedef struct HwrSafeTensor
{
	const char *name;
	const char *dtype;			/* "F32", "F16", "BF16"; "U8": bytes, no values */
	int			ndim;
	int64_t		shape[8];
	const uint8_t *data;		/* into the caller's bytes, maybe unaligned */
	size_t		nbytes;
} HwrSafeTensor;

typedef struct HwrSafeTensors HwrSafeTensors;

/*
 * Parse bytes[len]; the result points into bytes, which must outlive it.  Checked: header length, JSON, that
 * every tensor's offsets lie inside the data, agree with shape x dtype, do not overlap, and that they
 * cover the data without holes.  Error: HWR_BAD_MODEL with a detail naming the field.
 */
extern bool hwr_safetensors_open(const uint8_t *bytes, size_t len, HwrSafeTensors **out, HwrStatus *st);
extern void hwr_safetensors_close(HwrSafeTensors *file);

extern int	hwr_safetensors_count(const HwrSafeTensors *file);
extern const HwrSafeTensor *hwr_safetensors_get(const HwrSafeTensors *file, int i);
extern const HwrSafeTensor *hwr_safetensors_find(const HwrSafeTensors *file, const char *name);

/* A metadata string or NULL. */
extern const char *hwr_safetensors_metadata(const HwrSafeTensors *file, const char *key);

/*
 * Values as float, converting F16 and BF16; HWR_BAD_MODEL if dtype or count do not fit or a value
 * is not finite.  Bytes (U8) are read where they are: data, nbytes.
 */
extern bool hwr_safetensors_read(const HwrSafeTensor *tensor, float *out, size_t count, HwrStatus *st);

/* One tensor to write. */
typedef struct HwrSafeTensorOut
{
	const char *name;
	int			ndim;
	int			shape[4];
	const float *data;
	bool		half;			/* as F16, rounded to nearest even, else as F32 */
	const uint8_t *bytes;		/* not NULL: as U8, and data is not looked at */
} HwrSafeTensorOut;

/*
 * Write: metadata as nmeta pairs {key, value}; deterministic bytes for equal input. *out is malloc'd.
 * HWR_BAD_MODEL where a value is too large for F16.
 */
extern bool hwr_safetensors_write(const HwrSafeTensorOut *tensors, int n,
								  const char *const (*metadata)[2], int nmeta,
								  uint8_t **out, size_t *len, HwrStatus *st);

/* Values as little-endian F32 or F16, rounded to nearest even; false where one is too large for F16. */
extern void hwr_put_floats(uint8_t *to, const float *values, size_t count);
extern bool hwr_put_halves(uint8_t *to, const float *values, size_t count);

#endif							/* HWR_SAFETENSORS_H */
