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

/* rows x bytes of a matrix, less than a tile of it, with zeros around. */
static const char *
fill_up(const char *from, ptrdiff_t stride, int rows, ptrdiff_t bytes, Room *room)
{
	char	   *to = room->tile;

	for (int r = 0; r < rows; r++, to += ROW_BYTES)
	{
		memcpy(to, from + r * stride, (size_t) bytes);
		memset(to + bytes, 0, (size_t) (ROW_BYTES - bytes));
	}
	memset(to, 0, (size_t) (SIDE - rows) * ROW_BYTES);
	return room->tile;
}

/* A tile's worth of a matrix of which rows x bytes are left; *stride in and out. */
__attribute__((always_inline)) static inline const char *
whole_tile(const char *from, ptrdiff_t *stride, int rows, ptrdiff_t bytes, Room *room)
{
	if (rows >= SIDE && bytes >= ROW_BYTES)
		return from;
	from = fill_up(from, *stride, rows < SIDE ? rows : SIDE, bytes < ROW_BYTES ? bytes : ROW_BYTES, room);
	*stride = ROW_BYTES;
	return from;
}

/* A block of 32 x 32 sums: rows and cols of them belong to C. */
typedef struct Block
{
	const char *a;
	const char *b;				/* the panel */
	int			rows;
	int			cols;
} Block;

/* size: bytes of an element.  The sums go to memory, PANEL_BYTES a row.  bf16 is a constant once inlined. */
__attribute__((always_inline)) static inline void
sum_block(const HwrProduct *p, bool bf16, const Block *block, char *sums)
{
	ptrdiff_t	size = bf16 ? 2 : 1;
	ptrdiff_t	bytes = p->k * size;
	ptrdiff_t	groups = (bytes + 3) / 4;
	const char *a = block->a;
	const char *b = block->b;
	Room		rooms[4];

	TILE_ZERO(0);
	TILE_ZERO(1);
	TILE_ZERO(2);
	TILE_ZERO(3);
	for (int part = 0; part < p->parts; part++, a += p->a_part * size, b += groups * PANEL_BYTES)
		for (ptrdiff_t at = 0; at < bytes; at += ROW_BYTES)
		{
			int			depth = (int) (groups - at / 4);
			ptrdiff_t	stride = p->a_row * size;
			ptrdiff_t	below = stride;
			ptrdiff_t	left = PANEL_BYTES;
			ptrdiff_t	right = PANEL_BYTES;
			const char *tile;

			tile = whole_tile(b + at / 4 * PANEL_BYTES, &left, depth, ROW_BYTES, &rooms[0]);
			TILE_LOAD(6, tile, left);
			tile = whole_tile(a + at, &stride, block->rows, bytes - at, &rooms[1]);
			TILE_LOAD(4, tile, stride);
			if (bf16)
				TILE_BF16(0, 4, 6);
			else
				TILE_INT8(0, 4, 6);
			if (block->cols > SIDE)
			{
				tile = whole_tile(b + at / 4 * PANEL_BYTES + ROW_BYTES, &right, depth, ROW_BYTES, &rooms[2]);
				TILE_LOAD(7, tile, right);
				if (bf16)
					TILE_BF16(1, 4, 7);
				else
					TILE_INT8(1, 4, 7);
			}
			if (block->rows > SIDE)
			{
				tile = whole_tile(a + at + SIDE * below, &below, block->rows - SIDE, bytes - at, &rooms[3]);
				TILE_LOAD(5, tile, below);
				if (bf16)
					TILE_BF16(2, 5, 6);
				else
					TILE_INT8(2, 5, 6);
				if (block->cols > SIDE && bf16)
					TILE_BF16(3, 5, 7);
				else if (block->cols > SIDE)
					TILE_INT8(3, 5, 7);
			}
		}
	TILE_STORE(0, sums, PANEL_BYTES);
	TILE_STORE(1, sums + ROW_BYTES, PANEL_BYTES);
	if (block->rows > SIDE)
	{
		TILE_STORE(2, sums + SIDE * PANEL_BYTES, PANEL_BYTES);
		TILE_STORE(3, sums + SIDE * PANEL_BYTES + ROW_BYTES, PANEL_BYTES);
	}
}

/* n floats, the rest of the row zero */
__attribute__((always_inline)) static inline Row
load_row(const float *x, int n)
{
	float		line[SIDE] = {0};

	if (n >= SIDE)
		return *(const Row *) x;
	memcpy(line, x, (size_t) n * sizeof(float));
	return *(const Row *) line;
}

/* A row of sums to C: columns [col, col + cols). */
__attribute__((always_inline)) static inline void
finish_row(const HwrProduct *p, Row x, int row, int col, int cols)
{
	float	   *c = p->c + row * p->c_row + col;

	if (p->accumulate)
		x += load_row(c, cols);
	if (p->bias != NULL)
		x += load_row(p->bias + col, cols);
	if (p->relu)
		x = (Row) ((Words) x & (x > 0));
	memcpy(c, &x, (size_t) (cols < SIDE ? cols : SIDE) * sizeof(float));
}

void
hwr_amx_multiply_bf16(const HwrProduct *p)
{
	ptrdiff_t	panel = (ptrdiff_t) p->parts * ((p->k + 1) / 2) * PANEL_BYTES;

	TILES_SET(&whole_tiles);
	for (int row = 0; row < p->m; row += 2 * SIDE)
		for (int col = 0; col < p->n; col += HWR_AMX_PANEL)
		{
			Row			sums[2 * SIDE][2];
			Block		block = {
				.a = (const char *) p->a + row * p->a_row * 2,
				.b = (const char *) p->b + col / HWR_AMX_PANEL * panel,
				.rows = p->m - row < 2 * SIDE ? p->m - row : 2 * SIDE,
				.cols = p->n - col,
			};

			sum_block(p, true, &block, (char *) sums);
			for (int r = 0; r < block.rows; r++)
				for (int half = 0; half < 2 && block.cols > half * SIDE; half++)
					finish_row(p, sums[r][half], row + r, col + half * SIDE, block.cols - half * SIDE);
		}
	TILES_RELEASE();
}

void
hwr_amx_multiply_int8(const HwrProduct *p, const float *scales, const int32_t *starts, const int8_t *panels)
{
	ptrdiff_t	panel = (ptrdiff_t) p->parts * ((p->k + 3) / 4) * PANEL_BYTES;

	TILES_SET(&whole_tiles);
	for (int row = 0; row < p->m; row += 2 * SIDE)
		for (int col = 0; col < p->n; col += HWR_AMX_PANEL)
		{
			Words		sums[2 * SIDE][2];
			Block		block = {
				.a = (const char *) p->a + row * p->a_row,
				.b = (const char *) panels + col / HWR_AMX_PANEL * panel,
				.rows = p->m - row < 2 * SIDE ? p->m - row : 2 * SIDE,
				.cols = p->n - col,
			};

			sum_block(p, false, &block, (char *) sums);
			for (int r = 0; r < block.rows; r++)
				for (int half = 0; half < 2 && block.cols > half * SIDE; half++)
				{
					Words		start = *(const Words *) (starts + col + half * SIDE);
					Row			scale = *(const Row *) (scales + col + half * SIDE);

					finish_row(p, __builtin_convertvector(sums[r][half] + start, Row) * scale,
							   row + r, col + half * SIDE, block.cols - half * SIDE);
				}
		}
	TILES_RELEASE();
}

/*
 * Gradients of weights
 */

/* Pairs of rows whose columns are transposed at a time: a depth of 512. */
#define SLICE (16 * SIDE)

/* Elements of a and, from SIDE on, of b. */
__attribute__((always_inline)) static inline Words
shuffle(Words a, Words b, Words which)
{
#ifdef __clang__
	Words		out = a;

	for (int l = 0; l < SIDE; l++)
		out[l] = which[l] < SIDE ? a[which[l]] : b[which[l] - SIDE];
	return out;
#else
	return __builtin_shuffle(a, b, which);
#endif
}

/* One stage of a transposition of 16 x 16 words: squares of this width change places. */
__attribute__((always_inline)) static inline void
exchange(Words row[SIDE], int width)
{
	Words		upper = {0};
	Words		lower = {0};

	for (int l = 0; l < SIDE; l++)
	{
		upper[l] = (l & width) == 0 ? l : SIDE + l - width;
		lower[l] = (l & width) == 0 ? l + width : SIDE + l;
	}
#pragma GCC unroll 16
	for (int i = 0; i < SIDE; i++)
		if ((i & width) == 0)
		{
			Words		a = row[i];
			Words		b = row[i + width];

			row[i] = shuffle(a, b, upper);
			row[i + width] = shuffle(a, b, lower);
		}
}

/* Pairs of rows [pairs][16 columns] become a tile of A: 16 rows of 16 pairs along the depth. */
static void
transpose(const char *from, int pairs, Room *to)
{
	Words		row[SIDE];

	for (int i = 0; i < SIDE; i++)
		row[i] = i < pairs ? *(const Words *) (from + i * ROW_BYTES) : (Words) {0};
	exchange(row, 1);
	exchange(row, 2);
	exchange(row, 4);
	exchange(row, 8);
	for (int i = 0; i < SIDE; i++)
		*(Words *) (to->tile + i * ROW_BYTES) = row[i];
}

/* A tile of C, or what of it belongs to C, to where it can be loaded from, and back. */
static float *
open_sums(float *c, ptrdiff_t *row_bytes, int rows, int cols, Room *room)
{
	if (rows >= SIDE && cols >= SIDE)
		return c;
	fill_up((const char *) c, *row_bytes, rows < SIDE ? rows : SIDE, (cols < SIDE ? cols : SIDE) * 4, room);
	*row_bytes = ROW_BYTES;
	return (float *) room->tile;
}

static void
close_sums(float *c, ptrdiff_t row_bytes, int rows, int cols, const float *sums)
{
	if (sums == c)
		return;
	for (int r = 0; r < rows && r < SIDE; r++)
		memcpy((char *) c + r * row_bytes, (const char *) sums + r * ROW_BYTES, (size_t) (cols < SIDE ? cols : SIDE) * 4);
}

/* C[rows][cols], at most 32 x 32, += tiles of A, the lower ones after "lower", times pairs of rows of a panel of B. */
static void
add_outer(float *c, ptrdiff_t c_row, int rows, int cols, const Room *a, const Room *lower, const char *b, int pairs)
{
	Room		rooms[4];
	float	   *at[4];
	float	   *sums[4];
	ptrdiff_t	row_bytes[4];

	for (int i = 0; i < 4; i++)
	{
		at[i] = c + i / 2 * SIDE * c_row + i % 2 * SIDE;
		row_bytes[i] = c_row * (ptrdiff_t) sizeof(float);
		sums[i] = NULL;
		if (rows > i / 2 * SIDE && cols > i % 2 * SIDE)
			sums[i] = open_sums(at[i], &row_bytes[i], rows - i / 2 * SIDE, cols - i % 2 * SIDE, &rooms[i]);
	}
	TILE_LOAD(0, sums[0], row_bytes[0]);
	if (sums[1] != NULL)
		TILE_LOAD(1, sums[1], row_bytes[1]);
	if (sums[2] != NULL)
		TILE_LOAD(2, sums[2], row_bytes[2]);
	if (sums[3] != NULL)
		TILE_LOAD(3, sums[3], row_bytes[3]);
	for (int i = 0; i < pairs; i += SIDE)
	{
		Room		room[2];
		ptrdiff_t	left = PANEL_BYTES;
		ptrdiff_t	right = PANEL_BYTES;
		const char *tile = whole_tile(b + (ptrdiff_t) i * PANEL_BYTES, &left, pairs - i, ROW_BYTES, &room[0]);

		TILE_LOAD(6, tile, left);
		TILE_LOAD(4, a[i / SIDE].tile, ROW_BYTES);
		TILE_BF16(0, 4, 6);
		if (sums[1] != NULL)
		{
			tile = whole_tile(b + (ptrdiff_t) i * PANEL_BYTES + ROW_BYTES, &right, pairs - i, ROW_BYTES, &room[1]);
			TILE_LOAD(7, tile, right);
			TILE_BF16(1, 4, 7);
		}
		if (sums[2] != NULL)
		{
			TILE_LOAD(5, lower[i / SIDE].tile, ROW_BYTES);
			TILE_BF16(2, 5, 6);
		}
		if (sums[3] != NULL)
			TILE_BF16(3, 5, 7);
	}
	TILE_STORE(0, sums[0], row_bytes[0]);
	if (sums[1] != NULL)
		TILE_STORE(1, sums[1], row_bytes[1]);
	if (sums[2] != NULL)
		TILE_STORE(2, sums[2], row_bytes[2]);
	if (sums[3] != NULL)
		TILE_STORE(3, sums[3], row_bytes[3]);
	for (int i = 0; i < 4; i++)
		if (sums[i] != NULL)
			close_sums(at[i], c_row * (ptrdiff_t) sizeof(float), rows - i / 2 * SIDE, cols - i % 2 * SIDE, sums[i]);
}

/* Columns [row, row + 32) of A, turned into rows of tiles, with all of B. */
static void
outer_rows(const HwrOuter *p, int row, int part, int first, int pairs)
{
	Room		tiles[2][SLICE / SIDE];
	int			rows = p->m - row < 2 * SIDE ? p->m - row : 2 * SIDE;
	const char *b = (const char *) p->b + (part * p->b_part + (ptrdiff_t) first * 2 * HWR_AMX_PANEL) * 2;

	for (int half = 0; half < 2 && rows > half * SIDE; half++)
	{
		const char *a = (const char *) p->a + ((row / SIDE + half) * p->a_panel + part * p->a_part) * 2 +
			(ptrdiff_t) first * ROW_BYTES;

		for (int i = 0; i < pairs; i += SIDE)
			transpose(a + (ptrdiff_t) i * ROW_BYTES, pairs - i, &tiles[half][i / SIDE]);
	}
	for (int col = 0; col < p->n; col += HWR_AMX_PANEL)
		add_outer(p->c + row * p->c_row + col, p->c_row, rows, p->n - col, tiles[0], tiles[1],
				  b + col / HWR_AMX_PANEL * p->b_panel * 2, pairs);
}

void
hwr_amx_outer_bf16(const HwrOuter *p)
{
	int			pairs = (p->depth + 1) / 2;

	TILES_SET(&whole_tiles);
	for (int row = 0; row < p->m; row += 2 * SIDE)
		for (int part = 0; part < p->parts; part++)
			for (int first = 0; first < pairs; first += SLICE)
				outer_rows(p, row, part, first, pairs - first < SLICE ? pairs - first : SLICE);
	TILES_RELEASE();
}
