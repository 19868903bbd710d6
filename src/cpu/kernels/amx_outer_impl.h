/*
 * amx_outer_impl.h
 *	  HwrElements.outer on tiles, the gradient of weights; part of amx_impl.h.
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
