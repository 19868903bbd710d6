/*
 * test_onnx.c
 *	  ONNX files, read back: messages, names, shapes, where each value went, and what cannot be exported.
 *
 * Whether the operators compute what hwr computes is for test/reference/check_onnx.py, which runs the files in ONNX
 * Runtime.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/onnx.h"
#include "core/model/onnx_graph.h"
#include "nets.h"

#define LETTERS "AB\xC3\xA9"

/* A model of LETTERS with values that differ everywhere. */
static void
make_model(const char *architecture, HwrModel *model)
{
	HwrStatus	st = {0};

	memset(model, 0, sizeof(*model));
	assert_true(hwr_alphabet_from_utf8(LETTERS, strlen(LETTERS), &model->alphabet, &st));
	assert_true(hwr_vgsl_parse(architecture, 4, &model->net, &st));
	model->values = calloc(model->net.nvalues, sizeof(float));
	assert_non_null(model->values);
	for (int i = 0; i < model->net.ntensors; i++)
		for (size_t k = 0; k < model->net.tensors[i].count; k++)
			model->values[model->net.tensors[i].offset + k] =
				(float) nets_value(&model->net.tensors[i], (uint32_t) i, (uint32_t) k);
}

static void
free_model(HwrModel *model)
{
	hwr_alphabet_free(&model->alphabet);
	free(model->values);
}

static Hwr__Onnx__ModelProto *
export_and_parse(const char *architecture, bool half)
{
	HwrModel	model;
	HwrStatus	st = {0};
	uint8_t    *bytes;
	size_t		len;
	Hwr__Onnx__ModelProto *proto;

	make_model(architecture, &model);
	assert_true(hwr_model_export_onnx(&model, half, &bytes, &len, &st));
	proto = hwr__onnx__model_proto__unpack(NULL, len, bytes);
	assert_non_null(proto);
	free(bytes);
	free_model(&model);
	return proto;
}

static void
free_proto(Hwr__Onnx__ModelProto *proto)
{
	hwr__onnx__model_proto__free_unpacked(proto, NULL);
}

static const Hwr__Onnx__TensorProto *
find_constant(const Hwr__Onnx__GraphProto *graph, const char *name)
{
	for (size_t i = 0; i < graph->n_initializer; i++)
		if (strcmp(graph->initializer[i]->name, name) == 0)
			return graph->initializer[i];
	return NULL;
}

/* The name of every operator, in order. */
static void
operators(const Hwr__Onnx__GraphProto *graph, char *text, size_t size)
{
	text[0] = '\0';
	for (size_t i = 0; i < graph->n_node; i++)
		snprintf(text + strlen(text), size - strlen(text), "%s%s", i > 0 ? " " : "", graph->node[i]->op_type);
}

static void
check_shape(const Hwr__Onnx__TensorProto *t, int n, const int64_t *dims)
{
	assert_non_null(t);
	assert_int_equal(t->n_dims, n);
	for (int i = 0; i < n; i++)
		assert_int_equal(t->dims[i], dims[i]);
}

#define SHAPE(...) (int) (sizeof((int64_t[]) {__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) {__VA_ARGS__}

static float
value_at(const Hwr__Onnx__TensorProto *t, size_t i)
{
	float		value;

	assert_true(4 * i + 4 <= t->raw_data.len);
	memcpy(&value, t->raw_data.data + 4 * i, 4);
	return value;
}

/*
 * What every valid file has: each input was made before, no name twice, constants of the length that their
 * shape says, all used.
 */
static void
check_graph(const Hwr__Onnx__GraphProto *graph)
{
	const char *known[1024] = {"", graph->input[0]->name};
	bool		used[1024] = {true, true};
	size_t		n = 2;

	for (size_t i = 0; i < graph->n_initializer; i++)
	{
		const Hwr__Onnx__TensorProto *t = graph->initializer[i];
		size_t		size = t->data_type == HWR__ONNX__TENSOR_PROTO__DATA_TYPE__INT64 ? 8 :
			t->data_type == HWR__ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 ? 2 : 4;

		for (size_t d = 0; d < t->n_dims; d++)
			size *= (size_t) t->dims[d];
		assert_int_equal(t->raw_data.len, size);
		known[n++] = t->name;
	}
	for (size_t i = 0; i < graph->n_node; i++)
	{
		const Hwr__Onnx__NodeProto *node = graph->node[i];

		for (size_t k = 0; k < node->n_input; k++)
		{
			size_t		j = 0;

			while (j < n && strcmp(known[j], node->input[k]) != 0)
				j++;
			if (j == n)
				fail_msg("%s reads \"%s\", which is not there", node->name, node->input[k]);
			used[j] = true;
		}
		for (size_t k = 0; k < node->n_output; k++)
		{
			for (size_t j = 1; j < n; j++)
				assert_string_not_equal(known[j], node->output[k]);
			if (node->output[k][0] != '\0')
				known[n++] = node->output[k];
			assert_true(n < 1024);
		}
	}
	assert_string_equal(known[n - 1], graph->output[0]->name);
	for (size_t j = 0; j + 1 < n; j++)
		if (!used[j])
			fail_msg("\"%s\" is not used", known[j]);
}

static const char *
metadata(const Hwr__Onnx__ModelProto *proto, const char *key)
{
	for (size_t i = 0; i < proto->n_metadata_props; i++)
		if (strcmp(proto->metadata_props[i]->key, key) == 0)
			return proto->metadata_props[i]->value;
	return NULL;
}

static void
check_dimension(const Hwr__Onnx__ValueInfoProto *value, size_t i, int64_t extent, const char *name)
{
	const Hwr__Onnx__TensorShapeProto__Dimension *d = value->type->tensor_type->shape->dim[i];

	if (name != NULL)
	{
		assert_int_equal(d->value_case, HWR__ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM);
		assert_string_equal(d->dim_param, name);
		return;
	}
	assert_int_equal(d->value_case, HWR__ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE);
	assert_int_equal(d->dim_value, extent);
}

static void
test_file(void **state)
{
	Hwr__Onnx__ModelProto *proto = export_and_parse("[1,16,0,1 Cr3,3,5 Bn Mp2,2 S1(1x0)1,3 Lbx3 Do0.5 O1c4]", false);
	char		ops[1024];

	(void) state;
	assert_int_equal(proto->ir_version, HWR_ONNX_IR_VERSION);
	assert_int_equal(proto->n_opset_import, 1);
	assert_string_equal(proto->opset_import[0]->domain, "");
	assert_int_equal(proto->opset_import[0]->version, HWR_ONNX_OPSET);
	assert_string_equal(proto->producer_name, "hwr");
	assert_string_equal(metadata(proto, "format"), "hwr");
	assert_string_equal(metadata(proto, "alphabet"), LETTERS);
	assert_string_equal(metadata(proto, "blank"), "0");
	assert_string_equal(metadata(proto, "fit"), "pad");
	assert_string_equal(metadata(proto, "case"), "keep");
	assert_string_equal(metadata(proto, "height"), "16");
	assert_string_equal(metadata(proto, "width"), "0");
	assert_string_equal(metadata(proto, "width_step"), "32");
	assert_string_equal(metadata(proto, "max_width"), "4096");
	assert_string_equal(metadata(proto, "margin"), "0");
	assert_string_equal(metadata(proto, "architecture"), "[1,16,0,1 Cr3,3,5 Bn Mp2,2 S1(1x8)1,3 Lbx3 Do0.5 O1c4]");
	assert_non_null(strstr(metadata(proto, "preprocessing"), "16 rows"));

	assert_int_equal(proto->graph->n_input, 1);
	assert_string_equal(proto->graph->input[0]->name, "canvas");
	assert_int_equal(proto->graph->input[0]->type->tensor_type->elem_type, HWR__ONNX__TENSOR_PROTO__DATA_TYPE__UINT8);
	check_dimension(proto->graph->input[0], 0, 0, "batch");
	check_dimension(proto->graph->input[0], 1, 16, NULL);
	check_dimension(proto->graph->input[0], 2, 0, "width");
	assert_int_equal(proto->graph->n_output, 1);
	assert_string_equal(proto->graph->output[0]->name, "log_posteriors");
	assert_int_equal(proto->graph->output[0]->type->tensor_type->elem_type, HWR__ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
	check_dimension(proto->graph->output[0], 0, 0, "batch");
	check_dimension(proto->graph->output[0], 1, 0, "steps");
	check_dimension(proto->graph->output[0], 2, 4, NULL);

	operators(proto->graph, ops, sizeof(ops));
	assert_string_equal(ops, "Cast Mul Unsqueeze Conv Relu BatchNormalization MaxPool Transpose Reshape Transpose LSTM Transpose "
						"Reshape MatMul Add LogSoftmax Transpose");
	check_graph(proto->graph);
	check_shape(find_constant(proto->graph, "0.conv.kernel"), SHAPE(5, 1, 3, 3));
	check_shape(find_constant(proto->graph, "0.conv.bias"), SHAPE(5));
	check_shape(find_constant(proto->graph, "1.norm.variance"), SHAPE(5));
	check_shape(find_constant(proto->graph, "4.lstm.kernel"), SHAPE(2, 12, 40));
	check_shape(find_constant(proto->graph, "4.lstm.recurrent"), SHAPE(2, 12, 3));
	check_shape(find_constant(proto->graph, "4.lstm.bias"), SHAPE(2, 24));
	check_shape(find_constant(proto->graph, "6.output.kernel"), SHAPE(6, 4));
	free_proto(proto);
}

static void
test_fixed_width(void **state)
{
	Hwr__Onnx__ModelProto *proto = export_and_parse("[1,16,96,1 Cr3,3,4 Mp4,4 Mp4,1 Lbx3", false);

	(void) state;
	check_graph(proto->graph);
	check_dimension(proto->graph->input[0], 2, 96, NULL);
	check_dimension(proto->graph->output[0], 1, 24, NULL);
	assert_string_equal(metadata(proto, "width"), "96");
	free_proto(proto);
}

/* Kernels are [y][x][in][out] here and [out][in][y][x] there; gates i, f, g, o here and i, o, f, g there. */
static void
test_values(void **state)
{
	static const int gate[4] = {0, 3, 1, 2};
	const char *architecture = "[1,16,0,1 Cr3,3,4 Cr2,5,6 S1(1x0)1,3 Lbx3";
	Hwr__Onnx__ModelProto *proto = export_and_parse(architecture, false);
	const Hwr__Onnx__TensorProto *kernel = find_constant(proto->graph, "1.conv.kernel");
	const Hwr__Onnx__TensorProto *recurrent = find_constant(proto->graph, "3.lstm.recurrent");
	const Hwr__Onnx__TensorProto *bias = find_constant(proto->graph, "3.lstm.bias");
	HwrModel	model;
	const float *conv;

	(void) state;
	make_model(architecture, &model);
	conv = model.values + model.net.tensors[2].offset;
	check_shape(kernel, SHAPE(6, 4, 2, 5));
	for (size_t d = 0; d < 6; d++)
		for (size_t c = 0; c < 4; c++)
			for (size_t y = 0; y < 2; y++)
				for (size_t x = 0; x < 5; x++)
					assert_true(value_at(kernel, ((d * 4 + c) * 2 + y) * 5 + x) == conv[((y * 5 + x) * 4 + c) * 6 + d]);
	for (size_t d = 0; d < 2; d++)
		for (size_t g = 0; g < 4; g++)
			for (size_t u = 0; u < 3; u++)
			{
				const float *from = model.values + model.net.tensors[4 + 3 * d + 1].offset;
				const float *biases = model.values + model.net.tensors[4 + 3 * d + 2].offset;

				for (size_t i = 0; i < 3; i++)
					assert_true(value_at(recurrent, (d * 12 + g * 3 + u) * 3 + i) == from[i * 12 + (size_t) gate[g] * 3 + u]);
				assert_true(value_at(bias, d * 24 + g * 3 + u) == biases[(size_t) gate[g] * 3 + u]);
				assert_true(value_at(bias, d * 24 + 12 + g * 3 + u) == 0);
			}
	free_model(&model);
	free_proto(proto);
}

/* LSTMs over a map whose extents are not known, the last step alone, every activation. */
static void
test_unusual(void **state)
{
	static const char *const architectures[] = {
		"[1,24,0,1 Cr3,3,8 Mp2,2 Lbx6 Lfy5 Fr7 Lry4 Cr3,3,9 Lbys12 Lbx16",
		"[1,16,96,1 Ct3,3,8 Mp4,4 Lby6 Mp4,1 Lfxs16",
		"[1,48,0,1 Cr4,2,32,4,2,1,1 Gn8 Clr3,3,32,1,1,2,3 Mp2,2 S1(2x0)1,3 Clr3,4,12,2,2,1,1 Lbye8 Gn4 Lbx16 Flr20",
		"[1,16,0,1 Cs4,4,8,2,2 Cl3,3,4 Bn S1(2x0)2,3 Fm24 Bn Ft5 Fs24 Fl6 Lrxs3 Cr1,1,3",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++)
	{
		Hwr__Onnx__ModelProto *proto = export_and_parse(architectures[i], false);

		check_graph(proto->graph);
		free_proto(proto);
	}
}

static void
test_half(void **state)
{
	Hwr__Onnx__ModelProto *proto = export_and_parse("[1,16,0,1 Cr3,3,5 S1(1x0)1,3 Lbx3", true);
	const Hwr__Onnx__TensorProto *kernel = find_constant(proto->graph, "0.conv.kernel.float16");

	(void) state;
	check_graph(proto->graph);
	check_shape(kernel, SHAPE(5, 1, 3, 3));
	assert_int_equal(kernel->data_type, HWR__ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16);
	assert_null(find_constant(proto->graph, "0.conv.kernel"));
	free_proto(proto);
}

static void
test_equal_bytes(void **state)
{
	HwrModel	model;
	HwrStatus	st = {0};
	uint8_t    *one;
	uint8_t    *two;
	size_t		len_one;
	size_t		len_two;

	(void) state;
	make_model("[1,16,0,1 Cr3,3,5 S1(1x0)1,3 Lbx3", &model);
	assert_true(hwr_model_export_onnx(&model, false, &one, &len_one, &st));
	assert_true(hwr_model_export_onnx(&model, false, &two, &len_two, &st));
	assert_int_equal(len_one, len_two);
	assert_memory_equal(one, two, len_one);
	free(one);
	free(two);
	free_model(&model);
}

static void
test_errors(void **state)
{
	HwrModel	model;
	HwrStatus	st = {0};
	uint8_t    *bytes;
	size_t		len;

	(void) state;
	make_model("[1,16,0,1 Cr3,3,5 S1(1x0)1,3 Lbx3", &model);
	model.values[3] = 1e6f;
	assert_false(hwr_model_export_onnx(&model, true, &bytes, &len, &st));
	assert_int_equal(st.code, HWR_BAD_MODEL);
	assert_string_equal(st.detail, "Tensor \"0.conv.kernel\".");
	assert_true(hwr_model_export_onnx(&model, false, &bytes, &len, &st));
	free(bytes);

	/* a layer of a later hwr */
	model.net.layers[1].kind = (HwrLayerKind) 99;
	assert_false(hwr_model_export_onnx(&model, false, &bytes, &len, &st));
	assert_int_equal(st.code, HWR_BAD_ARCHITECTURE);
	assert_string_equal(st.message, "cannot export the network to ONNX");
	assert_string_equal(st.detail, "Item 2 of the architecture is of a kind that is not known here.");
	free_model(&model);

	/* a network that finds lines has no posteriors */
	memset(&model, 0, sizeof(model));
	assert_true(hwr_vgsl_parse("[1,64,0,1 Cr3,3,8,4,4 O2l4]", 0, &model.net, &st));
	assert_false(hwr_model_export_onnx(&model, false, &bytes, &len, &st));
	assert_int_equal(st.code, HWR_UNSUPPORTED);
	assert_string_equal(st.message, "cannot export a network that finds lines to ONNX");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_fixed_width),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_unusual),
		cmocka_unit_test(test_half),
		cmocka_unit_test(test_equal_bytes),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
