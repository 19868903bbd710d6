/*
 * amx_multiply_impl.h
 *	  HwrElements.multiply on tiles; part of amx_impl.h.
 *
 * Where A's rows or depth do not fill tiles, tiles of it are copied, once for all panels of B where they have room.
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

/* Steps from first on, as many as there is room for, of which each part has so many. */
static void
copy_steps(const Block *block, int steps, int first, Copies *copies)
{
	copies->of = block->a;
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
	int			groups = whole_groups(block->depth);
	int			steps = (groups + SIDE - 1) / SIDE;
	const char *b = block->b;

	for (int i = 0; i < block->parts * steps; i++)
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

__attribute__((always_inline)) static inline void
add_block(Kind kind, const Block *block, Copies *copies)
{
	if (copies == NULL)
		add_in_place(kind, block);
	else
		add_copied(kind, block, copies);
}

/* The sums of a block are left in the tiles. */
__attribute__((always_inline)) static inline void
sum_block(bool bf16, const Block *block, Copies *copies)
{
	ZERO_SUMS();
	if (block->rows > SIDE && block->cols > SIDE)
		add_block((Kind) {bf16, true, true}, block, copies);
	else if (block->rows > SIDE)
		add_block((Kind) {bf16, true, false}, block, copies);
	else if (block->cols > SIDE)
		add_block((Kind) {bf16, false, true}, block, copies);
	else
		add_block((Kind) {bf16, false, false}, block, copies);
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

/* Where a block's sums belong in C. */
typedef struct Place
{
	int			row;
	int			col;
	int			rows;
	int			cols;
} Place;

/* What columns of bytes are multiplied by, and what their sums begin with; NULL: these are bfloat16. */
typedef struct Scaling
{
	const float *scales;
	const int32_t *starts;
} Scaling;

__attribute__((always_inline)) static inline void
finish_columns(const HwrProduct *p, const Scaling *by, const Place *at, int half, const char *sums)
{
	int			col = at->col + half * SIDE;
	int			cols = at->cols - half * SIDE;
	float	   *c = p->c + at->row * p->c_row + col;
	const float *bias = p->bias != NULL ? p->bias + col : NULL;

	sums += half * ROW_BYTES;
	for (int r = 0; r < at->rows; r++, sums += PANEL_BYTES, c += p->c_row)
		if (by == NULL)
			finish_row(p, *(const Row *) sums, bias, c, cols);
		else
			finish_row(p, __builtin_convertvector(*(const Words *) sums + *(const Words *) (by->starts + col), Row) *
					   *(const Row *) (by->scales + col), bias, c, cols);
}

__attribute__((always_inline)) static inline void
finish_block(const HwrProduct *p, const Scaling *by, const Place *at, const char *sums)
{
	if (at->rows > 0)
		finish_columns(p, by, at, 0, sums);
	if (at->rows > 0 && at->cols > SIDE)
		finish_columns(p, by, at, 1, sums);
}

/*
 * While the tiles work for one block, vectors finish the one before: the instructions stand in this order, so that neither
 * waits for the other.
 */
__attribute__((always_inline)) static inline void
multiply_tiles(const HwrProduct *p, bool bf16, const char *panels, const Scaling *by)
{
	ptrdiff_t	size = bf16 ? 2 : 1;
	ptrdiff_t	panel = (ptrdiff_t) p->parts * whole_groups(p->k * size) * PANEL_BYTES;
	Place		before = {0};
	Copies		copies;
	char		sums[2 * SIDE * PANEL_BYTES] __attribute__((aligned(64)));

	copies.of = NULL;
	TILES_SET(&whole_tiles);
	for (int row = 0; row < p->m; row += 2 * SIDE)
	{
		Block		block = {
			.a = (const char *) p->a + row * p->a_row * size,
			.a_row = p->a_row * size,
			.a_part = p->a_part * size,
			.depth = p->k * size,
			.parts = p->parts,
			.rows = (int) at_most(p->m - row, 2 * SIDE),
		};
		bool		whole = block.rows % SIDE == 0 && block.depth % ROW_BYTES == 0;

		for (int col = 0; col < p->n; col += HWR_AMX_PANEL)
		{
			block.b = panels + col / HWR_AMX_PANEL * panel;
			block.cols = p->n - col;
			sum_block(bf16, &block, whole ? NULL : &copies);
			finish_block(p, by, &before, sums);
			store_sums(sums);
			before = (Place) {row, col, block.rows, block.cols};
		}
	}
	finish_block(p, by, &before, sums);
	TILES_RELEASE();
}

void
hwr_amx_multiply_bf16(const HwrProduct *p)
{
	multiply_tiles(p, true, p->b, NULL);
}

void
hwr_amx_multiply_int8(const HwrProduct *p, const float *scales, const int32_t *starts, const int8_t *panels)
{
	multiply_tiles(p, false, (const char *) panels, &(Scaling) {scales, starts});
}

