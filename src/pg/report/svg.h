/*
 * svg.h
 *	  Text of SVG and HTML.
 *
 * Include after postgres.h.
 */
#ifndef HWR_SVG_H
#define HWR_SVG_H

#include "fmgr.h"
#include "lib/stringinfo.h"

/* What text may be put in here may come from anybody: labels, readings, names. */
extern void hwr_append_escaped(StringInfo buf, const char *s);

/* A number as short as it is told apart on a screen. */
extern void hwr_append_coordinate(StringInfo buf, double value);

/*
 * A chart begun: the frame of the document with style, description for those who cannot see it, and
 * title.  x and y run over [left, right] and [top, bottom] of the viewBox for data in [x_low,
 * x_high] and [y_low, y_high].
 */
typedef struct HwrPlot
{
	StringInfoData buf;
	double		width;
	double		height;
	double		left;
	double		right;
	double		top;
	double		bottom;
	double		x_low;
	double		x_high;
	double		y_low;
	double		y_high;
	bool		y_log;			/* logarithmic; y_low is above zero then */
} HwrPlot;

extern void hwr_plot_begin(HwrPlot *plot, double width, double height, const char *title, const char *description);
extern text *hwr_plot_end(HwrPlot *plot);
extern double hwr_plot_x(const HwrPlot *plot, double x);
extern double hwr_plot_y(const HwrPlot *plot, double y);

/* anchor: start, middle or end. */
extern void hwr_plot_text(HwrPlot *plot, double x, double y, const char *anchor, const char *class, const char *s);

/* Lines and numbers of the vertical axis from zero or the data's low end on, ends rounded to whole ticks. */
extern void hwr_plot_y_axis(HwrPlot *plot, const char *title, bool percent);
extern void hwr_plot_x_axis(HwrPlot *plot, const char *title, bool percent, bool whole);
extern void hwr_plot_x_title(HwrPlot *plot, const char *title);

/* In place of marks where there are none. */
extern void hwr_plot_nothing(HwrPlot *plot);

#endif							/* HWR_SVG_H */
