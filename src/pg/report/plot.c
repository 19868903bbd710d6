/*
 * plot.c
 *	  The kinds of charts: lines, bars, a matrix, a reliability diagram.
 *
 * Functions of schema hwr that get their numbers as arrays and return one SVG element.  What a chart shows
 * is decided in SQL, where the arrays are made; nothing is counted or computed here.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "pg/base/compat.h"
#include "svg.h"

PG_FUNCTION_INFO_V1(hwr_draw_lines);
PG_FUNCTION_INFO_V1(hwr_draw_bars);
PG_FUNCTION_INFO_V1(hwr_draw_matrix);
PG_FUNCTION_INFO_V1(hwr_draw_reliability);

/* Width of a chart that stands beside another, and of one that has a page's width. */
#define NARROW 420
#define WIDE 980

#define MAX_SERIES 4

/* A chart with more shows nothing; and each is made in memory, by whoever may call these functions. */
#define MAX_POINTS 100000
#define MAX_LABELS 500			/* of a matrix */

/* What of a number is drawn: beyond, steps of an axis would overflow, or be too small to count. */
#define LARGEST 1e300
#define SMALLEST 1e-300

/* An argument of numbers; NULLs are NaN.  A missing array has length 0. */
typedef struct Numbers
{
	int			n;
	double	   *v;
} Numbers;

static void
check_size(int n, int most, const char *what)
{
	if (n > most)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many %s for a chart", what),
				 errdetail("There are %d, and at most %d can be drawn.", n, most)));
}

/* NaN for what cannot be drawn. */
static double
drawable(double value)
{
	return !(fabs(value) <= LARGEST) ? NAN : fabs(value) < SMALLEST ? 0 : value;
}

static Numbers
numbers_argument(FunctionCallInfo fcinfo, int argno)
{
	Numbers		out = {0};
	Datum	   *values;
	bool	   *nulls;

	if (PG_ARGISNULL(argno))
		return out;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argno), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &values, &nulls, &out.n);
	check_size(out.n, MAX_POINTS, "numbers");
	out.v = palloc((out.n + 1) * sizeof(double));
	for (int i = 0; i < out.n; i++)
		out.v[i] = nulls[i] ? NAN : drawable(DatumGetFloat8(values[i]));
	return out;
}

static char **
texts_argument(FunctionCallInfo fcinfo, int argno, int *n)
{
	Datum	   *values;
	bool	   *nulls;
	char	  **out;

	*n = 0;
	if (PG_ARGISNULL(argno))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argno), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, n);
	check_size(*n, MAX_POINTS, "texts");
	out = palloc((*n + 1) * sizeof(char *));
	for (int i = 0; i < *n; i++)
		out[i] = nulls[i] ? "" : TextDatumGetCString(values[i]);
	return out;
}

static char *
text_argument(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(argno));
}

static void
check_lengths(int a, int b)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arrays of a chart must have the same length")));
}

/* Widen [*low, *high] over the numbers. */
static void
extend(double *low, double *high, Numbers numbers)
{
	for (int i = 0; i < numbers.n; i++)
	{
		if (isnan(numbers.v[i]))
			continue;
		*low = fmin(*low, numbers.v[i]);
		*high = fmax(*high, numbers.v[i]);
	}
}

static void
append_title(StringInfo buf, const char *text)
{
	appendStringInfoString(buf, "<title>");
	hwr_append_escaped(buf, text);
	appendStringInfoString(buf, "</title>");
}

/* A key to the series, in the line above the drawing area. */
static void
append_legend(HwrPlot *plot, char **names, int n, bool lines)
{
	double		x = plot->right;

	for (int s = n - 1; s >= 0; s--)
	{
		x -= 6.6 * pg_mbstrlen(names[s]);
		hwr_plot_text(plot, x, 44, "start", "s", names[s]);
		if (lines)
			appendStringInfo(&plot->buf, "<path class=\"l l%d\" d=\"M%.1f 40h-24\"/>", s, x - 6);
		else
			appendStringInfo(&plot->buf, "<circle class=\"f%d\" cx=\"%.1f\" cy=\"40\" r=\"5\"/>", s, x - 10);
		x -= lines ? 44 : 30;
	}
}

/* "name, x: y", which browsers show on pointing at a mark. */
static void
append_mark_title(StringInfo buf, const char *name, const char *x, double y, bool percent)
{
	append_title(buf, psprintf(percent ? "%s%s%s: %.4g %%" : "%s%s%s: %.6g", name, name[0] != '\0' ? ", " : "", x,
							   percent ? y * 100 : y));
}

/* Points of one series as a line, with a mark each to point at. */
static void
append_series(HwrPlot *plot, int s, const char *name, Numbers series, Numbers x, Numbers y, bool percent)
{
	StringInfo	buf = &plot->buf;
	double		radius = x.n > 150 ? 1.5 : 3;
	bool		begun = false;

	for (int i = 0; i < x.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (series.v[i] != s + 1 || isnan(y.v[i]) || isnan(x.v[i]))
			continue;
		if (begun)
			appendStringInfoChar(buf, 'L');
		else
			appendStringInfo(buf, "<path class=\"l l%d\" d=\"M", s);
		appendStringInfo(buf, "%.1f %.1f", hwr_plot_x(plot, x.v[i]), hwr_plot_y(plot, y.v[i]));
		begun = true;
	}
	if (begun)
		appendStringInfoString(buf, "\"/>");
	for (int i = 0; i < x.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (series.v[i] != s + 1 || isnan(y.v[i]) || isnan(x.v[i]))
			continue;
		appendStringInfo(buf, "<circle class=\"m f%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\">", s,
						 hwr_plot_x(plot, x.v[i]), hwr_plot_y(plot, y.v[i]), radius);
		append_mark_title(buf, name, psprintf("%.6g", x.v[i]), y.v[i], percent);
		appendStringInfoString(buf, "</circle>");
	}
}

/* A vertical line where x has a meaning of its own. */
static void
append_marked(HwrPlot *plot, double x, const char *label)
{
	double		at = hwr_plot_x(plot, x);
	bool		turn = at > (plot->left + plot->right) / 2;

	appendStringInfo(&plot->buf, "<path class=\"d\" d=\"M%.1f %.1fV%.1f\"/>", at, plot->top, plot->bottom);
	hwr_plot_text(plot, turn ? at - 6 : at + 6, plot->top + 12, turn ? "end" : "start", "s", label);
}

static void
choose_scale(HwrPlot *plot, Numbers y, bool decades)
{
	double		low = INFINITY;
	double		high = 0;

	extend(&low, &high, y);
	if (!decades || !(low > 0) || !(high > 10 * low))
		return;
	plot->y_log = true;
	plot->y_low = low;
	plot->y_high = high;
}

/*
 * hwr.draw_lines(title text, description text, x_title text, y_title text, names text[], series
 * float8[], x float8[], y float8[],
 *				  percent boolean, marked float8, marked_label text, decades boolean) returns text
 *
 * series[i] is the number from 1 in names of the line that point i belongs to; points come in the order of x.
 * decades: a logarithmic scale where the numbers span more than one power of ten.
 */
Datum
hwr_draw_lines(PG_FUNCTION_ARGS)
{
	Numbers		series = numbers_argument(fcinfo, 5);
	Numbers		x = numbers_argument(fcinfo, 6);
	Numbers		y = numbers_argument(fcinfo, 7);
	bool		percent = !PG_ARGISNULL(8) && PG_GETARG_BOOL(8);
	int			nnames;
	char	  **names = texts_argument(fcinfo, 4, &nnames);
	HwrPlot		plot;

	check_lengths(series.n, x.n);
	check_lengths(x.n, y.n);
	nnames = Min(nnames, MAX_SERIES);
	hwr_plot_begin(&plot, NARROW, 300, text_argument(fcinfo, 0), text_argument(fcinfo, 1));
	plot.x_low = INFINITY;
	plot.x_high = -INFINITY;
	extend(&plot.x_low, &plot.x_high, x);
	extend(&plot.y_low, &plot.y_high, y);
	choose_scale(&plot, y, !PG_ARGISNULL(11) && PG_GETARG_BOOL(11));
	if (x.n > 0 && isfinite(plot.x_low))
	{
		hwr_plot_y_axis(&plot, text_argument(fcinfo, 3), percent);
		hwr_plot_x_axis(&plot, text_argument(fcinfo, 2), false, true);
		if (!PG_ARGISNULL(9) && PG_GETARG_FLOAT8(9) >= plot.x_low && PG_GETARG_FLOAT8(9) <= plot.x_high)
			append_marked(&plot, PG_GETARG_FLOAT8(9), text_argument(fcinfo, 10));
		for (int s = 0; s < nnames; s++)
			append_series(&plot, s, names[s], series, x, y, percent);
		append_legend(&plot, names, nnames > 1 ? nnames : 0, true);
	}
	else
		hwr_plot_nothing(&plot);
	PG_RETURN_TEXT_P(hwr_plot_end(&plot));
}

/*
 * Bars
 */

static void
append_error_bar(HwrPlot *plot, double middle, double low, double high)
{
	if (isnan(low) || isnan(high))
		return;
	appendStringInfo(&plot->buf, "<path class=\"e\" d=\"M%.1f %.1fV%.1fm-3 0h6M%.1f %.1fh6\"/>", middle,
					 hwr_plot_y(plot, low), hwr_plot_y(plot, high), middle - 3, hwr_plot_y(plot, low));
}

static void
append_bars(HwrPlot *plot, char **labels, Numbers values, Numbers low, Numbers high, bool percent)
{
	StringInfo	buf = &plot->buf;
	double		pitch = (plot->right - plot->left) / values.n;
	double		widest = 1;
	double		next = 0;

	for (int i = 0; i < values.n; i++)
		widest = fmax(widest, pg_mbstrlen(labels[i]));
	for (int i = 0; i < values.n; i++)
	{
		double		x = plot->left + pitch * (i + 0.5);
		double		top = hwr_plot_y(plot, isnan(values.v[i]) ? 0 : values.v[i]);
		double		width = fmin(fmax(pitch - 2, pitch * 0.7), 48);

		CHECK_FOR_INTERRUPTS();
		appendStringInfo(buf, "<rect class=\"m f0\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">",
						 x - width / 2, top, width, plot->bottom - top);
		append_mark_title(buf, "", labels[i], values.v[i], percent);
		appendStringInfoString(buf, "</rect>");
		if (low.n > 0)
			append_error_bar(plot, x, low.v[i], high.v[i]);
		if (x < next)
			continue;
		hwr_plot_text(plot, x, plot->bottom + 18, "middle", "s", labels[i]);
		next = x + widest * 6 + 1;
	}
}

/*
 * hwr.draw_bars(title text, description text, x_title text, y_title text, labels text[], value float8[],
 *				 low float8[], high float8[], percent boolean) returns text
 *
 * low and high, the ends of intervals, may be NULL.
 */
Datum
hwr_draw_bars(PG_FUNCTION_ARGS)
{
	Numbers		values = numbers_argument(fcinfo, 5);
	Numbers		low = numbers_argument(fcinfo, 6);
	Numbers		high = numbers_argument(fcinfo, 7);
	bool		percent = !PG_ARGISNULL(8) && PG_GETARG_BOOL(8);
	int			nlabels;
	char	  **labels = texts_argument(fcinfo, 4, &nlabels);
	HwrPlot		plot;

	check_lengths(nlabels, values.n);
	check_lengths(low.n, high.n);
	check_lengths(low.n, low.n > 0 ? values.n : 0);
	hwr_plot_begin(&plot, values.n > 30 ? WIDE : NARROW, 300, text_argument(fcinfo, 0), text_argument(fcinfo, 1));
	extend(&plot.y_low, &plot.y_high, values);
	extend(&plot.y_low, &plot.y_high, high);
	if (values.n > 0)
	{
		hwr_plot_y_axis(&plot, text_argument(fcinfo, 3), percent);
		hwr_plot_x_title(&plot, text_argument(fcinfo, 2));
		append_bars(&plot, labels, values, low, high, percent);
	}
	else
		hwr_plot_nothing(&plot);
	PG_RETURN_TEXT_P(hwr_plot_end(&plot));
}

/*
 * Matrix
 */

#define CELL 26

/* Darkness goes with the logarithm: counts of errors span magnitudes. */
static double
cell_opacity(double value, double most)
{
	return most > 1 ? 0.15 + 0.85 * log(value) / log(most) : 1;
}

static void
append_cell(HwrPlot *plot, const char *row, const char *column, int r, int c, double value, double most)
{
	StringInfo	buf = &plot->buf;
	double		x = plot->left + c * CELL;
	double		y = plot->top + r * CELL;
	bool		right = strcmp(row, column) == 0;
	double		opacity = cell_opacity(value, most);

	appendStringInfo(buf, right ? "<g class=\"m\"><rect class=\"h\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" "
								  "fill=\"none\"/>" :
					 "<g class=\"m\"><rect class=\"f0\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" fill-opacity=\"%.2f\"/>",
					 x + 1, y + 1, CELL - 2, CELL - 2, opacity);
	append_title(buf, psprintf("%s read as %s: %.0f", row[0] != '\0' ? row : "nothing", column[0] != '\0' ? column : "nothing",
							   value));
	if (value < 1000 && !right)
		appendStringInfo(buf, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.0f</text>",
						 opacity > 0.55 ? "n w" : "n", x + CELL / 2.0, y + CELL / 2.0 + 4, value);
	else if (right)
		appendStringInfo(buf, "<text class=\"n s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">&#183;</text>",
						 x + CELL / 2.0, y + CELL / 2.0 + 4);
	appendStringInfoString(buf, "</g>");
}

/* A character beside the matrix; the empty set for none. */
static void
append_character_label(HwrPlot *plot, double x, double y, const char *anchor, const char *label)
{
	if (label[0] != '\0')
		hwr_plot_text(plot, x, y, anchor, NULL, label);
	else
		appendStringInfo(&plot->buf, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">&#8709;</text>", x, y, anchor);
}

/* Number of the label in the list, or -1. */
static int
find_label(char **labels, int n, const char *label)
{
	for (int i = 0; i < n; i++)
		if (strcmp(labels[i], label) == 0)
			return i;
	return -1;
}

/*
 * hwr.draw_matrix(title text, description text, row_title text, column_title text, labels text[],
 * rows text[],
 *				   columns text[], value float8[]) returns text
 *
 * A square over labels; cell i is in the row of label rows[i] and the column of columns[i].  The
 * diagonal, which is right, is drawn without colour.
 */
Datum
hwr_draw_matrix(PG_FUNCTION_ARGS)
{
	int			n;
	int			nrows;
	int			ncolumns;
	char	  **labels = texts_argument(fcinfo, 4, &n);
	char	  **rows = texts_argument(fcinfo, 5, &nrows);
	char	  **columns = texts_argument(fcinfo, 6, &ncolumns);
	Numbers		values = numbers_argument(fcinfo, 7);
	double		most = 1;
	HwrPlot		plot;

	check_size(n, MAX_LABELS, "labels");
	check_lengths(nrows, ncolumns);
	check_lengths(nrows, values.n);
	hwr_plot_begin(&plot, Max(NARROW, 74 + n * CELL), n > 0 ? 112 + n * CELL : 300, text_argument(fcinfo, 0),
				   text_argument(fcinfo, 1));
	plot.top = 92;
	plot.left = 44;
	for (int i = 0; i < values.n; i++)
		if (strcmp(rows[i], columns[i]) != 0)
			most = fmax(most, values.v[i]);
	if (n == 0)
		hwr_plot_nothing(&plot);
	else
	{
		hwr_plot_text(&plot, 10, 44, "start", "s", text_argument(fcinfo, 2));
		hwr_plot_text(&plot, 10, 62, "start", "s", text_argument(fcinfo, 3));
	}
	for (int i = 0; i < n; i++)
	{
		append_character_label(&plot, plot.left - 10, plot.top + (i + 0.5) * CELL + 5, "end", labels[i]);
		append_character_label(&plot, plot.left + (i + 0.5) * CELL, plot.top - 6, "middle", labels[i]);
		appendStringInfo(&plot.buf, "<path class=\"g\" d=\"M%.1f %.1fh%dM%.1f %.1fv%d\"/>", plot.left, plot.top + i * CELL,
						 n * CELL,
						 plot.left + i * CELL, plot.top, n * CELL);
	}
	for (int i = 0; i < values.n; i++)
	{
		int			r = find_label(labels, n, rows[i]);
		int			c = find_label(labels, n, columns[i]);

		CHECK_FOR_INTERRUPTS();
		if (r >= 0 && c >= 0 && values.v[i] > 0)
			append_cell(&plot, rows[i], columns[i], r, c, values.v[i], most);
	}
	PG_RETURN_TEXT_P(hwr_plot_end(&plot));
}

/*
 * Reliability
 */

static void
append_reliability_point(HwrPlot *plot, int s, const char *name, double x, double y, double low, double high, double images)
{
	StringInfo	buf = &plot->buf;
	double		at = hwr_plot_x(plot, x) + s * 2;

	append_error_bar(plot, at, low, high);
	appendStringInfo(buf, "<circle class=\"m p f%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\">", s, at, hwr_plot_y(plot, y));
	append_title(buf, psprintf("%s %.1f %%: %.1f %% of %.0f right", name, x * 100, y * 100, images));
	appendStringInfoString(buf, "</circle>");
}

/*
 * hwr.draw_reliability(title text, description text, x_title text, y_title text, names text[],
 * series float8[], x float8[], y float8[],
 *						low float8[], high float8[], images float8[]) returns text
 */
Datum
hwr_draw_reliability(PG_FUNCTION_ARGS)
{
	Numbers		series = numbers_argument(fcinfo, 5);
	Numbers		column[5];		/* x, y, low, high, images */
	int			nnames;
	char	  **names = texts_argument(fcinfo, 4, &nnames);
	HwrPlot		plot;

	for (int i = 0; i < 5; i++)
	{
		column[i] = numbers_argument(fcinfo, 6 + i);
		check_lengths(series.n, column[i].n);
	}
	nnames = Min(nnames, MAX_SERIES);
	hwr_plot_begin(&plot, NARROW, 360, text_argument(fcinfo, 0), text_argument(fcinfo, 1));
	plot.x_high = plot.y_high = 1;
	if (series.n > 0)
	{
		hwr_plot_y_axis(&plot, text_argument(fcinfo, 3), true);
		hwr_plot_x_axis(&plot, text_argument(fcinfo, 2), true, false);
		appendStringInfo(&plot.buf, "<path class=\"d\" d=\"M%.1f %.1fL%.1f %.1f\"/>", plot.left, plot.bottom, plot.right,
						 plot.top);
		append_legend(&plot, names, nnames, false);
	}
	else
		hwr_plot_nothing(&plot);
	for (int i = 0; i < series.n; i++)
	{
		int			s = series.v[i] >= 1 && series.v[i] <= nnames ? (int) series.v[i] - 1 : -1;

		CHECK_FOR_INTERRUPTS();
		if (s >= 0 && s < nnames && !isnan(column[0].v[i]) && !isnan(column[1].v[i]))
			append_reliability_point(&plot, s, names[s], column[0].v[i], column[1].v[i], column[2].v[i],
									 column[3].v[i], column[4].v[i]);
	}
	PG_RETURN_TEXT_P(hwr_plot_end(&plot));
}
