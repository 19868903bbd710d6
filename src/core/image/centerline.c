/*
 * centerline.c
 *	  Lines straightened along their middle, as kraken does with boxes.
 *
 * kraken has SciPy filter in float64 and rounds down afterwards, so that the last bit of a sum may move a column: sums are
 * added up in SciPy's order here.  test_centerline.c compares with what it gives.
 */
#include "centerline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Loops over pixels are worth vectors; a product and a sum are rounded each. */
#ifdef __GNUC__
#pragma GCC optimize("O3,fp-contract=off")
#endif

/* Parts of the height: how widely the ink is smoothed down and along, and the middle. */
#define SMOOTH_DOWN 0.5
#define SMOOTH_ALONG 1.0
#define SMOOTH_MIDDLE 0.3
#define TRUNCATE 4.0			/* widths of the bell curve */

/* Share of the wide mean, which decides where there is no ink near. */
#define WIDE_SHARE 0.001
#define WIDE_DOWN 0.5

/* How many mean distances from the middle are kept. */
#define RANGE 4.0

/* Multiplications that one picture may cost; a larger one is measured at a part of its size. */
#define MAX_COST 4e9
#define LOOP_COST 8

/* Half of a symmetric filter: weight[i] is that of both neighbours at distance i. */
typedef struct Bell
{
	int			radius;
	double	   *weight;			/* [radius + 1] */
} Bell;

/* The sum as NumPy adds it: eight sums in turn over up to 128 values, halves of more. */
static double
pairwise_sum(const double *x, int n)
{
	double		sums[8];
	double		sum = 0;
	int			i = 0;

	if (n > 128)
	{
		int			half = n / 2 - n / 2 % 8;

		return pairwise_sum(x, half) + pairwise_sum(x + half, n - half);
	}
	if (n >= 8)
	{
		memcpy(sums, x, sizeof(sums));
		for (i = 8; i + 8 <= n; i += 8)
			for (int k = 0; k < 8; k++)
				sums[k] += x[i + k];
		sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
	}
	for (; i < n; i++)
		sum += x[i];
	return sum;
}

static bool
make_bell(Bell *bell, double width, HwrStatus *st)
{
	int			radius = (int) (TRUNCATE * width + 0.5);
	double	   *all = hwr_alloc(2 * (size_t) radius + 1, sizeof(double), st);
	double		sum;

	bell->radius = radius;
	bell->weight = hwr_alloc((size_t) radius + 1, sizeof(double), st);
	if (all == NULL || bell->weight == NULL)
	{
		free(all);
		return false;
	}
	for (int i = -radius; i <= radius; i++)
		all[radius + i] = exp(-0.5 / (width * width) * ((double) i * i));
	sum = pairwise_sum(all, 2 * radius + 1);
	for (int i = 0; i <= radius; i++)
		bell->weight[i] = all[radius + i] / sum;
	free(all);
	return true;
}

/* Smooth a line of n values that has radius more before and behind. */
static void
smooth_line(const Bell *bell, const double *line, int n, double *restrict out)
{
	for (int i = 0; i < n; i++)
		out[i] = line[i] * bell->weight[0];
	for (int d = bell->radius; d > 0; d--)
	{
		double		weight = bell->weight[d];

		for (int i = 0; i < n; i++)
			out[i] += (line[i - d] + line[i + d]) * weight;
	}
}

/* Smooth down the columns of x [h][w] with nothing above and below. */
static void
smooth_down(const Bell *bell, const double *x, int h, int w, double *out)
{
	for (int y = 0; y < h; y++)
	{
		double	   *restrict to = out + (size_t) y * (size_t) w;
		const double *middle = x + (size_t) y * (size_t) w;

		for (int i = 0; i < w; i++)
			to[i] = middle[i] * bell->weight[0];
		for (int d = bell->radius < h ? bell->radius : h - 1; d > 0; d--)
		{
			const double *above = middle - (ptrdiff_t) d * w;
			const double *below = middle + (ptrdiff_t) d * w;
			double		weight = bell->weight[d];

			if (y >= d && y + d < h)
				for (int i = 0; i < w; i++)
					to[i] += (above[i] + below[i]) * weight;
			else if (y >= d || y + d < h)
			{
				const double *one = y >= d ? above : below;

				for (int i = 0; i < w; i++)
					to[i] += one[i] * weight;
			}
		}
	}
}

/* Running mean of size values of a line with room for the values beyond its ends, as SciPy moves it on. */
static void
mean_line(const double *line, int n, int size, double *out)
{
	double		mean = 0;

	for (int i = 0; i < size; i++)
		mean += line[i];
	mean /= size;
	out[0] = mean;
	for (int i = 1; i < n; i++)
	{
		mean += (line[i - 1 + size] - line[i - 1]) / size;
		out[i] = mean;
	}
}

/* Means of size_y x size_x values, of x [h][w] into out; line: room for h or w values and as many as go into a mean. */
static void
wide_mean(const double *x, int h, int w, int size_y, int size_x, double *line, double *out)
{
	memcpy(out, x, (size_t) h * (size_t) w * sizeof(double));
	for (int i = 0; size_y > 1 && i < w; i++)
	{
		double	   *inside = line + size_y / 2;
		double	   *mean = line + h + size_y;

		memset(line, 0, ((size_t) h + (size_t) size_y) * sizeof(double));
		for (int y = 0; y < h; y++)
			inside[y] = out[(size_t) y * (size_t) w + (size_t) i];
		mean_line(line, h, size_y, mean);
		for (int y = 0; y < h; y++)
			out[(size_t) y * (size_t) w + (size_t) i] = mean[y];
	}
	for (int y = 0; size_x > 1 && y < h; y++)
	{
		double	   *row = out + (size_t) y * (size_t) w;

		memset(line, 0, ((size_t) w + (size_t) size_x) * sizeof(double));
		memcpy(line + size_x / 2, row, (size_t) w * sizeof(double));
		mean_line(line, w, size_x, row);
	}
}

/* Where the columns of x [h][w] are largest, the first place of several. */
static void
find_maxima(const double *x, int h, int w, double *at)
{
	for (int i = 0; i < w; i++)
		at[i] = 0;
	for (int y = 1; y < h; y++)
		for (int i = 0; i < w; i++)
			if (x[(size_t) y * (size_t) w + (size_t) i] > x[(size_t) at[i] * (size_t) w + (size_t) i])
				at[i] = y;
}

/* Index i of an endless line that is a line of n and its mirror image in turn. */
static int
reflected(int i, int n)
{
	i %= 2 * n;
	i = i < 0 ? i + 2 * n : i;
	return i < n ? i : 2 * n - 1 - i;
}

/* The middle of the line: ink [h][w], 0 .. 1, to middle[w]. */
static bool
find_middle(const double *ink, int h, int w, int *middle, HwrStatus *st)
{
	Bell		down = {0};
	Bell		along = {0};
	Bell		middles = {0};
	int			longest = h > w ? h : w;
	double	   *smooth = hwr_alloc((size_t) h * (size_t) w, sizeof(double), st);
	double	   *wide = hwr_alloc((size_t) h * (size_t) w, sizeof(double), st);
	double	   *line = NULL;
	bool		ok = smooth != NULL && wide != NULL && make_bell(&down, h * SMOOTH_DOWN, st) &&
		make_bell(&along, h * SMOOTH_ALONG, st) &&
		make_bell(&middles, h * SMOOTH_MIDDLE, st);

	if (ok)
		line = hwr_alloc_zero(3 * (size_t) longest + 2 * (size_t) along.radius, sizeof(double), st);
	if (line != NULL)
	{
		int			r = middles.radius;

		/* What is further away than the line is long adds nothing. */
		along.radius = along.radius < w ? along.radius : w - 1;
		smooth_down(&down, ink, h, w, wide);
		for (int y = 0; y < h; y++)
		{
			memset(line, 0, ((size_t) w + 2 * (size_t) along.radius) * sizeof(double));
			memcpy(line + along.radius, wide + (size_t) y * (size_t) w, (size_t) w * sizeof(double));
			smooth_line(&along, line + along.radius, w, smooth + (size_t) y * (size_t) w);
		}
		wide_mean(smooth, h, w, (int) (h * WIDE_DOWN), w, line, wide);
		for (size_t i = 0; i < (size_t) h * (size_t) w; i++)
			smooth[i] += WIDE_SHARE * wide[i];
		find_maxima(smooth, h, w, wide);
		for (int i = -r; i < w + r; i++)
			line[r + i] = wide[reflected(i, w)];
		smooth_line(&middles, line + r, w, smooth);
		for (int i = 0; i < w; i++)
			middle[i] = (int) smooth[i];
	}
	free(down.weight);
	free(along.weight);
	free(middles.weight);
	free(smooth);
	free(wide);
	free(line);
	return line != NULL;
}

static uint8_t
brightest(const HwrImage *img)
{
	uint8_t		max = 0;

	for (size_t i = 0; i < (size_t) img->width * (size_t) img->height; i++)
		max = img->pixels[i] > max ? img->pixels[i] : max;
	return max;
}

/* Pixels at a part of the size: at least one. */
static int
reduced(int n, int f)
{
	return (n + f - 1) / f;
}

/* Ink of means of f x f pixels, of the darkest being 1: [h / f][w / f], rounded up. */
static bool
make_ink(const HwrImage *img, int f, uint8_t bright, double **out, HwrStatus *st)
{
	int			h = reduced(img->height, f);
	int			w = reduced(img->width, f);
	double	   *ink = hwr_alloc_zero((size_t) h * (size_t) w, sizeof(double), st);
	double		most = 0;

	if (ink == NULL)
		return false;
	for (int y = 0; y < img->height; y++)
		for (int x = 0; x < img->width; x++)
			ink[(size_t) (y / f) * (size_t) w + (size_t) (x / f)] +=
				bright - img->pixels[(size_t) y * (size_t) img->width + (size_t) x];
	for (size_t i = 0; i < (size_t) h * (size_t) w; i++)
		most = ink[i] > most ? ink[i] : most;
	for (size_t i = 0; i < (size_t) h * (size_t) w; i++)
		ink[i] /= most;
	*out = ink;
	return true;
}

/* Multiplications of find_middle; those that the beginning of each loop over columns is worth count with them. */
static double
cost(double h, double w)
{
	return h * (w + LOOP_COST) * (fmin(TRUNCATE * SMOOTH_DOWN * h, h) + fmin(TRUNCATE * SMOOTH_ALONG * h, w));
}

/* middle[width], in pixels of the picture */
static bool
measure(const HwrImage *img, uint8_t bright, int *middle, HwrStatus *st)
{
	int			f = 1;
	double	   *ink;
	bool		ok;

	while (cost(reduced(img->height, f), reduced(img->width, f)) > MAX_COST)
		f++;
	ok = make_ink(img, f, bright, &ink, st);
	if (!ok)
		return false;
	ok = find_middle(ink, reduced(img->height, f), reduced(img->width, f), middle, st);
	free(ink);
	for (int x = img->width - 1; ok && f > 1 && x >= 0; x--)
		middle[x] = middle[x / f] * f;
	return ok;
}

/* How much to keep above the middle, and below it. */
static int64_t
find_reach(const HwrImage *img, uint8_t bright, const int *middle)
{
	int64_t		sum = 0;
	int64_t		n = 0;

	for (int y = 0; y < img->height; y++)
		for (int x = 0; x < img->width; x++)
			if (img->pixels[(size_t) y * (size_t) img->width + (size_t) x] != bright)
			{
				sum += abs(y - middle[x]);
				n++;
			}
	return n > 0 ? (int64_t) (1 + RANGE * ((double) sum / (double) n)) : 0;
}

/* The 2 reach rows around the middle; false where a column would have to come from further away than there is border. */
static bool
may_move(const HwrImage *img, const int *middle, int64_t reach)
{
	for (int x = 0; x < img->width; x++)
		if (middle[x] + img->height < reach || middle[x] + reach > 2 * (int64_t) img->height)
			return false;
	return reach > 0;
}

static void
move_columns(const HwrImage *img, uint8_t bright, const int *middle, int reach, uint8_t *out)
{
	size_t		w = (size_t) img->width;

	for (int y = 0; y < 2 * reach; y++)
		for (size_t x = 0; x < w; x++)
		{
			int			from = middle[x] - reach + y;

			out[(size_t) y * w + x] = from >= 0 && from < img->height ? img->pixels[(size_t) from * w + x] : bright;
		}
}

bool
hwr_centerline_straighten(HwrImage *img, HwrStatus *st)
{
	uint8_t		bright = brightest(img);
	int		   *middle = hwr_alloc((size_t) img->width, sizeof(int), st);
	uint8_t    *pixels = NULL;
	int64_t		reach = 0;
	bool		ok = middle != NULL;

	if (ok && memcmp(img->pixels, img->pixels + 1, (size_t) img->width * (size_t) img->height - 1) != 0)
	{
		ok = measure(img, bright, middle, st);
		reach = ok ? find_reach(img, bright, middle) : 0;
	}
	if (ok && may_move(img, middle, reach))
	{
		pixels = hwr_alloc((size_t) img->width, 2 * (size_t) reach, st);
		ok = pixels != NULL;
	}
	if (pixels != NULL)
	{
		move_columns(img, bright, middle, (int) reach, pixels);
		free(img->pixels);
		img->pixels = pixels;
		img->height = 2 * (int) reach;
		img->border = bright;
	}
	free(middle);
	return ok;
}

/* Where a row or column of n comes from: the place before, and the share of the next; -1: from beyond the last. */
static int
place_of(int i, double step, int n, double *share)
{
	double		at = i * step;

	*share = at - floor(at);
	return at > n - 1 ? -1 : (int) at;
}

void
hwr_bilinear_resize(const HwrImage *img, int out_w, int out_h, uint8_t *dst)
{
	double		scale = (double) out_h / img->height;
	int			natural = (int) (scale * img->width);
	double		step_x = natural == out_w ? 1 / scale : (double) img->width / out_w;

	for (int y = 0; y < out_h; y++)
		for (int x = 0; x < out_w; x++, dst++)
		{
			double		share_y;
			double		share_x;
			int			from_y = place_of(y, 1 / scale, img->height, &share_y);
			int			from_x = place_of(x, step_x, img->width, &share_x);
			const uint8_t *row = img->pixels + (size_t) (from_y < 0 ? 0 : from_y) * (size_t) img->width +
				(from_x < 0 ? 0 : from_x);
			const uint8_t *next = from_y + 1 < img->height ? row + img->width : row;
			int			right = from_x + 1 < img->width ? 1 : 0;
			double		value = 0;

			if (from_y < 0 || from_x < 0)
			{
				*dst = img->border;
				continue;
			}
			value += row[0] * (1 - share_y) * (1 - share_x);
			value += row[right] * (1 - share_y) * (1 - (1 - share_x));
			value += next[0] * (1 - (1 - share_y)) * (1 - share_x);
			value += next[right] * (1 - (1 - share_y)) * (1 - (1 - share_x));
			*dst = (uint8_t) (float) value;
		}
}
