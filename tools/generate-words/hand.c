/*
 * hand.c
 *	  Words as outlines: laid out by Pango, by hand through a smooth random displacement.
 */
#include <string.h>

#include "generate.h"

#define MAX_WAVES 5

/* Of the font while it is laid out, pixels: any, because outlines are scaled. */
#define SIZE 60

/* One sine of the displacement field; lengths in units of the image's height. */
typedef struct Wave
{
	double		kx,
				ky,
				phase,
				dx,
				dy;
} Wave;

typedef struct Warp
{
	double		slant;			/* x shift a unit of height */
	double		rise;			/* of the baseline, a unit of width */
	int			n;
	Wave		wave[MAX_WAVES];
} Warp;

static PangoLayout *
make_layout(cairo_t *cr, PangoFontDescription *font, const char *text, double size, double spacing)
{
	PangoLayout *layout = pango_cairo_create_layout(cr);
	PangoAttrList *attributes = pango_attr_list_new();

	pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
	pango_layout_set_font_description(layout, font);
	/* A glyph of another font would not be this hand. */
	pango_attr_list_insert(attributes, pango_attr_fallback_new(FALSE));
	if (spacing > 0)
		pango_attr_list_insert(attributes, pango_attr_letter_spacing_new((int) (spacing * size * PANGO_SCALE)));
	pango_layout_set_attributes(layout, attributes);
	pango_layout_set_text(layout, text, -1);
	pango_attr_list_unref(attributes);
	pango_font_description_free(font);
	return layout;
}

static PangoFontDescription *
font_of_family(const char *family)
{
	PangoFontDescription *font = pango_font_description_new();

	pango_font_description_set_family(font, family);
	return font;
}

/* Pango silently replaces a font that is not installed: find out. */
void
check_font(cairo_t *cr, const char *family)
{
	PangoLayout *layout = make_layout(cr, font_of_family(family), "A", 20, 0);
	PangoContext *context = pango_layout_get_context(layout);
	PangoFont  *font = pango_context_load_font(context, pango_layout_get_font_description(layout));
	PangoFontDescription *found = font ? pango_font_describe(font) : NULL;

	if (found == NULL || g_ascii_strcasecmp(pango_font_description_get_family(found), family) != 0)
		fail("font is not installed", family);
	pango_font_description_free(found);
	g_object_unref(font);
	g_object_unref(layout);
}

static void
make_warp(Rng *rng, double height, const Hand *hand, Warp *warp)
{
	warp->slant = (hand->typed ? 0.01 : 0.14) * normal(rng);
	warp->rise = (hand->straight ? 0.003 : 0.018) * normal(rng);
	warp->n = MAX_WAVES;
	for (int i = 0; i < warp->n; i++)
	{
		Wave	   *w = &warp->wave[i];
		double		length = height * uniform(rng, 0.7, 3.0);	/* of a wave, pixels */
		double		angle = uniform(rng, 0, 2 * M_PI);
		double		amplitude = (hand->typed ? 0.004 : 0.016) * length;

		w->kx = 2 * M_PI / length * cos(angle);
		w->ky = 2 * M_PI / length * sin(angle);
		w->phase = uniform(rng, 0, 2 * M_PI);
		w->dx = amplitude * normal(rng);
		w->dy = amplitude * normal(rng);
	}
}

static void
warp_point(const Warp *warp, cairo_path_data_t *p)
{
	double		x = p->point.x,
				y = p->point.y;
	double		nx = x - warp->slant * y,
				ny = y - warp->rise * x;

	for (int i = 0; i < warp->n; i++)
	{
		double		s = sin(warp->wave[i].kx * x + warp->wave[i].ky * y + warp->wave[i].phase);

		nx += warp->wave[i].dx * s;
		ny += warp->wave[i].dy * s;
	}
	p->point.x = nx;
	p->point.y = ny;
}

/* Whether the font has a glyph with ink for every letter: some have blank ones. */
static bool
has_letters(PangoLayout *layout)
{
	PangoLayoutIter *iter = pango_layout_get_iter(layout);
	const char *text = pango_layout_get_text(layout);
	bool		all = pango_layout_get_unknown_glyphs_count(layout) == 0;

	do
	{
		const char *p = text + pango_layout_iter_get_index(iter);
		PangoRectangle ink;

		pango_layout_iter_get_cluster_extents(iter, &ink, NULL);
		if (*p != '\0' && !g_unichar_isspace(g_utf8_get_char(p)) && ink.width == 0)
			all = false;
	} while (pango_layout_iter_next_cluster(iter));
	pango_layout_iter_free(iter);
	return all;
}

/* The layout's outline, all points displaced unless warp is NULL; the layout is freed.  False if a letter is missing. */
static bool
trace(cairo_t *cr, PangoLayout *layout, const Warp *warp, double stretch, Outline *out)
{
	double	   *e = out->extents;
	cairo_path_t *path;

	if (!has_letters(layout))
	{
		g_object_unref(layout);
		return false;
	}
	cairo_save(cr);
	cairo_new_path(cr);
	cairo_scale(cr, stretch, 1);
	pango_cairo_layout_path(cr, layout);
	cairo_restore(cr);
	path = cairo_copy_path(cr);
	for (int i = 0; warp != NULL && i < path->num_data; i += path->data[i].header.length)
		for (int k = 1; k < path->data[i].header.length; k++)
			warp_point(warp, &path->data[i + k]);
	cairo_new_path(cr);
	cairo_append_path(cr, path);
	cairo_path_extents(cr, &e[0], &e[1], &e[2], &e[3]);
	cairo_new_path(cr);
	g_object_unref(layout);
	out->path = path;
	return true;
}

bool
write_by_hand(Rng *rng, cairo_t *cr, const Hand *hand, const char *text, Outline *out)
{
	Warp		warp;
	double		stretch;

	make_warp(rng, SIZE, hand, &warp);
	stretch = uniform(rng, 0.88, 1.15);
	return trace(cr, make_layout(cr, font_of_family(hand->family), text, SIZE, hand->spacing), &warp, stretch, out);
}

/* Extents of a line of the font, from ascenders to descenders. */
bool
line_extents(cairo_t *cr, const char *family, double extents[4])
{
	Outline		letters;

	if (!trace(cr, make_layout(cr, font_of_family(family), "lp", SIZE, 0), NULL, 1, &letters))
		return false;
	memcpy(extents, letters.extents, sizeof(letters.extents));
	cairo_path_destroy(letters.path);
	return true;
}

/* font: as Pango describes fonts, "Sans Bold" */
bool
print_text(cairo_t *cr, const char *font, const char *text, Outline *out)
{
	return trace(cr, make_layout(cr, pango_font_description_from_string(font), text, SIZE, 0), NULL, 1, out);
}

/*
 * Add the outline to mask[height][width]; weight > 0 draws around it, < 0 takes away from its edge (pixels).
 */
void
fill_outline(const Picture *pic, const Outline *outline, double x, double y, double scale, double weight, float *mask)
{
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, pic->width, pic->height);
	cairo_t    *cr = cairo_create(surface);
	const uint8_t *data;
	int			stride;

	cairo_translate(cr, x - scale * outline->extents[0], y - scale * outline->extents[1]);
	cairo_scale(cr, scale, scale);
	cairo_append_path(cr, outline->path);
	cairo_fill_preserve(cr);
	cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
	cairo_set_line_width(cr, fabs(weight) / scale);
	if (weight < 0)
		cairo_set_operator(cr, CAIRO_OPERATOR_DEST_OUT);
	cairo_stroke(cr);
	cairo_surface_flush(surface);
	data = cairo_image_surface_get_data(surface);
	stride = cairo_image_surface_get_stride(surface);
	for (int r = 0; r < pic->height; r++)
		for (int c = 0; c < pic->width; c++)
			mask[r * pic->width + c] = fmaxf(mask[r * pic->width + c], data[r * stride + c] / 255.0f);
	cairo_destroy(cr);
	cairo_surface_destroy(surface);
}
