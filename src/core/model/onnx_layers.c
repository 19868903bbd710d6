/*
 * onnx_layers.c
 *	  A network as an ONNX graph: each layer becomes a few of ONNX's operators.
 *
 * hwr's maps are [N][H][W][C].  ONNX convolves and pools [N][C][H][W], multiplies along the last
 * dimension, and its LSTMs take steps first, [T][N][C].  So a value is in one of three layouts, and is
 * transposed only where the next layer wants another one; a sequence stays steps first from one LSTM
 * to the next.
 *
 * N and W are not known.  Where a Reshape has to name both, it takes them from its input's Shape.
 * "Same" padding with stride 1 is written out; with a stride it depends on the width and is left to
 * auto_pad SAME_UPPER, which puts the odd column where hwr does (conv_unrolled.c).
 */
#include "onnx_internal.h"

/* "LAYER.WHAT", with a number where a layer needs the same again. */
static const char *
new_name(HwrOnnxExport *e, const char *what)
{
	if (e->serial++ == 0)
		return hwr_onnx_text(&e->g, "%d.%s", e->layer, what);
	return hwr_onnx_text(&e->g, "%d.%s.%d", e->layer, what, e->serial);
}

/* A node of the current value and up to three others, which becomes the current value. */
static Hwr__Onnx__NodeProto *
apply(HwrOnnxExport *e, const char *op, const char *what, const char *b, const char *c, const char *d)
{
	const char *const inputs[] = {e->value, b, c, d, NULL};

	e->value = new_name(e, what);
	return hwr_onnx_node(&e->g, op, e->value, inputs);
}

static void
transpose(HwrOnnxExport *e, int n, const int64_t *order)
{
	hwr_onnx_ints(&e->g, apply(e, "Transpose", "transpose", NULL, NULL, NULL), "perm", n, order);
}

/* Reshape by numbers: 0 copies an extent of the input, -1 is what is left. */
static void
reshape(HwrOnnxExport *e, int n, const int64_t *shape)
{
	apply(e, "Reshape", "reshape", hwr_onnx_int64s(&e->g, new_name(e, "shape"), n, shape), NULL, NULL);
}

static void
squeeze(HwrOnnxExport *e, int64_t axis)
{
	apply(e, "Squeeze", "squeeze", hwr_onnx_int64s(&e->g, new_name(e, "axis"), 1, &axis), NULL, NULL);
}

static void
unsqueeze(HwrOnnxExport *e, int64_t axis)
{
	apply(e, "Unsqueeze", "unsqueeze", hwr_onnx_int64s(&e->g, new_name(e, "axis"), 1, &axis), NULL, NULL);
}

#define ORDER(...) (sizeof((int64_t[]) {__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) {__VA_ARGS__}

static void
to_layout(HwrOnnxExport *e, HwrOnnxLayout want)
{
	HwrOnnxLayout		have = e->layout;

	e->layout = want;
	if (have == want)
		return;
	if (have == HWR_ONNX_MAP && want == HWR_ONNX_ROWS)
		transpose(e, ORDER(0, 2, 3, 1));
	else if (have == HWR_ONNX_ROWS && want == HWR_ONNX_MAP)
		transpose(e, ORDER(0, 3, 1, 2));
	else if (have == HWR_ONNX_MAP)
	{
		squeeze(e, 2);
		transpose(e, ORDER(2, 0, 1));
	}
	else if (have == HWR_ONNX_ROWS)
	{
		squeeze(e, 1);
		transpose(e, ORDER(1, 0, 2));
	}
	else if (want == HWR_ONNX_ROWS)
	{
		transpose(e, ORDER(1, 0, 2));
		unsqueeze(e, 1);
	}
	else
	{
		transpose(e, ORDER(1, 2, 0));
		unsqueeze(e, 2);
	}
}

/* The layer's tensor of this number, and its name. */
static const HwrTensor *
layer_tensor(const HwrOnnxExport *e, int number)
{
	return &e->model->net.tensors[e->model->net.layers[e->layer].first_tensor + number];
}

static const float *
tensor_values(const HwrOnnxExport *e, int number)
{
	return e->model->values + layer_tensor(e, number)->offset;
}

/* A tensor that is the same in ONNX. */
static const char *
add_as_it_is(HwrOnnxExport *e, int number)
{
	const HwrTensor *t = layer_tensor(e, number);
	int64_t		dims[5] = {0};

	for (int i = 0; i < t->ndim; i++)
		dims[i] = t->shape[i];
	return hwr_onnx_floats(&e->g, t->name, dims, tensor_values(e, number));
}

static void
unsupported(HwrOnnxExport *e, const char *what)
{
	if (e->g.failed)
		return;
	e->g.failed = true;
	hwr_fail(e->g.st, HWR_BAD_ARCHITECTURE, "cannot export the network to ONNX");
	hwr_fail_detail(e->g.st, "Item %d of the architecture %s.", e->layer + 1, what);
}

static void
activate(HwrOnnxExport *e, HwrActivation activation)
{
	switch (activation)
	{
		case HWR_ACT_LINEAR:
			return;
		case HWR_ACT_RELU:
			apply(e, "Relu", "relu", NULL, NULL, NULL);
			return;
		case HWR_ACT_TANH:
			apply(e, "Tanh", "tanh", NULL, NULL, NULL);
			return;
		case HWR_ACT_SIGMOID:
			apply(e, "Sigmoid", "sigmoid", NULL, NULL, NULL);
			return;
		case HWR_ACT_SOFTMAX:
			hwr_onnx_int(&e->g, apply(e, "Softmax", "softmax", NULL, NULL, NULL), "axis", e->layout == HWR_ONNX_MAP ? 1 : -1);
			return;
		case HWR_ACT_LEAKY:
			hwr_onnx_float(&e->g, apply(e, "LeakyRelu", "leaky_relu", NULL, NULL, NULL), "alpha", (float) HWR_LEAKY_SLOPE);
			return;
	}
	unsupported(e, "has an activation that is not known here");
}

/* [y][x][in][out] to [out][in][y][x] */
static const char *
add_conv_kernel(HwrOnnxExport *e, const HwrLayer *l, int in)
{
	const HwrTensor *t = layer_tensor(e, 0);
	const float *from = tensor_values(e, 0);
	size_t		places = (size_t) l->ky * (size_t) l->kx;
	size_t		out = (size_t) l->units;
	float	   *to = hwr_onnx_alloc(&e->g, t->count, sizeof(float));

	for (size_t p = 0; to != NULL && p < places; p++)
		for (size_t c = 0; c < (size_t) in; c++)
			for (size_t d = 0; d < out; d++)
				to[(d * (size_t) in + c) * places + p] = from[(p * (size_t) in + c) * out + d];
	return hwr_onnx_floats(&e->g, t->name, (int64_t[]) {l->units, in, l->ky, l->kx, 0}, to);
}

static void
export_conv(HwrOnnxExport *e, const HwrLayer *l)
{
	Hwr__Onnx__NodeProto *node;

	to_layout(e, HWR_ONNX_MAP);
	node = apply(e, "Conv", "conv", add_conv_kernel(e, l, e->shape.c), add_as_it_is(e, 1), NULL);
	hwr_onnx_ints(&e->g, node, "kernel_shape", ORDER(l->ky, l->kx));
	hwr_onnx_ints(&e->g, node, "strides", ORDER(l->sy, l->sx));
	if (l->dy != 1 || l->dx != 1)
		hwr_onnx_ints(&e->g, node, "dilations", ORDER(l->dy, l->dx));
	if (l->symmetric)
	{
		int64_t		y = (int64_t) l->dy * (l->ky - 1) / 2;
		int64_t		x = (int64_t) l->dx * (l->kx - 1) / 2;

		hwr_onnx_ints(&e->g, node, "pads", ORDER(y, x, y, x));
	}
	else if (l->sy == 1 && l->sx == 1)
		hwr_onnx_ints(&e->g, node, "pads", ORDER((l->ky - 1) / 2, (l->kx - 1) / 2, l->ky / 2, l->kx / 2));
	else
		hwr_onnx_string(&e->g, node, "auto_pad", "SAME_UPPER");
	activate(e, l->activation);
}

static void
export_pool(HwrOnnxExport *e, const HwrLayer *l)
{
	Hwr__Onnx__NodeProto *node;

	to_layout(e, HWR_ONNX_MAP);
	node = apply(e, "MaxPool", "pool", NULL, NULL, NULL);
	hwr_onnx_ints(&e->g, node, "kernel_shape", ORDER(l->ky, l->kx));
	hwr_onnx_ints(&e->g, node, "strides", ORDER(l->sy, l->sx));
}

static void
export_norm(HwrOnnxExport *e)
{
	const char *gamma = add_as_it_is(e, 0);
	const char *beta = add_as_it_is(e, 1);
	const char *mean = add_as_it_is(e, 2);
	const char *variance = add_as_it_is(e, 3);

	to_layout(e, HWR_ONNX_MAP);
	{
		const char *const inputs[] = {e->value, gamma, beta, mean, variance, NULL};

		e->value = new_name(e, "norm");
		hwr_onnx_float(&e->g, hwr_onnx_node(&e->g, "BatchNormalization", e->value, inputs), "epsilon",
					   (float) HWR_NORM_EPSILON);
	}
}

/*
 * Groups are instances' channels to ONNX, with their positions in a row; scale and shift are each
 * channel's own and come after.
 */
static void
export_group_norm(HwrOnnxExport *e, const HwrLayer *l)
{
	const HwrTensor *gamma = layer_tensor(e, 0);
	const HwrTensor *beta = layer_tensor(e, 1);
	float	   *ones = hwr_onnx_alloc(&e->g, (size_t) l->groups, sizeof(float));
	float	   *zeros = hwr_onnx_alloc(&e->g, (size_t) l->groups, sizeof(float));
	const char *shape = new_name(e, "shape");

	to_layout(e, HWR_ONNX_MAP);
	for (int i = 0; ones != NULL && i < l->groups; i++)
		ones[i] = 1;
	hwr_onnx_node(&e->g, "Shape", shape, (const char *const[]) {e->value, NULL});
	reshape(e, ORDER(0, l->groups, -1));
	{
		const char *one = hwr_onnx_floats(&e->g, new_name(e, "ones"), (int64_t[]) {l->groups, 0}, ones);
		const char *zero = hwr_onnx_floats(&e->g, new_name(e, "zeros"), (int64_t[]) {l->groups, 0}, zeros);

		hwr_onnx_float(&e->g, apply(e, "InstanceNormalization", "norm", one, zero, NULL), "epsilon",
					   (float) HWR_GROUP_EPSILON);
	}
	apply(e, "Reshape", "reshape", shape, NULL, NULL);
	apply(e, "Mul", "scaled", hwr_onnx_floats(&e->g, gamma->name, (int64_t[]) {e->shape.c, 1, 1, 0}, tensor_values(e, 0)), NULL,
		  NULL);
	apply(e, "Add", "shifted", hwr_onnx_floats(&e->g, beta->name, (int64_t[]) {e->shape.c, 1, 1, 0}, tensor_values(e, 1)), NULL,
		  NULL);
}

/* S: column w becomes the steps w a .. w a + a - 1, each with its rows' channels, the upper row first. */
static void
export_reshape(HwrOnnxExport *e, const HwrLayer *l)
{
	if (l->keep_height)
	{
		/* [N][a b][W][C] to [N][a][W][b C] */
		to_layout(e, HWR_ONNX_ROWS);
		reshape(e, ORDER(0, l->split_a, l->split_b, -1, e->shape.c));
		transpose(e, ORDER(0, 1, 3, 2, 4));
		reshape(e, ORDER(0, 0, 0, (int64_t) l->split_b * e->shape.c));
		return;
	}
	to_layout(e, HWR_ONNX_MAP);
	transpose(e, ORDER(0, 3, 2, 1));
	reshape(e, ORDER(0, -1, (int64_t) l->split_b * e->shape.c));
	transpose(e, ORDER(1, 0, 2));
	e->layout = HWR_ONNX_STEPS;
}

static void
export_dense(HwrOnnxExport *e, const HwrLayer *l)
{
	if (e->layout == HWR_ONNX_MAP)
		to_layout(e, e->shape.h == 1 ? HWR_ONNX_STEPS : HWR_ONNX_ROWS);
	apply(e, "MatMul", "product", add_as_it_is(e, 0), NULL, NULL);
	apply(e, "Add", "sum", add_as_it_is(e, 1), NULL, NULL);
	activate(e, l->activation);
}

/* Each gate's place in hwr's order i, f, g, o, in ONNX's order i, o, f, g. */
static const int gate_at[4] = {0, 3, 1, 2};

/*
 * All directions' kernels [in][4n] as [directions][4n][in].  first: the number of the forward
 * direction's tensor in the layer; a direction has three.
 */
static const char *
add_gates(HwrOnnxExport *e, const char *what, int first, int directions, int in, int n)
{
	size_t		rows = 4 * (size_t) n;
	float	   *to = hwr_onnx_alloc(&e->g, (size_t) directions * rows * (size_t) in, sizeof(float));

	for (int d = 0; to != NULL && d < directions; d++)
	{
		const float *from = tensor_values(e, first + 3 * d);
		float	   *matrix = to + (size_t) d * rows * (size_t) in;

		for (size_t r = 0; r < rows; r++)
		{
			size_t		column = (size_t) gate_at[r / (size_t) n] * (size_t) n + r % (size_t) n;

			for (size_t i = 0; i < (size_t) in; i++)
				matrix[r * (size_t) in + i] = from[i * rows + column];
		}
	}
	return hwr_onnx_floats(&e->g, hwr_onnx_text(&e->g, "%d.%s", e->layer, what),
						   (int64_t[]) {directions, (int64_t) rows, in, 0}, to);
}

/* [directions][8n]: the input's biases, and zeros for the recurrence's. */
static const char *
add_gate_biases(HwrOnnxExport *e, int directions, int n)
{
	size_t		rows = 4 * (size_t) n;
	float	   *to = hwr_onnx_alloc(&e->g, (size_t) directions * 2 * rows, sizeof(float));

	for (int d = 0; to != NULL && d < directions; d++)
		for (size_t r = 0; r < rows; r++)
			to[(size_t) d * 2 * rows + r] =
				tensor_values(e, 2 + 3 * d)[(size_t) gate_at[r / (size_t) n] * (size_t) n + r % (size_t) n];
	return hwr_onnx_floats(&e->g, hwr_onnx_text(&e->g, "%d.lstm.bias", e->layer),
						   (int64_t[]) {directions, 2 * (int64_t) rows, 0}, to);
}

/* The LSTM itself, [T][S][C] to [T][S][D n], or to [S][D n] where it keeps its last step only. */
static void
lstm(HwrOnnxExport *e, const HwrLayer *l)
{
	int			directions = l->forward + l->reverse;
	bool		at_end = l->at_end && l->reverse;	/* of the forward direction it is what it computes last */
	const char *kernel = add_gates(e, "lstm.kernel", 0, directions, e->shape.c, l->units);
	const char *recurrent = add_gates(e, "lstm.recurrent", 1, directions, l->units, l->units);
	const char *bias = add_gate_biases(e, directions, l->units);
	Hwr__Onnx__NodeProto *node;

	if (l->summarize && !at_end)
	{
		const char *const inputs[] = {e->value, kernel, recurrent, bias, NULL};

		/* Y, all steps, is not wanted; Y_h is the last that each direction computes */
		node = hwr_onnx_node(&e->g, "LSTM", "", inputs);
		e->value = new_name(e, "lstm");
		if (node != NULL)
			node->name = (char *) e->value;
		hwr_onnx_output(&e->g, node, e->value);
	}
	else
		node = apply(e, "LSTM", "lstm", kernel, recurrent, bias);
	hwr_onnx_int(&e->g, node, "hidden_size", l->units);
	hwr_onnx_string(&e->g, node, "direction", directions == 2 ? "bidirectional" : l->forward ? "forward" : "reverse");
	if (l->summarize)
	{
		if (at_end)
		{
			const char *last = hwr_onnx_int64s(&e->g, new_name(e, "at"), 1, (int64_t[]) {-1});

			hwr_onnx_int(&e->g, apply(e, "Gather", "end", last, NULL, NULL), "axis", 0);
			squeeze(e, 0);
		}
		transpose(e, ORDER(1, 0, 2));
		reshape(e, ORDER(0, (int64_t) directions * l->units));
	}
	else
	{
		transpose(e, ORDER(0, 2, 1, 3));
		reshape(e, ORDER(0, 0, (int64_t) directions * l->units));
	}
}

/*
 * Reshape to the extents [a][N][W or H][n], of which those of the value "like" that are not known
 * are taken from it; a: its own first extent, or 1.
 */
static void
reshape_like(HwrOnnxExport *e, const char *like, bool keep_first, int64_t n)
{
	const char *shape = new_name(e, "shape");
	const char *kept = new_name(e, "kept");
	const char *target = new_name(e, "target");
	const char *first = keep_first ? NULL : hwr_onnx_int64s(&e->g, new_name(e, "first"), 1, (int64_t[]) {1});
	const char *last = hwr_onnx_int64s(&e->g, new_name(e, "last"), 1, &n);
	const char *begin = hwr_onnx_int64s(&e->g, new_name(e, "begin"), 1, (int64_t[]) {keep_first ? 0 : 1});
	const char *end = hwr_onnx_int64s(&e->g, new_name(e, "end"), 1, (int64_t[]) {3});

	hwr_onnx_node(&e->g, "Shape", shape, (const char *const[]) {like, NULL});
	hwr_onnx_node(&e->g, "Slice", kept, (const char *const[]) {shape, begin, end, NULL});
	hwr_onnx_int(&e->g, hwr_onnx_node(&e->g, "Concat", target,
									  keep_first ? (const char *const[]) {kept, last, NULL} :
									  (const char *const[]) {first, kept, last, NULL}), "axis", 0);
	apply(e, "Reshape", "reshape", target, NULL, NULL);
}

static void
export_lstm(HwrOnnxExport *e, const HwrLayer *l)
{
	int64_t		out = (int64_t) l->units * (l->forward + l->reverse);
	const char *like;

	if (e->shape.h == 1 && !l->along_y)
	{
		to_layout(e, HWR_ONNX_STEPS);
		lstm(e, l);
		if (l->summarize)
			unsqueeze(e, 0);
		return;
	}

	/* rows or columns of a map: steps first, the others become sequences */
	to_layout(e, HWR_ONNX_ROWS);
	if (l->along_y)
		transpose(e, ORDER(1, 0, 2, 3));	/* [H][N][W][C] */
	else
		transpose(e, ORDER(2, 0, 1, 3));	/* [W][N][H][C] */
	like = e->value;
	reshape(e, ORDER(0, -1, e->shape.c));
	lstm(e, l);
	reshape_like(e, like, !l->summarize, out);
	if (l->along_y)
		transpose(e, ORDER(1, 0, 2, 3));
	else
		transpose(e, ORDER(1, 2, 0, 3));
}

/* Go on from what a layer gave, or from the input (-1). */
static void
go_to(HwrOnnxExport *e, int layer)
{
	if (layer < 0)
	{
		e->value = "canvas.map";
		e->layout = HWR_ONNX_MAP;
		e->shape = (HwrShape) {e->model->net.height, e->model->net.width, 1};
		return;
	}
	e->value = e->maps[layer].value;
	e->layout = e->maps[layer].layout;
	e->shape = e->maps[layer].shape;
}

static void
export_join(HwrOnnxExport *e, const HwrLayer *l)
{
	const char *branches[HWR_MAX_BRANCHES + 1] = {NULL};

	for (int i = 0; i < l->nsources; i++)
	{
		go_to(e, l->sources[i]);
		to_layout(e, HWR_ONNX_ROWS);
		branches[i] = e->value;
	}
	e->value = new_name(e, "join");
	hwr_onnx_int(&e->g, hwr_onnx_node(&e->g, "Concat", e->value, branches), "axis", -1);
}

static void
export_sum(HwrOnnxExport *e, const HwrLayer *l)
{
	int64_t		axis = 3;

	to_layout(e, HWR_ONNX_ROWS);
	reshape(e, ORDER(0, 0, 0, l->in.c / l->units, l->units));
	hwr_onnx_int(&e->g, apply(e, "ReduceSum", "sum", hwr_onnx_int64s(&e->g, new_name(e, "axis"), 1, &axis), NULL, NULL),
				 "keepdims", 0);
}

static void
export_layer(HwrOnnxExport *e, const HwrLayer *l)
{
	go_to(e, l->source);
	switch (l->kind)
	{
		case HWR_LAYER_CONV:
			export_conv(e, l);
			break;
		case HWR_LAYER_POOL:
			export_pool(e, l);
			break;
		case HWR_LAYER_BATCH_NORM:
			export_norm(e);
			break;
		case HWR_LAYER_GROUP_NORM:
			export_group_norm(e, l);
			break;
		case HWR_LAYER_RESHAPE:
			export_reshape(e, l);
			break;
		case HWR_LAYER_LSTM:
			export_lstm(e, l);
			break;
		case HWR_LAYER_DENSE:
		case HWR_LAYER_OUTPUT:
			export_dense(e, l);
			break;
		case HWR_LAYER_JOIN:
			export_join(e, l);
			break;
		case HWR_LAYER_SUM:
			export_sum(e, l);
			break;
		case HWR_LAYER_DROPOUT: /* reading drops nothing */
		case HWR_LAYER_IDENTITY:
			break;
		default:
			unsupported(e, "is of a kind that is not known here");
			break;
	}
	e->shape = l->out;
	e->maps[e->layer].value = e->value;
	e->maps[e->layer].layout = e->layout;
	e->maps[e->layer].shape = e->shape;
}

/* uint8 [N][H][W] to float32 [N][1][H][W], 0 .. 1 */
static void
export_input(HwrOnnxExport *e)
{
	float		scale = 1.0f / 255;

	hwr_onnx_int(&e->g, hwr_onnx_node(&e->g, "Cast", "canvas.float", (const char *const[]) {"canvas", NULL}), "to",
				 HWR__ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
	hwr_onnx_node(&e->g, "Mul", "canvas.ink",
				  (const char *const[]) {
					  "canvas.float", hwr_onnx_floats(&e->g, "canvas.scale", (int64_t[]) {1, 0}, &scale), NULL
				  });
	hwr_onnx_node(&e->g, "Unsqueeze", "canvas.map",
				  (const char *const[]) {"canvas.ink", hwr_onnx_int64s(&e->g, "canvas.axis", 1, (int64_t[]) {1}), NULL});
}

/* Logits to [N][T][K], to the name that the graph gives out. */
static void
export_output(HwrOnnxExport *e)
{
	e->layer = e->model->net.nlayers;
	e->serial = 0;
	to_layout(e, HWR_ONNX_STEPS);
	hwr_onnx_int(&e->g, apply(e, "LogSoftmax", "log_softmax", NULL, NULL, NULL), "axis", -1);
	hwr_onnx_ints(&e->g, hwr_onnx_node(&e->g, "Transpose", "log_posteriors", (const char *const[]) {e->value, NULL}),
				  "perm", ORDER(1, 0, 2));
}

void
hwr_onnx_network(HwrOnnxExport *e)
{
	export_input(e);
	for (int i = 0; i < e->model->net.nlayers; i++)
	{
		e->layer = i;
		e->serial = 0;
		export_layer(e, &e->model->net.layers[i]);
	}
	export_output(e);
}
