/*
 * amx_impl.h
 *	  The loops over tiles of amx.h, included by kernels_amx.c, and by the test that imitates the tiles on any processor.
 *
 * The including file defines, tile numbers being constants 0 .. 7,
 *	 TILES_SET(config)				all tiles zero, of the rows and columns that config says; TILES_RELEASE()
 *	 TILE_ZERO(t)
 *	 TILE_LOAD(t, from, stride)		16 rows of 64 bytes, stride bytes apart; TILE_STORE(t, to, stride)
 *	 TILE_BF16(c, a, b)				tile c += tile a times tile b
 *	 TILE_INT8(c, a, b)				the same, a unsigned, b signed
 *	 ROW_LOAD(from, bytes)			a Row whose first 1 .. 64 bytes are those at from, the others zero; nothing else is read
 *	 ROW_STORE(to, row, bytes)		the first bytes of a Row, nothing else is written
 *	 BF16_STORE(to, left, right, n)	the first 1 .. 32 values of two Rows, rounded to bfloat16; nothing else is written
 *
 * Tiles 0 and 1 are the upper half of 32 x 32 sums, 2 and 3 the lower; 4 and 5 are of A, 6 and 7 of B: four
 * products for four loads.
 */
#include <string.h>

#include "amx.h"

#define SIDE 16					/* rows of a tile, and 32-bit columns */
#define ROW_BYTES 64
#define TILE_BYTES (SIDE * ROW_BYTES)
#define PANEL_BYTES (2 * ROW_BYTES)	/* a row of groups in a panel of B, and a row of sums */
#define STEP_BYTES (SIDE * PANEL_BYTES)	/* of a panel of B, that a tile of A meets */

typedef float Row __attribute__((vector_size(ROW_BYTES), aligned(4), may_alias));
typedef int32_t Words __attribute__((vector_size(ROW_BYTES), aligned(4), may_alias));

/* What the processor loads: palette 1, every tile whole. */
typedef struct TileConfig
{
	uint8_t		palette;
	uint8_t		start_row;
	uint8_t		reserved[14];
	uint16_t	row_bytes[16];
	uint8_t		rows[16];
} TileConfig;

static const TileConfig whole_tiles __attribute__((aligned(64))) = {
	.palette = 1,
	.row_bytes = {ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES},
	.rows = {SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE},
};

/* Room for tiles that are filled up. */
typedef struct Room
{
	char		tile[TILE_BYTES] __attribute__((aligned(64)));
} Room;

static inline ptrdiff_t
at_most(ptrdiff_t x, ptrdiff_t most)
{
	return x < most ? x : most;
}

/* rows x bytes of a matrix, at most a tile of it, with zeros around. */
static inline const char *
fill_up(const char *from, ptrdiff_t stride, int rows, ptrdiff_t bytes, Room *room)
{
	char	   *to = room->tile;

	for (int r = 0; r < rows; r++, to += ROW_BYTES)
		*(Row *) to = ROW_LOAD(from + r * stride, bytes);
	if (rows < SIDE)
		memset(to, 0, (size_t) (SIDE - rows) * ROW_BYTES);
	return room->tile;
}

/* Likewise where rows or bytes may be too many; without a copy where nothing is missing.  *stride in and out. */
static inline const char *
whole_tile(const char *from, ptrdiff_t *stride, int rows, ptrdiff_t bytes, Room *room)
{
	if (rows >= SIDE && bytes >= ROW_BYTES)
		return from;
	from = fill_up(from, *stride, (int) at_most(rows, SIDE), at_most(bytes, ROW_BYTES), room);
	*stride = ROW_BYTES;
	return from;
}

/* Which of the four tiles have sums, and of what elements: constants once inlined. */
typedef struct Kind
{
	bool		bf16;
	bool		lower;
	bool		right;
} Kind;

#define PRODUCT(bf16, c, a, b) do { if (bf16) TILE_BF16(c, a, b); else TILE_INT8(c, a, b); } while (0)

/* One step along the depth; left and right: the tiles of B. */
__attribute__((always_inline)) static inline void
add_step(Kind kind, const char *upper, const char *lower, ptrdiff_t a_row, const char *left, const char *right, ptrdiff_t b_row)
{
	TILE_LOAD(6, left, b_row);
	TILE_LOAD(4, upper, a_row);
	PRODUCT(kind.bf16, 0, 4, 6);
	if (kind.right)
	{
		TILE_LOAD(7, right, b_row);
		PRODUCT(kind.bf16, 1, 4, 7);
	}
	if (kind.lower)
	{
		TILE_LOAD(5, lower, a_row);
		PRODUCT(kind.bf16, 2, 5, 6);
	}
	if (kind.lower && kind.right)
		PRODUCT(kind.bf16, 3, 5, 7);
}

/* The sums to memory, PANEL_BYTES a row. */
__attribute__((always_inline)) static inline void
store_sums(char *sums)
{
	TILE_STORE(0, sums, PANEL_BYTES);
	TILE_STORE(1, sums + ROW_BYTES, PANEL_BYTES);
	TILE_STORE(2, sums + SIDE * PANEL_BYTES, PANEL_BYTES);
	TILE_STORE(3, sums + SIDE * PANEL_BYTES + ROW_BYTES, PANEL_BYTES);
}

#define ZERO_SUMS() do { TILE_ZERO(0); TILE_ZERO(1); TILE_ZERO(2); TILE_ZERO(3); } while (0)

/* Rows of groups in a panel of B for one part of a row of A. */
static inline int
whole_groups(ptrdiff_t bytes)
{
	return (int) ((bytes + 3) / 4);
}

#include "amx_multiply_impl.h"
#include "amx_outer_impl.h"
#include "amx_conv_impl.h"
