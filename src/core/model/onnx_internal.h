/*
 * onnx_internal.h
 *	  What onnx.c, which writes the file, asks of onnx_layers.c, which writes the network.
 */
#ifndef HWR_ONNX_INTERNAL_H
#define HWR_ONNX_INTERNAL_H

#include "model.h"
#include "onnx_graph.h"

/* Where a value's dimensions stand. */
typedef enum HwrOnnxLayout
{
	HWR_ONNX_MAP,				/* [N][C][H][W] */
	HWR_ONNX_ROWS,				/* [N][H][W][C] */
	HWR_ONNX_STEPS				/* [W][N][C], H = 1 */
} HwrOnnxLayout;

typedef struct HwrOnnxExport
{
	HwrOnnxGraph g;
	const HwrModel *model;
	const char *value;			/* what the last node gave */
	HwrOnnxLayout layout;
	HwrShape	shape;			/* w = 0: any */
	int			layer;			/* item that is being written, for names */
	int			serial;			/* of a node within it */
	struct
	{
		const char *value;
		HwrOnnxLayout layout;
		HwrShape	shape;
	}			maps[HWR_MAX_LAYERS];	/* what each layer gave, for those in parallel */
} HwrOnnxExport;

/*
 * The nodes of the whole network, from the graph's input "canvas" to "log_posteriors".  A failure is in
 * the graph's status.
 */
extern void hwr_onnx_network(HwrOnnxExport *e);

#endif							/* HWR_ONNX_INTERNAL_H */
