/*
 * layout.c
 *	  Five forms: a registration, a report with a table, a claim, a questionnaire across, an order.
 *
 * They differ in what makes a form hard to lay over another picture of it: much print or little, boxes or lines, repeated
 * rows, grounds of grey.
 */
#include <string.h>

#include "forms.h"

static const char small_print[] =
	"Please write in capitals and with a dark pen. Do not fold this sheet. What you state here is kept as long as the law "
	"asks for, and is seen by nobody but those who work on it. You may ask at any time what is known of you and have it "
	"corrected. Whoever states what is not true may lose what has been granted to him.";

static void
print(Sheet *s, double x, double y, double size, const char *font, const char *text, double width)
{
	PangoLayout *layout = pango_cairo_create_layout(s->cr);
	PangoFontDescription *description = pango_font_description_from_string(font);

	pango_font_description_set_absolute_size(description, size * PANGO_SCALE);
	pango_layout_set_font_description(layout, description);
	pango_layout_set_text(layout, text, -1);
	if (width > 0)
		pango_layout_set_width(layout, (int) (width * PANGO_SCALE));
	cairo_move_to(s->cr, x, y);
	pango_cairo_show_layout(s->cr, layout);
	pango_font_description_free(description);
	g_object_unref(layout);
}

static void
line(Sheet *s, double x0, double y0, double x1, double y1, double width)
{
	cairo_set_line_width(s->cr, width);
	cairo_move_to(s->cr, x0, y0);
	cairo_line_to(s->cr, x1, y1);
	cairo_stroke(s->cr);
}

static void
box(Sheet *s, double x, double y, double w, double h, double width)
{
	cairo_set_line_width(s->cr, width);
	cairo_rectangle(s->cr, x, y, w, h);
	cairo_stroke(s->cr);
}

static void
ground(Sheet *s, double x, double y, double w, double h, double grey)
{
	cairo_set_source_rgb(s->cr, grey, grey, grey);
	cairo_rectangle(s->cr, x, y, w, h);
	cairo_fill(s->cr);
	cairo_set_source_rgb(s->cr, 0, 0, 0);
}

static void
note(Sheet *s, const char *name, const char *kind, double x, double y, double w, double h, int cells, const char *what)
{
	Field	   *f;

	if (s->n == MAX_FIELDS)
		fail("too many fields", name);
	f = &s->field[s->n++];
	*f = (Field){.kind = kind,.x = x,.y = y,.w = w,.h = h,.cells = cells,.what = what};
	g_strlcpy(f->name, name, sizeof(f->name));
}

/* A box with a small label in its corner. */
static void
boxed(Sheet *s, const char *name, const char *kind, const char *label, double x, double y, double w, double h,
	  const char *what)
{
	box(s, x, y, w, h, 0.25);
	print(s, x + 0.8, y + 0.4, 2.2, "Sans", label, 0);
	note(s, name, kind, x + 0.5, y + 3.2, w - 1, h - 3.7, 0, what);
}

/* A label and a line, dotted perhaps. */
static void
ruled(Sheet *s, const char *name, const char *kind, const char *label, double x, double y, double at, double w, bool dotted,
	  const char *what)
{
	const double dots[] = {0.3, 0.8};

	print(s, x, y + 3.4, 3.2, "Serif", label, 0);
	if (dotted)
		cairo_set_dash(s->cr, dots, 2, 0);
	line(s, x + at, y + 7.5, x + at + w, y + 7.5, 0.25);
	cairo_set_dash(s->cr, NULL, 0, 0);
	note(s, name, kind, x + at, y, w, 9, 0, what);
}

static void
comb(Sheet *s, const char *name, const char *kind, const char *label, double x, double y, int cells, double pitch, double h,
	 bool open, const char *what)
{
	print(s, x, y - 3.4, 2.5, "Sans", label, 0);
	if (open)
	{
		line(s, x, y + h, x + cells * pitch, y + h, 0.25);
		for (int i = 0; i <= cells; i++)
			line(s, x + i * pitch, y + h * 0.55, x + i * pitch, y + h, 0.25);
	}
	else
	{
		box(s, x, y, cells * pitch, h, 0.3);
		for (int i = 1; i < cells; i++)
			line(s, x + i * pitch, y, x + i * pitch, y + h, 0.2);
	}
	note(s, name, kind, x, y, cells * pitch, h, cells, what);
}

static void
tick(Sheet *s, const char *name, double x, double y, double side, const char *label)
{
	box(s, x, y, side, side, 0.3);
	print(s, x + side + 1.2, y + side / 2 - 2, 3, "Sans", label, 0);
	note(s, name, "tick", x, y, side, side, 0, NULL);
}

static void
registration(Sheet *s)
{
	double		y = s->other ? 46 : 34;

	print(s, 15, 12, 7, "Serif Bold", "Registration of a Resident", 0);
	print(s, 15, 21, 3, "Sans", "Town Hall, Department II, Room 114", 0);
	box(s, 160, 10, 35, 18, 0.4);
	print(s, 161, 11, 2.2, "Sans", "for office use only", 0);
	boxed(s, "family_name", "text", "1  Family name", 15, y, 88, 13, "capitals");
	boxed(s, "first_name", "text", "2  First names", s->other ? 115 : 107, y, s->other ? 80 : 88, 13, "word");
	boxed(s, "birthplace", "text", "3  Place of birth", 15, y + 17, 120, 13, "town");
	comb(s, "birthday", "date", "4  Date of birth (day, month, year)", 140, y + 21, 8, 6.5, 8, false, "day");
	comb(s, "postcode", "postcode", "5  Post code", 15, y + 42, 5, 7, 9, false, "postcode");
	boxed(s, "town", "text", "6  Town", 60, y + 38, 135, 13, "town");
	print(s, 15, y + 58, 3.2, "Sans Bold", "7  Marital status", 0);
	tick(s, "single", 55, y + 57, 5, "single");
	tick(s, "married", 85, y + 57, 5, "married");
	tick(s, "widowed", 115, y + 57, 5, "widowed");
	tick(s, "divorced", 145, y + 57, 5, "divorced");
	comb(s, "pass", "comb", "8  Number of the identity card", 15, y + 74, 10, 6.5, 8, s->other, "code");
	boxed(s, "profession", "text", "9  Profession", 90, y + 70, 105, 13, "word");
	boxed(s, "household", "integer", "10  Persons in the household", 15, y + 88, 50, 13, "small");
	boxed(s, "moved", "date", "11  Moved in on", 70, y + 88, 60, 13, "date");
	boxed(s, "rent", "amount", "12  Monthly rent", 135, y + 88, 60, 13, "amount");
	ruled(s, "remarks1", "text", "Remarks", 15, y + 108, 22, 158, false, "words");
	ruled(s, "remarks2", "text", "", 15, y + 119, 22, 158, false, "words");
	print(s, 15, 240, 3, "Serif", small_print, 180);
	ruled(s, "signed_on", "date", "Date", 15, 262, 14, 50, true, "date");
	ruled(s, "signature", "text", "Signature", 90, 262, 20, 85, true, "word");
}

static void
report(Sheet *s)
{
	static const char *items[] = {
		"Roof and gutters", "Outer walls", "Windows", "Stairs and rails", "Heating", "Water pipes", "Electric wiring",
		"Fire doors", "Escape routes", "Lighting", "Lift", "Cellar"
	};
	double		y = s->other ? 70 : 58;

	ground(s, 12, 10, 186, 12, 0.15);
	cairo_set_source_rgb(s->cr, 1, 1, 1);
	print(s, 15, 12.5, 5.5, "Sans Bold", "INSPECTION REPORT", 0);
	cairo_set_source_rgb(s->cr, 0, 0, 0);
	ruled(s, "building", "text", "Building", 14, 26, 20, 95, false, "town");
	ruled(s, "number", "integer", "No.", 135, 26, 10, 48, false, "number");
	ruled(s, "inspector", "text", "Inspector", 14, 38, 20, 95, false, "word");
	ruled(s, "date", "date", "Date", 135, 38, 10, 48, false, "date");
	for (int i = 0; i <= 12; i++)
	{
		double		row = y + 11.5 * i;
		char		name[32];

		if (i == 0)
			ground(s, 14, row, 182, 11.5, 0.85);
		box(s, 14, row, 182, 11.5, 0.2);
		line(s, 72, row, 72, row + 11.5, 0.2);
		line(s, 92, row, 92, row + 11.5, 0.2);
		line(s, 112, row, 112, row + 11.5, 0.2);
		if (i == 0)
		{
			print(s, 16, row + 3.5, 3.4, "Sans Bold", "Part", 0);
			print(s, 75, row + 3.5, 3.4, "Sans Bold", "sound", 0);
			print(s, 94, row + 3.5, 3.4, "Sans Bold", "mend", 0);
			print(s, 114, row + 3.5, 3.4, "Sans Bold", "What was found", 0);
			continue;
		}
		print(s, 16, row + 3.5, 3.4, "Sans", items[i - 1], 0);
		snprintf(name, sizeof(name), "sound%d", i);
		tick(s, name, 79.5, row + 3.2, 5, "");
		snprintf(name, sizeof(name), "mend%d", i);
		tick(s, name, 99.5, row + 3.2, 5, "");
		snprintf(name, sizeof(name), "found%d", i);
		note(s, name, "text", 112.5, row + 0.5, 83, 10.5, 0, "words");
	}
	print(s, 14, 230, 3, "Sans", small_print, 182);
	ruled(s, "sign", "text", "Signature", 14, 258, 22, 80, true, "word");
}

static void
claim(Sheet *s)
{
	double		y = s->other ? 120 : 108;

	print(s, 20, 14, 6, "Sans Bold", "Claim for Travel Expenses", 0);
	line(s, 20, 24, 190, 24, 0.6);
	print(s, 20, 26, 2.8, "Sans", small_print, 170);
	ground(s, 20, 46, 170, 6, 0.8);
	print(s, 22, 47, 3.4, "Sans Bold", "A.  Who travelled", 0);
	comb(s, "surname", "comb", "Surname", 22, 60, 16, 6, 8, true, "capitals");
	comb(s, "staff", "comb", "Staff number", 140, 60, 7, 6, 8, true, "digits");
	ruled(s, "from", "text", "From", 20, 74, 16, 64, false, "town");
	ruled(s, "to", "text", "to", 106, 74, 10, 74, false, "town");
	ruled(s, "left_on", "date", "left on", 20, 86, 16, 64, false, "date");
	ruled(s, "back_on", "date", "back on", 102, 86, 14, 74, false, "date");
	ground(s, 20, y - 8, 170, 6, 0.8);
	print(s, 22, y - 7, 3.4, "Sans Bold", "B.  What was spent", 0);
	for (int i = 0; i < 6; i++)
	{
		static const char *kinds[] = {"Railway", "Coach", "Own car", "Nights", "Meals", "Other"};
		char		name[32];

		snprintf(name, sizeof(name), "reason%d", i + 1);
		ruled(s, name, "text", kinds[i], 20, y + 11 * i, 20, 84, true, "word");
		snprintf(name, sizeof(name), "amount%d", i + 1);
		box(s, 140, y + 11 * i + 0.5, 50, 8.5, 0.3);
		note(s, name, "amount", 140.5, y + 11 * i + 1, 49, 7.5, 0, "amount");
	}
	box(s, 140, y + 70, 50, 11, 0.8);
	print(s, 112, y + 73, 4, "Sans Bold", "Total", 0);
	note(s, "total", "amount", 141, y + 71, 48, 9, 0, "amount");
	ground(s, 20, 212, 170, 6, 0.8);
	print(s, 22, 213, 3.4, "Sans Bold", "C.  How it is to be paid", 0);
	tick(s, "by_transfer", 22, 222, 4.5, "by transfer to the account");
	tick(s, "in_cash", 84, 222, 4.5, "in cash");
	tick(s, "with_wages", 120, 222, 4.5, "with the next wages");
	comb(s, "account", "comb", "Account", 22, 236, 22, 5, 7, false, "digits");
	ruled(s, "receipts", "yes_no", "Receipts enclosed (yes or no)", 20, 248, 52, 30, false, "yes");
	ruled(s, "signature", "text", "Signature", 110, 248, 18, 62, false, "word");
}

static void
questionnaire(Sheet *s)
{
	static const char *questions[] = {
		"The rooms were clean.", "The food was good.", "I was told what would be done.", "I could sleep at night.",
		"My questions were answered.", "I would come again."
	};
	double		x = s->other ? 30 : 18;

	print(s, x, 12, 6.5, "Serif Italic", "How was your stay?", 0);
	print(s, x, 22, 3, "Serif", "Tick one box in each row: 1 not at all, 5 very much.", 0);
	for (int i = 0; i < 6; i++)
	{
		double		y = (s->other ? 36 : 32) + 12 * i;

		print(s, x, y + 0.6, 3.6, "Serif", questions[i], 0);
		for (int k = 1; k <= 5; k++)
		{
			char		name[32];
			char		label[4];

			snprintf(name, sizeof(name), "q%d_%d", i + 1, k);
			snprintf(label, sizeof(label), "%d", k);
			tick(s, name, x + 80 + 18 * (k - 1), y, 4.5, label);
		}
	}
	ruled(s, "ward", "text", "Ward", x, 112, 16, 70, false, "word");
	ruled(s, "days", "integer", "Days", x + 100, 112, 14, 40, false, "small");
	print(s, x, 128, 3.6, "Serif", "What should be better?", 0);
	for (int i = 0; i < 4; i++)
	{
		char		name[32];

		line(s, x, 145 + 12 * i, 280, 145 + 12 * i, 0.2);
		snprintf(name, sizeof(name), "better%d", i + 1);
		note(s, name, "text", x, 135.5 + 12 * i, 280 - x, 11.5, 0, "words");
	}
	print(s, 200, 30, 3, "Sans", small_print, 76);
}

static void
order(Sheet *s)
{
	double		y = s->other ? 90 : 76;

	print(s, 15, 10, 9, "Sans Bold", "ORDER", 0);
	print(s, 130, 11, 3, "Sans", "Baker & Sons, Seeds and Bulbs\n14 Mill Lane, Northwold\nTelephone 2041", 0);
	boxed(s, "customer", "text", "Customer", 15, 30, 105, 14, "word");
	boxed(s, "customer_no", "integer", "Customer number", 125, 30, 70, 14, "number");
	boxed(s, "address", "text", "Address", 15, 48, 180, 14, "words");
	for (int i = 0; i <= 13; i++)
	{
		double		row = y + 10 * i;
		char		name[32];

		line(s, 15, row, 195, row, i < 2 || i == 13 ? 0.5 : 0.2);
		if (i == 13)
			break;
		if (i == 0)
		{
			print(s, 17, row + 3, 3.2, "Sans Bold", "Quantity", 0);
			print(s, 42, row + 3, 3.2, "Sans Bold", "Article", 0);
			print(s, 137, row + 3, 3.2, "Sans Bold", "Price", 0);
			print(s, 167, row + 3, 3.2, "Sans Bold", "Amount", 0);
			continue;
		}
		if (i > 9)
			continue;
		snprintf(name, sizeof(name), "quantity%d", i);
		note(s, name, "integer", 15.5, row + 0.4, 24, 9.2, 0, "small");
		snprintf(name, sizeof(name), "article%d", i);
		note(s, name, "text", 40.5, row + 0.4, 94, 9.2, 0, "words");
		snprintf(name, sizeof(name), "price%d", i);
		note(s, name, "amount", 135.5, row + 0.4, 29, 9.2, 0, "amount");
		snprintf(name, sizeof(name), "sum%d", i);
		note(s, name, "amount", 165.5, row + 0.4, 29, 9.2, 0, "amount");
	}
	line(s, 15, y, 15, y + 130, 0.5);
	line(s, 40, y, 40, y + 130, 0.2);
	line(s, 135, y, 135, y + 130, 0.2);
	line(s, 165, y, 165, y + 130, 0.2);
	line(s, 195, y, 195, y + 130, 0.5);
	tick(s, "express", 15, y + 138, 5, "express");
	tick(s, "collect", 55, y + 138, 5, "will be collected");
	comb(s, "voucher", "comb", "Voucher", 115, y + 139, 8, 7, 8, false, "code");
	ruled(s, "signature", "text", "Signature", 15, y + 150, 22, 90, false, "word");
	print(s, 15, 270, 2.6, "Sans", small_print, 180);
}

void
form_size(int number, const char **name, double *width, double *height)
{
	static const char *names[FORMS] = {"registration", "report", "claim", "questionnaire", "order"};

	*name = names[number];
	*width = number == 3 ? 297 : 210;
	*height = number == 3 ? 210 : 297;
}

void
draw_form_sheet(int number, Sheet *sheet)
{
	static void (*const draw[FORMS]) (Sheet *) = {registration, report, claim, questionnaire, order};

	form_size(number, &sheet->name, &sheet->width, &sheet->height);
	sheet->n = 0;
	cairo_set_source_rgb(sheet->cr, 1, 1, 1);
	cairo_paint(sheet->cr);
	cairo_set_source_rgb(sheet->cr, 0, 0, 0);
	draw[number] (sheet);
}
