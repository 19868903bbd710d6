/*
 * page_xml.c
 *	  The ground truth of a page as PAGE XML.
 */
#include "pages.h"

/* What reaches beyond the picture is cut. */
static double
within(double v, int size)
{
	return fmin(fmax(0, v), size - 1);
}

static void
put_points(FILE *f, const Sheet *sheet, const char *element, const Polyline *line)
{
	fprintf(f, "<%s points=\"", element);
	for (int i = 0; i < line->n; i++)
		fprintf(f, "%s%.0f,%.0f", i > 0 ? " " : "", within(line->p[i].x, sheet->picture_width),
				within(line->p[i].y, sheet->picture_height));
	fprintf(f, "\"/>");
}

static void
put_line(FILE *f, const Sheet *sheet, int i)
{
	const TrueLine *line = &sheet->line[i];
	char	   *text = g_markup_escape_text(line->text, -1);

	fprintf(f, "<TextLine id=\"l%d\">", i);
	put_points(f, sheet, "Coords", &line->outline);
	put_points(f, sheet, "Baseline", &line->baseline);
	fprintf(f, "<TextEquiv><Unicode>%s</Unicode></TextEquiv></TextLine>\n", text);
	g_free(text);
}

/* The box of the lines of a region, from the first-th to before the end-th. */
static void
put_box(FILE *f, const Sheet *sheet, int first, int end)
{
	double		box[4] = {1e9, 1e9, 0, 0};

	for (int i = first; i < end; i++)
		for (int k = 0; k < sheet->line[i].outline.n; k++)
		{
			Point		p = sheet->line[i].outline.p[k];

			box[0] = fmin(box[0], p.x);
			box[1] = fmin(box[1], p.y);
			box[2] = fmax(box[2], p.x);
			box[3] = fmax(box[3], p.y);
		}
	put_points(f, sheet, "Coords",
			   &(Polyline){4, (Point[]){{box[0], box[1]}, {box[2], box[1]}, {box[2], box[3]}, {box[0], box[3]}}});
	fputc('\n', f);
}

void
write_page_xml(FILE *f, const char *image, const Sheet *sheet)
{
	int			end = 0;

	fprintf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			"<PcGts xmlns=\"http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15\"><Metadata><Creator>hwr</Creator>"
			"<Created>2000-01-01T00:00:00</Created><LastChange>2000-01-01T00:00:00</LastChange></Metadata>\n"
			"<Page imageFilename=\"%s\" imageWidth=\"%d\" imageHeight=\"%d\">\n",
			image, sheet->picture_width, sheet->picture_height);
	for (int first = 0; first < sheet->n; first = end)
	{
		while (end < sheet->n && sheet->line[end].region == sheet->line[first].region)
			end++;
		fprintf(f, "<TextRegion id=\"r%d\">", sheet->line[first].region);
		put_box(f, sheet, first, end);
		for (int i = first; i < end; i++)
			put_line(f, sheet, i);
		fprintf(f, "</TextRegion>\n");
	}
	fprintf(f, "</Page></PcGts>\n");
}
