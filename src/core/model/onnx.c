/*
 * onnx.c
 *	  A model as an ONNX file: its graph, what goes in and out, and how an image is prepared, in the file's metadata.
 */
#include "onnx.h"

#include <stdlib.h>

#include "core/text/spelling.h"
#include "onnx_internal.h"

/* The graph's input and output. */
static void
describe_ends(HwrOnnxExport *e)
{
	static const char *const in_names[] = {"batch", "height", "width"};
	static const char *const out_names[] = {"batch", "steps", "classes"};
	const HwrNet *net = &e->model->net;
	int64_t		in[3] = {0, net->height, net->width};
	int64_t		out[3] = {0, net->width > 0 ? hwr_net_steps(net, net->width) : 0, net->classes};
	Hwr__Onnx__ValueInfoProto **ends = hwr_onnx_alloc(&e->g, 2, sizeof(void *));
	Hwr__Onnx__ValueInfoProto *input = hwr_onnx_value(&e->g, "canvas", HWR__ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, 3, in, in_names,
													  "Ink canvases of equal width: 0 paper .. 255 ink.");
	Hwr__Onnx__ValueInfoProto *output = hwr_onnx_value(&e->g, "log_posteriors", HWR__ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 3,
													   out, out_names,
													   "Log probability of each class at each step; class 0 is the blank of CTC, "
													   "class k the k-th character of the metadata's alphabet.");

	if (e->g.failed)
		return;
	ends[0] = input;
	ends[1] = output;
	e->g.proto->name = "hwr";
	e->g.proto->doc_string = "A handwriting recogniser made by hwr; the model's metadata say how to prepare an image.";
	e->g.proto->input = ends;
	e->g.proto->n_input = 1;
	e->g.proto->output = ends + 1;
	e->g.proto->n_output = 1;
}

/* How an image becomes the canvas: preprocess.h, in a few words. */
static const char *
preprocessing(HwrOnnxExport *e)
{
	static const char *const ink =
		"grey; ink = 255 * clamp((median - grey) / (median - p1), 0, 1), p1 the 1st percentile, or the 99th where the paper is "
		"dark; "
		"resampled with a triangle filter to";
	const HwrNet *net = &e->model->net;
	HwrFit		fit = e->model->fit;

	if (fit == HWR_FIT_KRAKEN_BOX)
		return hwr_onnx_text(&e->g, "grey; straightened along its middle and resampled to %d rows as kraken does with lines cut "
									"out as boxes (its "
							 "CenterNormalizer); ink = 255 - grey; %d columns of paper on either side", net->height,
								 HWR_KRAKEN_MARGIN);
	if (fit == HWR_FIT_KRAKEN)
		return hwr_onnx_text(&e->g, "grey; resampled as Pillow does it (LANCZOS) to %d rows, its aspect kept; ink = 255 - grey; "
									"%d columns "
							 "of paper on either side", net->height, HWR_KRAKEN_MARGIN);
	if (net->width > 0)
		return hwr_onnx_text(&e->g, "%s %d rows and %d columns: %s", ink, net->height, net->width,
							 fit == HWR_FIT_STRETCH ? "each axis scaled by itself to fill the canvas" :
							 "scaled to fit with its aspect kept, at the left edge, centred vertically, 0 elsewhere");
	return hwr_onnx_text(&e->g, "%s %d rows, its aspect kept, and 0 on the right up to the next multiple of %d columns, %d at "
								"most",
						 ink, net->height, HWR_WIDTH_STEP, HWR_MAX_WIDTH);
}

typedef struct Metadata
{
	Hwr__Onnx__StringStringEntryProto entries[20];
	Hwr__Onnx__StringStringEntryProto *list[20];
	size_t		n;
} Metadata;

static void
add_metadata(Metadata *m, const char *key, const char *value)
{
	Hwr__Onnx__StringStringEntryProto *entry = &m->entries[m->n];

	hwr__onnx__string_string_entry_proto__init(entry);
	entry->key = (char *) key;
	entry->value = (char *) value;
	m->list[m->n++] = entry;
}

static void
describe_model(HwrOnnxExport *e, const char *alphabet, const char *spellings, Metadata *m)
{
	const HwrModel *model = e->model;
	const HwrNet *net = &model->net;

	add_metadata(m, "format", "hwr");
	add_metadata(m, "format_version", hwr_onnx_text(&e->g, "%d", hwr_model_format(model)));
	add_metadata(m, "architecture", net->vgsl);
	add_metadata(m, "alphabet", alphabet);
	if (spellings != NULL)
		add_metadata(m, "spellings", spellings);
	add_metadata(m, "blank", "0");
	add_metadata(m, "fit", hwr_fit_words[model->fit]);
	add_metadata(m, "case", hwr_case_words[model->mapping]);
	add_metadata(m, "height", hwr_onnx_text(&e->g, "%d", net->height));
	add_metadata(m, "width", hwr_onnx_text(&e->g, "%d", net->width));
	add_metadata(m, "width_step", hwr_onnx_text(&e->g, "%d", net->width > 0 ? net->width : hwr_fit_is_kraken(model->fit) ? 1 :
												HWR_WIDTH_STEP));
	add_metadata(m, "margin", hwr_onnx_text(&e->g, "%d", hwr_preprocess_margin(model->fit)));
	add_metadata(m, "max_width", hwr_onnx_text(&e->g, "%d", net->width > 0 ? net->width : HWR_MAX_WIDTH));
	add_metadata(m, "preprocessing", preprocessing(e));
	if (model->card != NULL)
		add_metadata(m, "card", model->card);
	add_metadata(m, "version", HWR_VERSION);
}

/* The file's bytes of a graph that is complete. */
static bool
pack(HwrOnnxExport *e, const char *alphabet, const char *spellings, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	Hwr__Onnx__ModelProto proto = HWR__ONNX__MODEL_PROTO__INIT;
	Hwr__Onnx__OperatorSetIdProto opset = HWR__ONNX__OPERATOR_SET_ID_PROTO__INIT;
	Hwr__Onnx__OperatorSetIdProto *opsets[1] = {&opset};
	Metadata	metadata = {.n = 0};

	describe_model(e, alphabet, spellings, &metadata);
	if (e->g.failed)
		return false;
	opset.domain = "";
	opset.has_version = true;
	opset.version = HWR_ONNX_OPSET;
	proto.has_ir_version = true;
	proto.ir_version = HWR_ONNX_IR_VERSION;
	proto.producer_name = "hwr";
	proto.producer_version = HWR_VERSION;
	proto.graph = e->g.proto;
	proto.n_opset_import = 1;
	proto.opset_import = opsets;
	proto.n_metadata_props = metadata.n;
	proto.metadata_props = metadata.list;

	*len = hwr__onnx__model_proto__get_packed_size(&proto);
	*bytes = hwr_alloc(*len, 1, st);
	if (*bytes == NULL)
		return false;
	hwr__onnx__model_proto__pack(&proto, *bytes);
	return true;
}

bool
hwr_model_export_onnx(const HwrModel *model, bool half, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	HwrOnnxExport e = {.model = model};
	char	   *alphabet;
	char	   *spellings = NULL;
	bool		ok;

	if (model->ensemble != NULL)
	{
		hwr_fail(st, HWR_UNSUPPORTED, "cannot export an ensemble to ONNX");
		return hwr_fail_hint(st, "Export its members, each to a file.");
	}
	if (model->net.maps)
		return hwr_fail(st, HWR_UNSUPPORTED, "cannot export a network that finds lines to ONNX");
	if (!hwr_alphabet_to_utf8(&model->alphabet, &alphabet, st))
		return false;
	ok = hwr_spellings_to_json(&model->alphabet, &spellings, st) && hwr_onnx_graph_create(&e.g, half, st);
	if (ok)
	{
		hwr_onnx_network(&e);
		describe_ends(&e);
		ok = pack(&e, alphabet, spellings, bytes, len, st);
	}
	hwr_onnx_graph_free(&e.g);
	free(spellings);
	free(alphabet);
	return ok;
}
