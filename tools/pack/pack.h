/*
 * pack.h
 *	  Labelled images in one small file, to be trained on where there is no database.
 *
 * A file is records one after another: part, lengths, label, picture.  A picture is the ink canvas in 8 levels.
 *
 * The coder is a binary range coder with adaptive probabilities (as in LZMA).  A pixel's level is three
 * decisions, from the highest bit, each with a probability for its place in that tree and for the levels of
 * the pixels to the left, above and above on the right.  The probabilities go on from picture to picture, so
 * a file is read from its beginning.
 */
#ifndef HWR_PACK_H
#define HWR_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACK_MAGIC "hwrpack1"

#define PACK_BITS 3
#define PACK_LEVELS (1 << PACK_BITS)

typedef enum PackPart
{
	PACK_TRAIN,
	PACK_VALIDATION,
	PACK_TEST
} PackPart;

/* Before label and picture, each number little-endian as x86 and Arm have it. */
typedef struct PackRecord
{
	uint32_t	picture_len;
	uint16_t	label_len;
	uint16_t	width;
	uint16_t	height;
	uint16_t	part;
} PackRecord;

/* Probabilities of a 0: by the pixels around, by the place in the tree. */
typedef struct PackModel
{
	uint16_t	zero[PACK_LEVELS * PACK_LEVELS * 4][PACK_LEVELS];
} PackModel;

extern void pack_start(PackModel *model);

/*
 * Levels 0 .. PACK_LEVELS - 1 of [height][width] to bytes, malloc'd, NULL where there is no memory; and back,
 * false for damaged bytes.
 */
extern uint8_t *pack_encode(PackModel *model, const uint8_t *levels, int width, int height, uint32_t *len);
extern bool pack_decode(PackModel *model, const uint8_t *bytes, uint32_t len, uint8_t *levels, int width, int height);

#endif							/* HWR_PACK_H */
