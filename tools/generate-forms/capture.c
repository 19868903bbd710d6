/*
 * capture.c
 *	  A page under a scanner or before a camera.
 */
#include <string.h>

#include "forms.h"

/* The bounds of what is asked for: turn in degrees, scale, shift and perspective as shares of the picture. */
#define TURN 5.0
#define LEAST_SCALE 0.8
#define MOST_SCALE 1.25
#define SHIFT 0.05
#define PERSPECTIVE 0.03

/* Samples of the page along and down a pixel of the picture. */
#define SAMPLES 2

static Point
apply(const double h[8], Point p)
{
	double		w = h[6] * p.x + h[7] * p.y + 1;

	return (Point){(h[0] * p.x + h[1] * p.y + h[2]) / w, (h[3] * p.x + h[4] * p.y + h[5]) / w};
}

/* The homography of four points, by Gaussian elimination. */
static void
through(const Point from[4], const Point to[4], double h[8])
{
	double		a[8][9];

	for (int i = 0; i < 4; i++)
	{
		double		x = from[i].x,
					y = from[i].y;
		double		rows[2][9] = {
			{x, y, 1, 0, 0, 0, -x * to[i].x, -y * to[i].x, to[i].x},
			{0, 0, 0, x, y, 1, -x * to[i].y, -y * to[i].y, to[i].y}
		};

		memcpy(a[2 * i], rows, sizeof(rows));
	}
	for (int c = 0; c < 8; c++)
	{
		int			best = c;

		for (int r = c; r < 8; r++)
			if (fabs(a[r][c]) > fabs(a[best][c]))
				best = r;
		for (int k = 0; k < 9; k++)
		{
			double		swap = a[c][k];

			a[c][k] = a[best][k];
			a[best][k] = swap;
		}
		for (int r = 0; r < 8; r++)
			if (r != c)
			{
				double		f = a[r][c] / a[c][c];

				for (int k = c; k < 9; k++)
					a[r][k] -= f * a[c][k];
			}
	}
	for (int i = 0; i < 8; i++)
		h[i] = a[i][8] / a[i][i];
}

static void
invert(const double h[8], double out[8])
{
	double		m[9] = {
		h[4] - h[5] * h[7], h[2] * h[7] - h[1], h[1] * h[5] - h[2] * h[4],
		h[5] * h[6] - h[3], h[0] - h[2] * h[6], h[2] * h[3] - h[0] * h[5],
		h[3] * h[7] - h[4] * h[6], h[1] * h[6] - h[0] * h[7], h[0] * h[4] - h[1] * h[3]
	};

	for (int i = 0; i < 8; i++)
		out[i] = m[i] / m[8];
}

/* What bent paper adds, at a point of the page. */
static Point
bent(const Capture *c, Point p)
{
	double		s = sin(2 * M_PI * c->waves * p.y / c->page_height + c->phase);
	double		t = sin(2 * M_PI * c->waves * 0.8 * p.x / c->page_height + 2 * c->phase);

	return (Point){0.5 * c->curl * s, c->curl * t};
}

Point
captured(const Capture *c, Point p)
{
	Point		q = apply(c->h, p);
	Point		b = bent(c, p);

	return (Point){q.x + b.x, q.y + b.y};
}

static bool
fields_inside(const Capture *c, const Sheet *sheet, double pixels)
{
	for (int i = 0; i < sheet->n; i++)
		for (int k = 0; k < 4; k++)
		{
			const Field *f = &sheet->field[i];
			Point		p = captured(c, (Point){(f->x + (k & 1) * f->w) * pixels, (f->y + (k >> 1) * f->h) * pixels});

			if (p.x < 1 || p.y < 1 || p.x > c->width - 1 || p.y > c->height - 1)
				return false;
		}
	return true;
}

void
choose_capture(Rng *rng, const Sheet *sheet, const Page *page, double pixels, bool photo, Capture *c)
{
	do
	{
		double		scale = uniform(rng, LEAST_SCALE, MOST_SCALE) * 0.75;
		double		room = uniform(rng, 1, photo ? 1.25 : 1.06);
		double		turn = uniform(rng, -TURN, TURN) * M_PI / 180;
		double		slant = photo ? PERSPECTIVE : 0.002;
		Point		from[4];
		Point		to[4];

		*c = (Capture){
			.photo = photo,.curl = photo ? uniform(rng, 0, 0.003) * page->height * scale : uniform(rng, 0, 1),
			.waves = uniform(rng, 0.3, 1.2),.phase = uniform(rng, 0, 2 * M_PI),.page_height = page->height,
			.width = (int) (scale * room * page->width),.height = (int) (scale * room * page->height)
		};
		double		sx = uniform(rng, -SHIFT, SHIFT) * c->width;
		double		sy = uniform(rng, -SHIFT, SHIFT) * c->height;

		for (int i = 0; i < 4; i++)
		{
			double		x = ((i & 1) - 0.5) * page->width * scale;
			double		y = ((i >> 1) - 0.5) * page->height * scale;

			from[i] = (Point){(i & 1) * page->width, (i >> 1) * page->height};
			to[i].x = c->width / 2.0 + sx + cos(turn) * x - sin(turn) * y + uniform(rng, -slant, slant) * c->width;
			to[i].y = c->height / 2.0 + sy + sin(turn) * x + cos(turn) * y + uniform(rng, -slant, slant) * c->height;
		}
		through(from, to, c->h);
	} while (!fields_inside(c, sheet, pixels));
}

static float
sample(const Page *page, Point p, float outside)
{
	double		x = p.x - 0.5,
				y = p.y - 0.5;
	int			u = (int) floor(x),
				v = (int) floor(y);
	float		fx = (float) (x - u),
				fy = (float) (y - v);
	const float *a;

	if (u < 0 || v < 0 || u + 1 >= page->width || v + 1 >= page->height)
		return outside;
	a = page->v + (size_t) v * (size_t) page->width + u;
	return (a[0] * (1 - fx) + a[1] * fx) * (1 - fy) + (a[page->width] * (1 - fx) + a[page->width + 1] * fx) * fy;
}

/* Light that falls off, and the shadow of a hand or a head. */
typedef struct Light
{
	double		dark,
				angle,
				middle,
				soft;
	double		slope_x,
				slope_y;
} Light;

static double
light_at(const Light *l, double x, double y)
{
	double		along = cos(l->angle) * (x - 0.5) + sin(l->angle) * (y - 0.5);

	return (1 - (1 - l->dark) / (1 + exp((l->middle - along) / l->soft * 4))) *
		(1 + l->slope_x * (x - 0.5) + l->slope_y * (y - 0.5));
}

void
take_picture(Rng *rng, const Page *page, const Capture *c, Picture *out)
{
	Light		light = {uniform(rng, 0.5, 0.95), uniform(rng, 0, 2 * M_PI), uniform(rng, -0.3, 0.3), uniform(rng, 0.05, 0.6),
	uniform(rng, -0.3, 0.3), uniform(rng, -0.3, 0.3)};
	double		white = uniform(rng, c->photo ? 190 : 225, 250);
	float		outside = (float) (c->photo ? uniform(rng, 0.2, 0.7) : chance(rng, 0.7) ? 1 : uniform(rng, 0.05, 0.3));
	double		inverse[8];

	invert(c->h, inverse);
	out->width = c->width;
	out->height = c->height;
	out->mask = NULL;
	out->rgb = g_new(float, 3 * (size_t) c->width * (size_t) c->height);
	for (int y = 0; y < c->height; y++)
		for (int x = 0; x < c->width; x++)
		{
			float		sum = 0;
			double		v;

			for (int k = 0; k < SAMPLES * SAMPLES; k++)
			{
				Point		q = {x + (k % SAMPLES + 0.5) / SAMPLES, y + (k / SAMPLES + 0.5) / SAMPLES};
				Point		p = apply(inverse, q);

				/* The bend is small and smooth: it is undone in a few steps. */
				for (int i = 0; i < 3; i++)
				{
					Point		b = bent(c, p);

					p = apply(inverse, (Point){q.x - b.x, q.y - b.y});
				}
				sum += sample(page, p, outside);
			}
			v = white * sum / (SAMPLES * SAMPLES);
			if (c->photo)
				v *= light_at(&light, (double) x / c->width, (double) y / c->height);
			for (int ch = 0; ch < 3; ch++)
				out->rgb[((size_t) y * (size_t) c->width + (size_t) x) * 3 + (size_t) ch] = (float) v;
		}
	for (int i = below(rng, c->photo ? 4 : 2); i > 0; i--)
		blur(out, (float) uniform(rng, 0.1, 0.5));
	add_grain(rng, out);
	if (!c->photo && chance(rng, 0.25))
		scan(rng, out);
}
