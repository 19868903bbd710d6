/*
 * warp.c
 *	  Homographies and displacements: see warp.h.
 */
#include "warp.h"

#include <math.h>
#include <string.h>

HwrVec
hwr_homography_apply(const HwrHomography *h, HwrVec p)
{
	double		w = h->h[6] * p.x + h->h[7] * p.y + 1;

	/* Points behind the horizon are none of a picture's; far away is as good as any. */
	if (w < 1e-6)
		w = 1e-6;
	return (HwrVec){(h->h[0] * p.x + h->h[1] * p.y + h->h[2]) / w, (h->h[3] * p.x + h->h[4] * p.y + h->h[5]) / w};
}

void
hwr_warp_nodes(HwrVec unit, int node[4], double share[4])
{
	double		x = fmin(fmax(unit.x, 0), 1) * (HWR_WARP_COLUMNS - 1);
	double		y = fmin(fmax(unit.y, 0), 1) * (HWR_WARP_ROWS - 1);
	int			c = x >= HWR_WARP_COLUMNS - 1 ? HWR_WARP_COLUMNS - 2 : (int) x;
	int			r = y >= HWR_WARP_ROWS - 1 ? HWR_WARP_ROWS - 2 : (int) y;
	double		fx = x - c;
	double		fy = y - r;

	for (int i = 0; i < 4; i++)
	{
		node[i] = (r + i / 2) * HWR_WARP_COLUMNS + c + i % 2;
		share[i] = (i % 2 ? fx : 1 - fx) * (i / 2 ? fy : 1 - fy);
	}
}

HwrVec
hwr_warp_apply(const HwrWarp *warp, HwrVec p)
{
	HwrVec		unit = {p.x / warp->width, p.y / warp->height};
	HwrVec		q = hwr_homography_apply(&warp->base, unit);
	int			node[4];
	double		share[4];

	hwr_warp_nodes(unit, node, share);
	for (int i = 0; i < 4; i++)
	{
		q.x += share[i] * warp->node[node[i]].x;
		q.y += share[i] * warp->node[node[i]].y;
	}
	return q;
}

void
hwr_warp_scale(HwrWarp *warp, double width, double height, double x, double y)
{
	warp->width = width;
	warp->height = height;
	for (int i = 0; i < 3; i++)
	{
		warp->base.h[i] *= x;
		warp->base.h[3 + i] *= y;
	}
	for (int i = 0; i < HWR_WARP_NODES; i++)
	{
		warp->node[i].x *= x;
		warp->node[i].y *= y;
	}
}

bool
hwr_solve_spd(double *a, double *b, int n)
{
	/* Cholesky: a becomes the lower triangle L of L L'. */
	for (int j = 0; j < n; j++)
	{
		double		d = a[j * n + j];

		for (int k = 0; k < j; k++)
			d -= a[j * n + k] * a[j * n + k];
		if (!(d > 1e-14 * fabs(a[j * n + j]) && d > 0))
			return false;
		d = sqrt(d);
		a[j * n + j] = d;
		for (int i = j + 1; i < n; i++)
		{
			double		s = a[i * n + j];

			for (int k = 0; k < j; k++)
				s -= a[i * n + k] * a[j * n + k];
			a[i * n + j] = s / d;
		}
	}
	for (int i = 0; i < n; i++)
	{
		for (int k = 0; k < i; k++)
			b[i] -= a[i * n + k] * b[k];
		b[i] /= a[i * n + i];
	}
	for (int i = n - 1; i >= 0; i--)
	{
		for (int k = i + 1; k < n; k++)
			b[i] -= a[k * n + i] * b[k];
		b[i] /= a[i * n + i];
	}
	return true;
}

/* Add a row's outer product, and the row times its right side. */
static void
accumulate(double *a, double *b, int n, const double *row, double right, double weight)
{
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j <= i; j++)
			a[i * n + j] += weight * row[i] * row[j];
		b[i] += weight * row[i] * right;
	}
}

bool
hwr_homography_fit(const HwrVec *from, const HwrVec *to, const double *weight, int n, bool affine, HwrHomography *out)
{
	int			m = affine ? 6 : 8;
	double		a[64] = {0};
	double		b[8] = {0};
	double		scale = 1;

	/* The target is scaled to about 1 as the source is, lest the equations be ill-conditioned. */
	for (int i = 0; i < n; i++)
		scale = fmax(scale, fmax(fabs(to[i].x), fabs(to[i].y)));
	for (int i = 0; i < n; i++)
	{
		double		x = from[i].x;
		double		y = from[i].y;
		double		u = to[i].x / scale;
		double		v = to[i].y / scale;
		double		w = weight == NULL ? 1 : weight[i];
		double		row_u[8] = {x, y, 1, 0, 0, 0, -u * x, -u * y};
		double		row_v[8] = {0, 0, 0, x, y, 1, -v * x, -v * y};

		accumulate(a, b, m, row_u, u, w);
		accumulate(a, b, m, row_v, v, w);
	}
	for (int i = 0; i < m; i++)
		a[i * m + i] += 1e-9;
	if (!hwr_solve_spd(a, b, m))
		return false;
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < m; i++)
		out->h[i] = i < 6 ? b[i] * scale : b[i];
	return true;
}
