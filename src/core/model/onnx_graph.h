/*
 * onnx_graph.h
 *	  An ONNX graph in the making: nodes, initializers and their memory; private to src/core/model.
 *
 * All of a graph lives in one arena.  The first failure is kept in the status; after it every
 * function does nothing and returns NULL, so that callers look once, at the end.  Names are those of
 * values: a node's first output names the node too.
 */
#ifndef HWR_ONNX_GRAPH_H
#define HWR_ONNX_GRAPH_H

#include <stdint.h>

#include "core/base/status.h"
#include "onnx.pb-c.h"

typedef struct HwrOnnxGraph
{
	HwrStatus  *st;
	bool		failed;
	bool		half;			/* initializers of floats as float16, each with a cast */
	struct HwrOnnxBlock *blocks;	/* the arena */
	size_t		node_room;
	size_t		initializer_room;
	Hwr__Onnx__GraphProto *proto;
} HwrOnnxGraph;

extern bool hwr_onnx_graph_create(HwrOnnxGraph *g, bool half, HwrStatus *st);
extern void hwr_onnx_graph_free(HwrOnnxGraph *g);

/* Zeroed memory of the graph's arena. */
extern void *hwr_onnx_alloc(HwrOnnxGraph *g, size_t count, size_t size);

/* A formatted text in the arena. */
extern char *hwr_onnx_text(HwrOnnxGraph *g, const char *fmt,...)
			__attribute__((format(printf, 2, 3)));

/* Append a node; inputs end with NULL.  The texts must live as long as the graph. */
extern Hwr__Onnx__NodeProto *hwr_onnx_node(HwrOnnxGraph *g, const char *op, const char *output,
										   const char *const *inputs);

/* A second output. */
extern void hwr_onnx_output(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name);

extern void hwr_onnx_int(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name, int64_t value);
extern void hwr_onnx_ints(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name, int n, const int64_t *values);
extern void hwr_onnx_float(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name, float value);
extern void hwr_onnx_string(HwrOnnxGraph *g, Hwr__Onnx__NodeProto *node, const char *name, const char *value);

/* Constants; return their name.  dims end with 0. */
extern const char *hwr_onnx_floats(HwrOnnxGraph *g, const char *name, const int64_t *dims, const float *values);
extern const char *hwr_onnx_int64s(HwrOnnxGraph *g, const char *name, int n, const int64_t *values);

/* An input or output of the graph: extents[ndim] > 0, or 0 with the name of a dimension that is any. */
extern Hwr__Onnx__ValueInfoProto *hwr_onnx_value(HwrOnnxGraph *g, const char *name, int32_t type, int ndim,
												 const int64_t *extents, const char *const *names, const char *doc);

#endif							/* HWR_ONNX_GRAPH_H */
