/*
 * lanes_neon.h
 *	  A register of NEON, for groups_impl.h: 4 lanes of 32 bits.
 */
#ifndef HWR_LANES_NEON_H
#define HWR_LANES_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define LANES 4
#define TILE_ROWS 6
#define PANEL_VECTORS 4

typedef uint8x16_t Groups;		/* elements, 32 bits of them a lane */
typedef float32x4_t Floats;

static inline Groups
groups_load(const void *x)
{
	return vld1q_u8(x);
}

/* One group in all lanes. */
static inline Groups
groups_spread(const void *x)
{
	uint32_t	group;

	memcpy(&group, x, sizeof(group));
	return vreinterpretq_u8_u32(vdupq_n_u32(group));
}

static inline Floats
floats_zero(void)
{
	return vdupq_n_f32(0);
}

static inline Floats
floats_max(Floats a, Floats b)
{
	return vmaxq_f32(a, b);
}

/* n floats, or a whole register of them if that is fewer; the other lanes are zero. */
static inline Floats
floats_load(const float *x, int n)
{
	float		line[LANES] = {0};

	if (n >= LANES)
		return vld1q_f32(x);
	if (n > 0)
		memcpy(line, x, (size_t) n * sizeof(float));
	return vld1q_f32(line);
}

static inline void
floats_store(float *x, int n, Floats v)
{
	float		line[LANES];

	if (n >= LANES)
	{
		vst1q_f32(x, v);
		return;
	}
	vst1q_f32(line, v);
	if (n > 0)
		memcpy(x, line, (size_t) n * sizeof(float));
}

#endif							/* HWR_LANES_NEON_H */
