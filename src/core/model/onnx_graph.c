/*
 * onnx_graph.c
 *	  An ONNX graph in the making: nodes, initializers and their memory.
 */
#include "onnx_graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"

struct HwrOnnxBlock
{
	struct HwrOnnxBlock *next;
	max_align_t data[];
};

void *
hwr_onnx_alloc(HwrOnnxGraph *g, size_t count, size_t size)
{
	struct HwrOnnxBlock *block;
	size_t		bytes;

	if (g->failed)
		return NULL;
	if (__builtin_mul_overflow(count, size, &bytes) ||
		__builtin_add_overflow(bytes, sizeof(struct HwrOnnxBlock), &bytes))
		bytes = SIZE_MAX;
	block = hwr_alloc_zero(bytes, 1, g->st);
	if (block == NULL)
	{
		g->failed = true;
		return NULL;
	}
	block->next = g->blocks;
	g->blocks = block;
	return block->data;
}

char *
hwr_onnx_text(HwrOnnxGraph *g, const char *fmt,...)
{
	va_list		args;
	int			n;
	char	   *text;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	text = hwr_onnx_alloc(g, (size_t) n + 1, 1);
	if (text == NULL)
		return NULL;
	va_start(args, fmt);
	vsnprintf(text, (size_t) n + 1, fmt, args);
	va_end(args);
	return text;
}

bool
hwr_onnx_graph_create(HwrOnnxGraph *g, bool half, HwrStatus *st)
{
	memset(g, 0, sizeof(*g));
	g->st = st;
	g->half = half;
	g->proto = hwr_onnx_alloc(g, 1, sizeof(*g->proto));
	if (g->proto != NULL)
		hwr__onnx__graph_proto__init(g->proto);
	return !g->failed;
}

void
hwr_onnx_graph_free(HwrOnnxGraph *g)
{
	while (g->blocks != NULL)
	{
		struct HwrOnnxBlock *next = g->blocks->next;

		free(g->blocks);
		g->blocks = next;
	}
}

/* A list of pointers in the arena that has room for one more. */
static void *
make_room(HwrOnnxGraph *g, void *list, size_t n, size_t *room)
{
	void	  **larger;

	if (n < *room)
		return list;
	*room = *room > 0 ? *room * 2 : 64;
	larger = hwr_onnx_alloc(g, *room, sizeof(void *));
	if (larger != NULL && n > 0)
		memcpy(larger, list, n * sizeof(void *));
	return larger;
}

Hwr__Onnx__NodeProto *
hwr_onnx_node(HwrOnnxGraph *g, const char *op, const char *output, const char *const *inputs)
{
	Hwr__Onnx__NodeProto *node = hwr_onnx_alloc(g, 1, sizeof(*node));
	void	   *list = make_room(g, g->proto->node, g->proto->n_node, &g->node_room);
	size_t		n = 0;

	while (inputs[n] != NULL)
		n++;
	if (node == NULL || list == NULL)
		return NULL;
	hwr__onnx__node_proto__init(node);
	node->op_type = (char *) op;
	node->name = (char *) output;
	node->input = hwr_onnx_alloc(g, n, sizeof(char *));
	hwr_onnx_output(g, node, output);
	if (g->failed)
		return NULL;
	memcpy(node->input, inputs, n * sizeof(char *));
	node->n_input = n;
	g->proto->node = list;
	g->proto->node[g->proto->n_node++] = node;
	return node;
}

void
hwr_onnx_output(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name)
{
	if (node == NULL)
		return;
	if (node->output == NULL)
		node->output = hwr_onnx_alloc(g, 2, sizeof(char *));	/* no operator used here has more */
	if (!g->failed)
		node->output[node->n_output++] = (char *) name;
}

#define MAX_ATTRIBUTES 8

static Hwr__Onnx__AttributeProto *
add_attribute(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name, Hwr__Onnx__AttributeProto__AttributeType type)
{
	Hwr__Onnx__AttributeProto *a = hwr_onnx_alloc(g, 1, sizeof(*a));

	if (node != NULL && node->attribute == NULL)
		node->attribute = hwr_onnx_alloc(g, MAX_ATTRIBUTES, sizeof(void *));
	if (g->failed || node == NULL)
		return NULL;
	hwr__onnx__attribute_proto__init(a);
	a->name = (char *) name;
	a->has_type = true;
	a->type = type;
	node->attribute[node->n_attribute++] = a;
	return a;
}

void
hwr_onnx_int(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name, int64_t value)
{
	Hwr__Onnx__AttributeProto *a = add_attribute(g, node, name, HWR__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	if (a == NULL)
		return;
	a->has_i = true;
	a->i = value;
}

void
hwr_onnx_ints(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name, int n, const int64_t *values)
{
	Hwr__Onnx__AttributeProto *a = add_attribute(g, node, name, HWR__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	int64_t    *copy = hwr_onnx_alloc(g, (size_t) n, sizeof(int64_t));

	if (a == NULL || copy == NULL)
		return;
	memcpy(copy, values, (size_t) n * sizeof(int64_t));
	a->ints = copy;
	a->n_ints = (size_t) n;
}

void
hwr_onnx_float(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name, float value)
{
	Hwr__Onnx__AttributeProto *a = add_attribute(g, node, name, HWR__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

	if (a == NULL)
		return;
	a->has_f = true;
	a->f = value;
}

void
hwr_onnx_string(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name, const char *value)
{
	Hwr__Onnx__AttributeProto *a = add_attribute(g, node, name, HWR__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

	if (a == NULL)
		return;
	a->has_s = true;
	a->s.data = (uint8_t *) value;
	a->s.len = strlen(value);
}

/* A constant with nbytes of data to be filled in; NULL after a failure. */
static uint8_t *
add_initializer(HwrOnnxGraph *g, const char *name, int32_t type, int ndim, const int64_t *dims, size_t nbytes)
{
	Hwr__Onnx__TensorProto *t = hwr_onnx_alloc(g, 1, sizeof(*t));
	int64_t    *extents = hwr_onnx_alloc(g, (size_t) ndim, sizeof(int64_t));
	uint8_t    *data = hwr_onnx_alloc(g, nbytes, 1);
	void	   *list = make_room(g, g->proto->initializer, g->proto->n_initializer, &g->initializer_room);

	if (g->failed)
		return NULL;
	hwr__onnx__tensor_proto__init(t);
	memcpy(extents, dims, (size_t) ndim * sizeof(int64_t));
	t->dims = extents;
	t->n_dims = (size_t) ndim;
	t->has_data_type = true;
	t->data_type = type;
	t->name = (char *) name;
	t->has_raw_data = true;
	t->raw_data.data = data;
	t->raw_data.len = nbytes;
	g->proto->initializer = list;
	g->proto->initializer[g->proto->n_initializer++] = t;
	return data;
}

/* The same values as float16, and a node that widens them again. */
static void
add_halves(HwrOnnxGraph *g, const char *name, int ndim, const int64_t *dims, size_t count, const float *values)
{
	const char *narrow = hwr_onnx_text(g, "%s.float16", name);
	uint8_t    *data = add_initializer(g, narrow, HWR__ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, ndim, dims, 2 * count);

	if (data == NULL)
		return;
	if (!hwr_put_halves(data, values, count))
	{
		g->failed = true;
		hwr_fail(g->st, HWR_BAD_MODEL, "model has values that 16 bits cannot hold");
		hwr_fail_detail(g->st, "Tensor \"%.64s\".", name);
		return;
	}
	hwr_onnx_int(g, hwr_onnx_node(g, "Cast", name, (const char *const[]) {narrow, NULL}), "to",
				 HWR__ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
}

const char *
hwr_onnx_floats(HwrOnnxGraph *g, const char *name, const int64_t *dims, const float *values)
{
	size_t		count = 1;
	int			ndim = 0;
	uint8_t    *data;

	for (; dims[ndim] != 0; ndim++)
		count *= (size_t) dims[ndim];
	if (g->failed)
		return NULL;
	if (g->half)
	{
		add_halves(g, name, ndim, dims, count, values);
		return name;
	}
	data = add_initializer(g, name, HWR__ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, ndim, dims, 4 * count);
	if (data != NULL)
		hwr_put_floats(data, values, count);
	return name;
}

const char *
hwr_onnx_int64s(HwrOnnxGraph *g, const char *name, int n, const int64_t *values)
{
	int64_t		dims[1] = {n};
	uint8_t    *data = add_initializer(g, name, HWR__ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, dims, 8 * (size_t) n);

	for (int i = 0; data != NULL && i < n; i++)
		for (int b = 0; b < 8; b++)
			data[8 * i + b] = (uint8_t) ((uint64_t) values[i] >> (8 * b));
	return name;
}

Hwr__Onnx__ValueInfoProto *
hwr_onnx_value(HwrOnnxGraph *g, const char *name, int32_t type, int ndim, const int64_t *extents,
			   const char *const *names, const char *doc)
{
	Hwr__Onnx__ValueInfoProto *value = hwr_onnx_alloc(g, 1, sizeof(*value));
	Hwr__Onnx__TypeProto *proto = hwr_onnx_alloc(g, 1, sizeof(*proto));
	Hwr__Onnx__TypeProto__Tensor *tensor = hwr_onnx_alloc(g, 1, sizeof(*tensor));
	Hwr__Onnx__TensorShapeProto *shape = hwr_onnx_alloc(g, 1, sizeof(*shape));
	Hwr__Onnx__TensorShapeProto__Dimension *dims = hwr_onnx_alloc(g, (size_t) ndim, sizeof(*dims));
	Hwr__Onnx__TensorShapeProto__Dimension **list = hwr_onnx_alloc(g, (size_t) ndim, sizeof(void *));

	if (g->failed)
		return NULL;
	hwr__onnx__value_info_proto__init(value);
	hwr__onnx__type_proto__init(proto);
	hwr__onnx__type_proto__tensor__init(tensor);
	hwr__onnx__tensor_shape_proto__init(shape);
	for (int i = 0; i < ndim; i++)
	{
		hwr__onnx__tensor_shape_proto__dimension__init(&dims[i]);
		if (extents[i] > 0)
		{
			dims[i].value_case = HWR__ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
			dims[i].dim_value = extents[i];
		}
		else
		{
			dims[i].value_case = HWR__ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
			dims[i].dim_param = (char *) names[i];
		}
		list[i] = &dims[i];
	}
	shape->n_dim = (size_t) ndim;
	shape->dim = list;
	tensor->has_elem_type = true;
	tensor->elem_type = type;
	tensor->shape = shape;
	proto->value_case = HWR__ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	proto->tensor_type = tensor;
	value->name = (char *) name;
	value->type = proto;
	value->doc_string = (char *) doc;
	return value;
}
