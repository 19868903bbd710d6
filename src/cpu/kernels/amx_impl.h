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

/*
 * Products
 */

/* Tiles of A, in pairs of an upper and a lower one, that are copied at a time where A has no whole ones. */
#define COPIED 24

/* A block of 32 x 32 sums: rows and cols of them belong to C. */
typedef struct Block
{
	const char *a;
	const char *b;				/* the panel */
	ptrdiff_t	a_row;			/* bytes */
	ptrdiff_t	a_part;
	ptrdiff_t	depth;			/* bytes of a row of A in a part */
	int			parts;
	int			merged;			/* parts so shallow that as many rows of A fit into a row of a tile; 1: none */
	int			rows;
	int			cols;
} Block;

/* Copies of tiles of A: the parts' steps [first, last), counted through. */
typedef struct Copies
{
	const char *of;				/* Block.a */
	int			first;
	int			last;
	Room		tiles[COPIED][2];
} Copies;

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

/* Tiles of A lie in memory as they are wanted. */
__attribute__((always_inline)) static inline void
add_in_place(Kind kind, const Block *block)
{
	const char *part = block->a;
	const char *b = block->b;

	for (int i = 0; i < block->parts; i++, part += block->a_part)
		for (const char *a = part; a < part + block->depth; a += ROW_BYTES, b += STEP_BYTES)
			add_step(kind, a, a + SIDE * block->a_row, block->a_row, b, b + ROW_BYTES, PANEL_BYTES);
}

/* Rows of groups of a panel of B for one part. */
static inline int
part_groups(const Block *block)
{
	return (int) ((block->depth + 3) / 4);
}

/*
 * Rows of tiles that all parts fill together, each part of them in whole groups.  What is behind them stays what it is: it
 * meets zeros of B.
 */
static void
copy_merged(const Block *block, const char *a, int rows, Room *room)
{
	int			groups = part_groups(block);

	for (int i = 0; i < block->merged; i++, a += block->a_part)
	{
		const char *from = a;
		char	   *to = room->tile + i * groups * 4;

		if (groups == 2)		/* a kernel of three columns, of an image's only channel */
			for (int r = 0; r < rows; r++, from += block->a_row, to += ROW_BYTES)
				memcpy(to, from, 8);
		else
			for (int r = 0; r < rows; r++, from += block->a_row, to += ROW_BYTES)
				for (int g = 0; g < groups; g++)
					memcpy(to + g * 4, from + g * 4, 4);
	}
}

/* Steps from first on, as many as there is room for, of which each part has so many. */
static void
copy_steps(const Block *block, int steps, int first, Copies *copies)
{
	copies->of = block->a;
	if (block->merged > 1)
	{
		copy_merged(block, block->a, (int) at_most(block->rows, SIDE), &copies->tiles[0][0]);
		if (block->rows > SIDE)
			copy_merged(block, block->a + SIDE * block->a_row, block->rows - SIDE, &copies->tiles[0][1]);
		copies->first = 0;
		copies->last = 1;
		return;
	}
	copies->first = first;
	copies->last = (int) at_most(first + COPIED, (ptrdiff_t) block->parts * steps);
	for (int i = first; i < copies->last; i++)
	{
		ptrdiff_t	at = (ptrdiff_t) (i % steps) * ROW_BYTES;
		const char *a = block->a + i / steps * block->a_part + at;
		ptrdiff_t	bytes = at_most(block->depth - at, ROW_BYTES);

		fill_up(a, block->a_row, (int) at_most(block->rows, SIDE), bytes, &copies->tiles[i - first][0]);
		if (block->rows > SIDE)
			fill_up(a + SIDE * block->a_row, block->a_row, block->rows - SIDE, bytes, &copies->tiles[i - first][1]);
	}
}

/* They do not; the copies serve the next panel as well where there is room for all of them. */
__attribute__((always_inline)) static inline void
add_copied(Kind kind, const Block *block, Copies *copies)
{
	int			groups = part_groups(block) * block->merged;
	int			steps = (groups + SIDE - 1) / SIDE;
	const char *b = block->b;

	for (int i = 0; i < block->parts / block->merged * steps; i++)
	{
		int			depth = groups - i % steps * SIDE;
		ptrdiff_t	b_row = PANEL_BYTES;
		const char *right = b + ROW_BYTES;
		const char *left = b;
		Room		last[2];
		const Room *a;

		if (copies->of != block->a || i < copies->first || i >= copies->last)
			copy_steps(block, steps, i, copies);
		a = copies->tiles[i - copies->first];
		if (depth < SIDE)
		{
			left = fill_up(left, b_row, depth, ROW_BYTES, &last[0]);
			right = fill_up(right, b_row, depth, ROW_BYTES, &last[1]);
			b_row = ROW_BYTES;
		}
		add_step(kind, a[0].tile, a[1].tile, ROW_BYTES, left, right, b_row);
		b += at_most(depth, SIDE) * PANEL_BYTES;
	}
}

/* The sums go to memory, PANEL_BYTES a row. */
__attribute__((always_inline)) static inline void
sum_tiles(Kind kind, const Block *block, Copies *copies, char *sums)
{
	TILE_ZERO(0);
	TILE_ZERO(1);
	TILE_ZERO(2);
	TILE_ZERO(3);
	if (copies == NULL)
		add_in_place(kind, block);
	else
		add_copied(kind, block, copies);
	TILE_STORE(0, sums, PANEL_BYTES);
	if (kind.right)
		TILE_STORE(1, sums + ROW_BYTES, PANEL_BYTES);
	if (kind.lower)
		TILE_STORE(2, sums + SIDE * PANEL_BYTES, PANEL_BYTES);
	if (kind.lower && kind.right)
		TILE_STORE(3, sums + SIDE * PANEL_BYTES + ROW_BYTES, PANEL_BYTES);
}

__attribute__((always_inline)) static inline void
sum_block(bool bf16, const Block *block, Copies *copies, char *sums)
{
	if (block->rows > SIDE && block->cols > SIDE)
		sum_tiles((Kind) {bf16, true, true}, block, copies, sums);
	else if (block->rows > SIDE)
		sum_tiles((Kind) {bf16, true, false}, block, copies, sums);
	else if (block->cols > SIDE)
		sum_tiles((Kind) {bf16, false, true}, block, copies, sums);
	else
		sum_tiles((Kind) {bf16, false, false}, block, copies, sums);
}

/* A row of sums to C, of which cols columns belong to it. */
__attribute__((always_inline)) static inline void
finish_row(const HwrProduct *p, Row x, const float *bias, float *c, int cols)
{
	ptrdiff_t	bytes = at_most(cols, SIDE) * (ptrdiff_t) sizeof(float);

	if (p->accumulate)
		x += ROW_LOAD(c, bytes);
	if (bias != NULL)
		x += ROW_LOAD(bias, bytes);
	if (p->relu)
		x = (Row) ((Words) x & (x > 0));
	ROW_STORE(c, x, bytes);
}

/* scales and starts: of bytes only. */
__attribute__((always_inline)) static inline void
finish_columns(const HwrProduct *p, const char *sums, int rows, int row, int col, int cols, const float *scales,
			   const int32_t *starts)
{
	float	   *c = p->c + row * p->c_row + col;
	const float *bias = p->bias != NULL ? p->bias + col : NULL;

	for (int r = 0; r < rows; r++, sums += PANEL_BYTES, c += p->c_row)
		if (scales == NULL)
			finish_row(p, *(const Row *) sums, bias, c, cols);
		else
			finish_row(p, __builtin_convertvector(*(const Words *) sums + *(const Words *) (starts + col), Row) *
					   *(const Row *) (scales + col), bias, c, cols);
}

__attribute__((always_inline)) static inline void
multiply_tiles(const HwrProduct *p, bool bf16, const char *panels, const float *scales, const int32_t *starts)
{
	ptrdiff_t	size = bf16 ? 2 : 1;
	int			groups = (int) (p->k * size + 3) / 4;
	ptrdiff_t	panel = (ptrdiff_t) p->parts * groups * PANEL_BYTES;
	bool		shallow = groups * p->parts <= SIDE;
	Copies		copies;
	char		sums[2 * SIDE * PANEL_BYTES] __attribute__((aligned(64)));

	copies.of = NULL;
	if (shallow)
		memset(copies.tiles[0], 0, sizeof(copies.tiles[0]));
	TILES_SET(&whole_tiles);
	for (int row = 0; row < p->m; row += 2 * SIDE)
	{
		Block		block = {
			.a = (const char *) p->a + row * p->a_row * size,
			.a_row = p->a_row * size,
			.a_part = p->a_part * size,
			.depth = p->k * size,
			.parts = p->parts,
			.merged = shallow ? p->parts : 1,
			.rows = (int) at_most(p->m - row, 2 * SIDE),
		};
		bool		whole = block.rows % SIDE == 0 && block.depth % ROW_BYTES == 0;

		for (int col = 0; col < p->n; col += HWR_AMX_PANEL)
		{
			block.b = panels + col / HWR_AMX_PANEL * panel;
			block.cols = p->n - col;
			sum_block(bf16, &block, whole ? NULL : &copies, sums);
			finish_columns(p, sums, block.rows, row, col, block.cols, scales, starts);
			if (block.cols > SIDE)
				finish_columns(p, sums + ROW_BYTES, block.rows, row, col + SIDE, block.cols - SIDE, scales, starts);
		}
	}
	TILES_RELEASE();
}

void
hwr_amx_multiply_bf16(const HwrProduct *p)
{
	multiply_tiles(p, true, p->b, NULL, NULL);
}

void
hwr_amx_multiply_int8(const HwrProduct *p, const float *scales, const int32_t *starts, const int8_t *panels)
{
	multiply_tiles(p, false, (const char *) panels, scales, starts);
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
	fill_up((const char *) c, *row_bytes, (int) at_most(rows, SIDE), at_most(cols, SIDE) * 4, room);
	*row_bytes = ROW_BYTES;
	return (float *) room->tile;
}

static void
close_sums(float *c, ptrdiff_t row_bytes, int rows, int cols, const float *sums)
{
	if (sums == c)
		return;
	for (int r = 0; r < rows && r < SIDE; r++)
		ROW_STORE((char *) c + r * row_bytes, *(const Row *) ((const char *) sums + r * ROW_BYTES), at_most(cols, SIDE) * 4);
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
