/*
 * pose.c
 *	  Random samples of matches: see pose.h.
 */
#include "pose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"

#define SAMPLES 4000

/* The most distinctive matches are enough. */
#define USED 700

/* Pixels that a match may be off: of a similarity, and of what is made exact. */
#define LOOSE 16.0
#define MIDDLE 9.0
#define TIGHT 5.0

/* Two points that say how everything lies are so far apart at least. */
#define LEAST_BASE 40.0

/* A sample's turn and scale agree with what the features say of it. */
#define TURN_TOLERANCE 0.5
#define SCALE_TOLERANCE 1.6

#define LEAST_SCALE 0.2
#define MOST_SCALE 5.0

/* Matches as points. */
typedef struct Pairs
{
	int			n;
	HwrVec		from[USED];
	HwrVec		to[USED];
	double		scale[USED];	/* of the second picture, by the features' */
	int			target[USED];	/* number of the feature there */
	double		width;
	double		height;
	bool		taken[HWR_FEATURES_MAX];
} Pairs;

/* to = a from + b, complex. */
typedef struct Similarity
{
	double		a_re;
	double		a_im;
	double		b_re;
	double		b_im;
} Similarity;

static int
by_ratio(const void *a, const void *b)
{
	const HwrMatch *p = a;
	const HwrMatch *q = b;

	if (p->ratio != q->ratio)
		return p->ratio < q->ratio ? -1 : 1;
	return p->from - q->from;
}

static bool
similarity_of(const Pairs *pairs, int i, int j, double turn, Similarity *out)
{
	double		px = pairs->from[j].x - pairs->from[i].x;
	double		py = pairs->from[j].y - pairs->from[i].y;
	double		qx = pairs->to[j].x - pairs->to[i].x;
	double		qy = pairs->to[j].y - pairs->to[i].y;
	double		length = px * px + py * py;
	double		scale;

	if (length < LEAST_BASE * LEAST_BASE)
		return false;
	out->a_re = (qx * px + qy * py) / length;
	out->a_im = (qy * px - qx * py) / length;
	scale = hypot(out->a_re, out->a_im);
	if (scale < LEAST_SCALE || scale > MOST_SCALE ||
		fabs(log(scale / pairs->scale[i])) > log(SCALE_TOLERANCE) ||
		fabs(log(scale / pairs->scale[j])) > log(SCALE_TOLERANCE) ||
		fabs(remainder(atan2(out->a_im, out->a_re) - turn, 2 * 3.14159265358979)) > TURN_TOLERANCE)
		return false;
	out->b_re = pairs->to[i].x - out->a_re * pairs->from[i].x + out->a_im * pairs->from[i].y;
	out->b_im = pairs->to[i].y - out->a_im * pairs->from[i].x - out->a_re * pairs->from[i].y;
	return true;
}

static int
count_agreeing(const Pairs *pairs, const Similarity *s)
{
	int			n = 0;

	for (int i = 0; i < pairs->n; i++)
	{
		double		x = s->a_re * pairs->from[i].x - s->a_im * pairs->from[i].y + s->b_re - pairs->to[i].x;
		double		y = s->a_im * pairs->from[i].x + s->a_re * pairs->from[i].y + s->b_im - pairs->to[i].y;

		n += x * x + y * y < LOOSE * LOOSE;
	}
	return n;
}

static HwrHomography
homography_of(const Pairs *pairs, const Similarity *s)
{
	return (HwrHomography){{
		s->a_re * pairs->width, -s->a_im * pairs->height, s->b_re,
		s->a_im * pairs->width, s->a_re * pairs->height, s->b_im, 0, 0
	}};
}

/* Pairs within the tolerance, one for each target, as points of the unit square and of the second picture. */
static int
agreeing(Pairs *pairs, const HwrHomography *h, double tolerance, HwrVec *unit, HwrVec *to)
{
	int			n = 0;

	memset(pairs->taken, 0, sizeof(pairs->taken));
	for (int i = 0; i < pairs->n; i++)
	{
		HwrVec		p = {pairs->from[i].x / pairs->width, pairs->from[i].y / pairs->height};
		HwrVec		q = hwr_homography_apply(h, p);

		if (pairs->taken[pairs->target[i]] || hypot(q.x - pairs->to[i].x, q.y - pairs->to[i].y) > tolerance)
			continue;
		pairs->taken[pairs->target[i]] = true;
		unit[n] = p;
		to[n++] = pairs->to[i];
	}
	return n;
}

bool
hwr_pose_possible(const HwrHomography *h, double width, double height)
{
	double		least = INFINITY;
	double		most = 0;

	for (int i = 0; i < 4; i++)
	{
		double		x = i & 1;
		double		y = i >> 1;
		double		w = h->h[6] * x + h->h[7] * y + 1;
		HwrVec		p = hwr_homography_apply(h, (HwrVec){x, y});
		double		ax = (h->h[0] - p.x * h->h[6]) / w / width;
		double		ay = (h->h[3] - p.y * h->h[6]) / w / width;
		double		bx = (h->h[1] - p.x * h->h[7]) / w / height;
		double		by = (h->h[4] - p.y * h->h[7]) / w / height;
		double		a = hypot(ax, ay);
		double		b = hypot(bx, by);

		/* Written so that NaN is impossible too. */
		if (!(w > 0.4 && w < 2.5 && a > LEAST_SCALE && a < MOST_SCALE && b > LEAST_SCALE && b < MOST_SCALE))
			return false;
		/* The angle between the sides: its sine, positive where nothing is mirrored. */
		if ((ax * by - ay * bx) / (a * b) < 0.75)
			return false;
		least = fmin(least, fmin(a, b));
		most = fmax(most, fmax(a, b));
	}
	return most < 1.8 * least;
}

/* Make a pose exact; false where too few agree, or it is impossible. */
static bool
polish(Pairs *pairs, HwrPose *pose, HwrVec *unit, HwrVec *to)
{
	static const double tolerances[] = {LOOSE, MIDDLE, MIDDLE, TIGHT, TIGHT};

	for (int k = 0; k < 5; k++)
	{
		HwrHomography h;
		int			n = agreeing(pairs, &pose->h, tolerances[k], unit, to);

		if (n < HWR_POSE_LEAST)
			return false;
		/* Perspective is believed where many agree. */
		if (!hwr_homography_fit(unit, to, NULL, n, k < 2 || n < 3 * HWR_POSE_LEAST, &h) ||
			!hwr_pose_possible(&h, pairs->width, pairs->height))
			return false;
		pose->h = h;
		pose->inliers = n;
	}
	return true;
}

/* Whether two poses put the picture's corners at nearly the same places. */
static bool
same_pose(const HwrHomography *a, const HwrHomography *b)
{
	for (int i = 0; i < 4; i++)
	{
		HwrVec		p = hwr_homography_apply(a, (HwrVec){i & 1, i >> 1});
		HwrVec		q = hwr_homography_apply(b, (HwrVec){i & 1, i >> 1});

		if (hypot(p.x - q.x, p.y - q.y) > LOOSE)
			return false;
	}
	return true;
}

static void
make_pairs(const HwrFeatures *from, double width, double height, const HwrFeatures *to, HwrMatch *matches, int n,
		   Pairs *pairs)
{
	qsort(matches, (size_t) n, sizeof(HwrMatch), by_ratio);
	pairs->width = width;
	pairs->height = height;
	pairs->n = n < USED ? n : USED;
	for (int i = 0; i < pairs->n; i++)
	{
		const HwrFeature *p = &from->features[matches[i].from];
		const HwrFeature *q = &to->features[matches[i].to];

		pairs->from[i] = (HwrVec){p->x, p->y};
		pairs->to[i] = (HwrVec){q->x, q->y};
		pairs->scale[i] = q->scale / p->scale;
		pairs->target[i] = matches[i].to;
	}
}

/* Samples are of the best matches at first, and of more as time goes on (PROSAC: Chum and Matas 2005). */
static void
take_samples(const Pairs *pairs, double turn, HwrPose poses[HWR_POSES])
{
	HwrRng		rng;

	hwr_rng_seed(&rng, 1, 0);
	for (int k = 0; k < SAMPLES; k++)
	{
		int			pool = 20 + k / 4 < pairs->n ? 20 + k / 4 : pairs->n;
		int			i = (int) hwr_rng_below(&rng, (uint64_t) pool);
		int			j = (int) hwr_rng_below(&rng, (uint64_t) pool);
		Similarity	s;
		HwrPose		pose;
		int			at;

		if (i == j || !similarity_of(pairs, i, j, turn, &s))
			continue;
		pose.inliers = count_agreeing(pairs, &s);
		if (pose.inliers <= poses[HWR_POSES - 1].inliers)
			continue;
		pose.h = homography_of(pairs, &s);
		/* It takes the place of one like it, or of the worst. */
		for (at = 0; at < HWR_POSES - 1 && !(poses[at].inliers > 0 && same_pose(&poses[at].h, &pose.h)); at++)
			;
		if (poses[at].inliers >= pose.inliers)
			continue;
		for (; at > 0 && poses[at - 1].inliers < pose.inliers; at--)
			poses[at] = poses[at - 1];
		poses[at] = pose;
	}
}

int
hwr_pose_find(const HwrFeatures *from, double width, double height, const HwrFeatures *to, HwrMatch *matches, int n,
			  double angle, HwrPose poses[HWR_POSES])
{
	HwrStatus	st;
	Pairs	   *pairs;
	HwrVec	   *points;
	int			count = 0;

	memset(poses, 0, HWR_POSES * sizeof(HwrPose));
	if (n < HWR_POSE_LEAST)
		return 0;
	pairs = hwr_alloc(1, sizeof(Pairs), &st);
	points = hwr_alloc(2 * USED, sizeof(HwrVec), &st);
	if (pairs != NULL && points != NULL)
	{
		make_pairs(from, width, height, to, matches, n, pairs);
		take_samples(pairs, -angle, poses);
		for (int i = 0; i < HWR_POSES; i++)
		{
			HwrPose		pose = poses[i];
			bool		known = false;

			if (pose.inliers < HWR_POSE_LEAST || !polish(pairs, &pose, points, points + USED))
				continue;
			for (int j = 0; j < count; j++)
				known = known || same_pose(&poses[j].h, &pose.h);
			if (!known)
				poses[count++] = pose;
		}
	}
	free(pairs);
	free(points);
	return count;
}
