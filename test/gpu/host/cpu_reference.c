/*
 * cpu_reference.c
 *	  Single layers of the CPU core, each laid out for itself.
 */
#include "cpu_reference.h"

#include <stdlib.h>
#include <string.h>

#include "core/augment/augment.h"
#include "core/decode/ctc.h"
#include "core/decode/decode.h"
#include "cpu/layers/layers.h"

/* A layer with the run it is given: four tensors of c values each, more than any but batch norm needs. */
typedef struct Layer
{
	HwrNet		net;
	HwrLayer	layer;
	HwrLayerRun run;
	HwrPool    *pool;
	uint64_t	version;
} Layer;

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
layer_start(Layer *l, HwrLayerKind kind, int n, HwrShape in, HwrShape out)
{
	HwrStatus	st = {0};

	memset(l, 0, sizeof(*l));
	must(hwr_pool_create(2, &l->pool, &st));
	for (int i = 0; i < 4; i++)
		l->net.tensors[i].offset = (size_t) (i * in.c);
	l->layer.kind = kind;
	l->layer.in = in;
	l->layer.out = out;
	l->run.net = &l->net;
	l->run.layer = &l->layer;
	l->run.N = n;
	l->run.in = in;
	l->run.out = out;
	l->run.training = true;
	l->run.k = hwr_kernels();
	l->run.pool = l->pool;
	l->run.version = &l->version;
}

/* After the layer's own fields are set. */
static void
layer_forward(Layer *l, const float *x, float *y)
{
	const HwrLayerOps *ops = hwr_layer_ops(l->layer.kind);

	if (ops->aux_size != NULL)
	{
		l->run.aux = calloc(1, ops->aux_size(&l->run) + 1);
		must(l->run.aux != NULL);
	}
	l->run.x = x;
	l->run.y = y;
	ops->forward(&l->run);
}

static void
layer_backward(Layer *l, float *dy, float *dx)
{
	l->run.dy = dy;
	l->run.dx = dx;
	hwr_layer_ops(l->layer.kind)->backward(&l->run);
}

static void
layer_end(Layer *l)
{
	free(l->run.aux);
	hwr_pool_free(l->pool);
}

static float *
new_floats(size_t count)
{
	float	   *p = calloc(count > 0 ? count : 1, sizeof(float));

	must(p != NULL);
	return p;
}

/* The three maps of a position, and the two layers. */
typedef struct Point
{
	HwrShape	shape;
	HwrShape	pooled;
	size_t		size;			/* values of the whole map */
	float	   *v;
	float	   *u;
	Layer		norm;
	Layer		pool;
} Point;

static void
point_start(Point *p, const CpuMap *map, CpuNorm *norm, bool training)
{
	p->shape = (HwrShape) {map->h, map->w, map->c};
	p->pooled = (HwrShape) {(map->h - map->ky) / map->sy + 1, (map->w - map->kx) / map->sx + 1, map->c};
	p->size = (size_t) map->n * hwr_shape_size(p->shape);
	p->v = new_floats(p->size);
	p->u = new_floats(p->size);
	layer_start(&p->norm, HWR_LAYER_BATCH_NORM, map->n, p->shape, p->shape);
	p->norm.run.training = training;
	p->norm.run.measure = training ? CPU_MEASURE : 0;
	p->norm.run.values = norm != NULL ? norm->values : NULL;
	p->norm.run.grads = norm != NULL ? norm->grads : NULL;
	layer_start(&p->pool, HWR_LAYER_POOL, map->n, p->shape, p->pooled);
	p->pool.layer.ky = map->ky;
	p->pool.layer.kx = map->kx;
	p->pool.layer.sy = map->sy;
	p->pool.layer.sx = map->sx;
}

static void
point_forward(Point *p, const float *z, const float *bias, HwrActivation act, const CpuNorm *norm, float *y)
{
	size_t		rows = p->size / (size_t) p->shape.c;

	memcpy(p->v, z, p->size * sizeof(float));
	p->norm.run.k->bias_act(rows, p->shape.c, bias, act, p->v);
	if (norm != NULL)
		layer_forward(&p->norm, p->v, p->u);
	else
		memcpy(p->u, p->v, p->size * sizeof(float));
	layer_forward(&p->pool, p->u, y);
}

static void
point_end(Point *p)
{
	layer_end(&p->norm);
	layer_end(&p->pool);
	free(p->v);
	free(p->u);
}

void
cpu_point_forward(const CpuMap *map, const float *z, const float *bias, HwrActivation act, CpuNorm *norm,
				  bool training, float *y)
{
	Point		p;

	point_start(&p, map, norm, training);
	point_forward(&p, z, bias, act, norm, y);
	point_end(&p);
}

void
cpu_point_backward(const CpuMap *map, const float *z, const float *bias, HwrActivation act, CpuNorm *norm,
				   const float *dy, float *dz, float *dbias)
{
	Point		p;
	size_t		out;
	float	   *y;
	float	   *d;
	float	   *du;

	point_start(&p, map, norm, true);
	out = (size_t) map->n * hwr_shape_size(p.pooled);
	y = new_floats(out);
	d = new_floats(out);
	du = new_floats(p.size);
	memcpy(d, dy, out * sizeof(float));
	point_forward(&p, z, bias, act, norm, y);
	layer_backward(&p.pool, d, du);
	if (norm != NULL)
		layer_backward(&p.norm, du, dz);
	else
		memcpy(dz, du, p.size * sizeof(float));
	p.norm.run.k->act_back(p.size / (size_t) map->c, map->c, p.v, act, dz);
	memset(dbias, 0, (size_t) map->c * sizeof(float));
	p.norm.run.k->col_sum(p.size / (size_t) map->c, map->c, dz, dbias);
	point_end(&p);
	free(y);
	free(d);
	free(du);
}

void
cpu_softmax(int rows, int cols, const float *bias, float *z)
{
	hwr_kernels()->bias_act((size_t) rows, cols, bias, HWR_ACT_SOFTMAX, z);
}

void
cpu_softmax_back(int rows, int cols, const float *y, float *dy)
{
	hwr_kernels()->act_back((size_t) rows, cols, y, HWR_ACT_SOFTMAX, dy);
}

void
cpu_log_softmax(int rows, int cols, const float *x, float *logp)
{
	hwr_kernels()->log_softmax((size_t) rows, cols, x, logp);
}

void
cpu_reshape(int n, int h, int w, int c, int a, bool back, const float *x, float *y)
{
	Layer		l;

	layer_start(&l, HWR_LAYER_RESHAPE, n, (HwrShape) {h, w, c}, (HwrShape) {1, w * a, h / a * c});
	l.layer.split_a = a;
	if (back)
	{
		l.run.dy = (float *) x;
		l.run.dx = y;
		hwr_layer_ops(HWR_LAYER_RESHAPE)->backward(&l.run);
	}
	else
		layer_forward(&l, x, y);
	layer_end(&l);
}

void
cpu_dropout(int rows, int cols, float p, int layer, uint64_t key, const float *x, float *y)
{
	Layer		l;

	layer_start(&l, HWR_LAYER_DROPOUT, 1, (HwrShape) {1, rows, cols}, (HwrShape) {1, rows, cols});
	l.layer.dropout = p;
	l.run.index = layer;
	l.run.rng_key = key;
	layer_forward(&l, x, y);
	layer_end(&l);
}

void
cpu_lstm_cell(int rows, int n, float *gates, const float *cell_before, float *cell, float *tc, float *h)
{
	hwr_kernels()->lstm_cell((size_t) rows, n, gates, cell_before, cell, tc, h);
}

void
cpu_lstm_cell_back(int rows, int n, float *gates, const float *cell_before, const float *tc, const float *dh, float *dc)
{
	hwr_kernels()->lstm_cell_back((size_t) rows, n, gates, cell_before, tc, dh, dc);
}

bool
cpu_ctc(const float *logp, int T, int K, const int *label, int L, double scale, double *loss, float *grad)
{
	void	   *workspace = malloc(hwr_ctc_workspace(T, L));
	bool		ok = hwr_ctc_loss(logp, T, K, label, L, loss, grad, scale, workspace);

	free(workspace);
	return ok;
}

int
cpu_greedy(const float *logp, int T, int K, int *ids)
{
	HwrAlphabet alphabet = {.n = K - 1,.codepoints = malloc((size_t) K * sizeof(uint32_t))};
	HwrReading	reading;
	HwrStatus	st = {0};
	int			n;

	for (int k = 0; k < K - 1; k++)
		alphabet.codepoints[k] = (uint32_t) (k + 1) + 0x1000;
	must(hwr_decode_greedy(logp, T, K, &alphabet, &reading, &st));
	n = reading.n;
	for (int i = 0; i < n; i++)
		ids[i] = (int) reading.chars[i].codepoint - 0x1000;
	hwr_reading_free(&reading);
	free(alphabet.codepoints);
	return n;
}

void
cpu_augment(const uint8_t *src, uint8_t *dst, int h, int w, const HwrAugmentStrengths *strengths, uint64_t key, uint64_t stream)
{
	HwrRng		rng;

	hwr_rng_seed(&rng, key, stream);
	hwr_augment(src, dst, h, w, strengths, &rng);
}
