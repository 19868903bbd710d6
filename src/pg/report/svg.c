/*
 * svg.c
 *	  What all charts have in common: frame, style, axes, and text that cannot become markup.
 *
 * A chart is one SVG element that stands alone in a file and also inside a page.  Colours are named
 * by classes, which the style defines for light and for dark surroundings; marks carry a <title>,
 * which browsers show on pointing at them and screen readers read.  The style is repeated in each
 * chart; in a page the copies are equal.
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "pg/base/compat.h"
#include "svg.h"

/* On an axis; there are 5 to 10 as a rule. */
#define MAX_TICKS 30

static const char *const style =
"<style>"
".hwr{--ink:#1f2430;--soft:#5b6270;--rule:#d9dce3;--paper:#fff;--c0:#1f6fc4;--c1:#c2500f;--c2:#13795b;--c3:#7a4fb5;"
"font:13px system-ui,sans-serif;background:var(--paper)}"
"@media (prefers-color-scheme:dark){@media screen{.hwr{--ink:#e8eaf0;--soft:#a3aab8;--rule:#3a404c;--paper:#191c22;"
"--c0:#6cb0f5;--c1:#f59a5b;--c2:#4fc9a0;--c3:#bd9cf0}}}"
".hwr text{fill:var(--ink)}.hwr .t{font-weight:600;font-size:15px}.hwr .s{fill:var(--soft);font-size:12px}"
".hwr .g{stroke:var(--rule);stroke-width:1}.hwr .d{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:4 4;fill:none}"
".hwr .l{fill:none;stroke-width:2;stroke-linejoin:round}.hwr .e{stroke:var(--ink);stroke-width:1.5}"
".hwr .l0{stroke:var(--c0)}.hwr .l1{stroke:var(--c1);stroke-dasharray:7 3}.hwr .l2{stroke:var(--c2);stroke-dasharray:2 3}"
".hwr .l3{stroke:var(--c3)}"
".hwr .f0{fill:var(--c0)}.hwr .f1{fill:var(--c1)}.hwr .f2{fill:var(--c2)}.hwr .f3{fill:var(--c3)}"
".hwr .n{font-size:12px}.hwr .w{fill:var(--paper)}.hwr .h{stroke:var(--rule)}.hwr .p{stroke:var(--paper);stroke-width:1.5}.hwr "
".b{fill:var(--paper)}"
"</style>";

/* Of the characters of more than one byte XML has all but U+FFFE and U+FFFF. */
static bool
is_in_xml(const char *s, int len)
{
	return GetDatabaseEncoding() != PG_UTF8 || len != 3 || memcmp(s, "\xEF\xBF", 2) != 0 || (unsigned char) s[2] < 0xBE;
}

void
hwr_append_escaped(StringInfo buf, const char *s)
{
	while (*s != '\0')
	{
		int			len = pg_mblen(s);

		if (len > 1 && !is_in_xml(s, len))
			appendStringInfoChar(buf, '?');
		else if (len > 1)
			appendBinaryStringInfo(buf, s, len);
		else if (*s == '&')
			appendStringInfoString(buf, "&amp;");
		else if (*s == '<')
			appendStringInfoString(buf, "&lt;");
		else if (*s == '>')
			appendStringInfoString(buf, "&gt;");
		else if (*s == '"')
			appendStringInfoString(buf, "&quot;");
		else if (*s == '\'')
			appendStringInfoString(buf, "&#39;");
		else if ((unsigned char) *s < 0x20 || *s == 0x7f)
			appendStringInfoChar(buf, *s == '\n' || *s == '\t' ? ' ' : '?');
		else
			appendStringInfoChar(buf, *s);
		s += len;
	}
}

void
hwr_append_coordinate(StringInfo buf, double value)
{
	double		rounded = round(value * 10) / 10;

	appendStringInfo(buf, rounded == round(rounded) ? "%.0f" : "%.1f", rounded);
}

void
hwr_plot_begin(HwrPlot *plot, double width, double height, const char *title, const char *description)
{
	StringInfo	buf = &plot->buf;

	memset(plot, 0, sizeof(*plot));
	initStringInfo(buf);
	plot->width = width;
	plot->height = height;
	plot->left = 58;
	plot->right = width - 24;
	plot->top = 58;
	plot->bottom = height - 46;
	appendStringInfo(buf, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"hwr\" width=\"%.0f\" height=\"%.0f\" "
					 "viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width, height, width, height);
	hwr_append_escaped(buf, title);
	appendStringInfoString(buf, ". ");
	hwr_append_escaped(buf, description);
	appendStringInfoString(buf, "\">");
	appendStringInfoString(buf, style);
	appendStringInfo(buf, "<rect class=\"b\" width=\"%.0f\" height=\"%.0f\"/>", width, height);
	hwr_plot_text(plot, 10, 22, "start", "t", title);
}

text *
hwr_plot_end(HwrPlot *plot)
{
	appendStringInfoString(&plot->buf, "</svg>");
	return cstring_to_text_with_len(plot->buf.data, plot->buf.len);
}

double
hwr_plot_x(const HwrPlot *plot, double x)
{
	return plot->left + (plot->right - plot->left) * (x - plot->x_low) / (plot->x_high - plot->x_low);
}

double
hwr_plot_y(const HwrPlot *plot, double y)
{
	double		share = plot->y_log ? log(y / plot->y_low) / log(plot->y_high / plot->y_low) :
		(y - plot->y_low) / (plot->y_high - plot->y_low);

	return plot->bottom - (plot->bottom - plot->top) * share;
}

void
hwr_plot_text(HwrPlot *plot, double x, double y, const char *anchor, const char *class, const char *s)
{
	StringInfo	buf = &plot->buf;

	appendStringInfoString(buf, "<text x=\"");
	hwr_append_coordinate(buf, x);
	appendStringInfoString(buf, "\" y=\"");
	hwr_append_coordinate(buf, y);
	appendStringInfo(buf, "\" text-anchor=\"%s\"", anchor);
	if (class != NULL)
		appendStringInfo(buf, " class=\"%s\"", class);
	appendStringInfoChar(buf, '>');
	if (strcmp(s, " ") == 0)
		appendStringInfoString(buf, "&#9251;");	/* open box */
	else
		hwr_append_escaped(buf, s);
	appendStringInfoString(buf, "</text>");
}

static void
rule(HwrPlot *plot, double x1, double y1, double x2, double y2)
{
	appendStringInfo(&plot->buf, "<path class=\"g\" d=\"M%.1f %.1fL%.1f %.1f\"/>", x1, y1, x2, y2);
}

/* The step of about n ticks over a span: 1, 2 or 5 times a power of ten. */
static double
tick_step(double span, int n)
{
	double		raw = span / n;
	double		power = pow(10, floor(log10(raw)));
	double		share = raw / power;

	return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

static char *
tick_label(double value, bool percent)
{
	if (fabs(value) < 1e-12)
		value = 0;
	return percent ? psprintf("%.6g %%", value * 100) : psprintf("%.6g", value);
}

/* Numbers so close that ticks between them could not be told apart, or not even be counted up to, are one. */
static bool
is_range(double low, double high)
{
	return high - low > 1e-9 * fmax(fabs(low), fabs(high));
}

/* Ticks from low to high at this distance: few, whatever the numbers. */
static int
count_ticks(double low, double high, double step)
{
	double		n = step > 0 ? floor((high - low) / step + 1e-6) + 1 : 0;

	return n >= 1 ? (int) fmin(n, MAX_TICKS) : 0;
}

/* Round the ends to ticks; returns the step. */
static double
fit_range(double *low, double *high, int n)
{
	double		step;

	if (!is_range(*low, *high))
		*high = *low + (*low == 0 ? 1 : fabs(*low));
	step = tick_step(*high - *low, n);
	*low = floor(*low / step + 1e-9) * step;
	*high = ceil(*high / step - 1e-9) * step;
	return step;
}

static void
y_tick(HwrPlot *plot, double y, bool percent)
{
	double		at = hwr_plot_y(plot, y);

	rule(plot, plot->left, at, plot->right, at);
	hwr_plot_text(plot, plot->left - 6, at + 4, "end", "s", tick_label(y, percent));
}

/* The largest of 1, 2 and 5 times a power of ten that is not above y. */
static double
decade_step(double y)
{
	double		power = pow(10, floor(log10(y) + 1e-9));
	double		share = y / power * (1 + 1e-9);

	return power * (share >= 5 ? 5 : share >= 2 ? 2 : 1);
}

/* Ticks at 1, 2 and 5 times powers of ten; only every so many of them where they are many. */
static void
log_axis(HwrPlot *plot, bool percent)
{
	int			n = 0;
	int			every;

	plot->y_low = decade_step(plot->y_low);
	for (double y = plot->y_low; y < plot->y_high; y = decade_step(y * 2.51), n++)
		if (y * 2.51 >= plot->y_high)
			plot->y_high = decade_step(y * 2.51);
	every = n > MAX_TICKS ? (n / (3 * MAX_TICKS) + 1) * 3 : 1;
	n = 0;
	for (double y = plot->y_low; y <= plot->y_high * (1 + 1e-9); y = decade_step(y * 2.51))
		if (n++ % every == 0)
			y_tick(plot, y, percent);
}

void
hwr_plot_y_axis(HwrPlot *plot, const char *title, bool percent)
{
	double		step;

	hwr_plot_text(plot, 10, 44, "start", "s", title);
	if (plot->y_log)
	{
		log_axis(plot, percent);
		return;
	}
	step = fit_range(&plot->y_low, &plot->y_high, 5);
	for (int i = 0, n = count_ticks(plot->y_low, plot->y_high, step); i < n; i++)
		y_tick(plot, plot->y_low + i * step, percent);
}

void
hwr_plot_x_title(HwrPlot *plot, const char *title)
{
	hwr_plot_text(plot, (plot->left + plot->right) / 2, plot->height - 8, "middle", "s", title);
}

/* whole: ticks at whole numbers only, and the ends are the data's. */
void
hwr_plot_x_axis(HwrPlot *plot, const char *title, bool percent, bool whole)
{
	double		step;
	double		first;

	if (whole)
	{
		if (!is_range(plot->x_low, plot->x_high))
			plot->x_high = plot->x_low + fmax(1, fabs(plot->x_low));
		step = fmax(1, tick_step(plot->x_high - plot->x_low, 8));
	}
	else
		step = fit_range(&plot->x_low, &plot->x_high, 5);
	first = ceil(plot->x_low / step) * step;
	for (int i = 0, n = count_ticks(first, plot->x_high, step); i < n; i++)
		hwr_plot_text(plot, hwr_plot_x(plot, first + i * step), plot->bottom + 18, "middle", "s",
					  tick_label(first + i * step, percent));
	rule(plot, plot->left, plot->bottom, plot->right, plot->bottom);
	hwr_plot_x_title(plot, title);
}

void
hwr_plot_nothing(HwrPlot *plot)
{
	hwr_plot_text(plot, plot->width / 2, plot->height / 2, "middle", "s", "no data");
}
