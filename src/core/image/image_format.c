/*
 * image_format.c
 *	  Naming what was given where a JPEG or PNG file is wanted.
 */
#include "image_internal.h"

#include <string.h>

typedef struct Foreign
{
	int			at;				/* where the bytes stand */
	const char *bytes;
	int			n;
	const char *what;
	const char *hint;
} Foreign;

#define CONVERT "Convert it to JPEG or PNG before it is stored."
#define FROM_BASE64 "Store its bytes: decode(..., 'base64')."
#define FROM_HEX "Store its bytes: decode(..., 'hex')."
#define ONLY "Images are read from JPEG and PNG files."
#define RENDER "Render its pages as JPEG or PNG images before they are stored."

static const Foreign foreign[] = {
	{0, "II*\0", 4, "a TIFF file", CONVERT},
	{0, "MM\0*", 4, "a TIFF file", CONVERT},
	{0, "II+\0", 4, "a BigTIFF file", CONVERT},
	{0, "MM\0+", 4, "a BigTIFF file", CONVERT},
	{8, "WEBP", 4, "a WebP file", CONVERT},
	{4, "ftypavif", 8, "an AVIF file", CONVERT},
	{4, "ftypavis", 8, "an AVIF file", CONVERT},
	{4, "ftyp", 4, "a HEIC file, as telephones write it, or a video", CONVERT},
	{0, "GIF8", 4, "a GIF file", CONVERT},
	{0, "BM", 2, "a BMP file", CONVERT},
	{0, "%PDF", 4, "a PDF file", RENDER},
	{0, "%!PS", 4, "a PostScript file", RENDER},
	{0, "AT&TFORM", 8, "a DjVu file", RENDER},
	{0, "\0\0\0\14jP  ", 8, "a JPEG 2000 file", CONVERT},
	{0, "\xFF\x4F\xFF\x51", 4, "a JPEG 2000 file", CONVERT},
	{0, "\0\0\0\14JXL ", 8, "a JPEG XL file", CONVERT},
	{0, "\xFF\x0A", 2, "a JPEG XL file", CONVERT},
	{0, "8BPS", 4, "a Photoshop file", CONVERT},
	{0, "\x1F\x8B", 2, "compressed by gzip", "Unpack it before it is stored."},
	{0, "PK\3\4", 4, "a ZIP archive or an office document", "Unpack the images before they are stored."},
	{0, "data:image/", 11, "a data URL", "Store the bytes of the part behind the comma: decode(..., 'base64')."},
	{0, "/9j/", 4, "a JPEG file written as base64", FROM_BASE64},
	{0, "iVBORw0KGgo", 11, "a PNG file written as base64", FROM_BASE64},
	{0, "\\xffd8ff", 8, "a JPEG file written as hexadecimal digits", "Store its bytes: the text is a bytea literal, "
	 "'...'::bytea."},
	{0, "\\x89504e47", 10, "a PNG file written as hexadecimal digits", "Store its bytes: the text is a bytea literal, "
	 "'...'::bytea."},
	{0, "ffd8ff", 6, "a JPEG file written as hexadecimal digits", FROM_HEX},
	{0, "89504e47", 8, "a PNG file written as hexadecimal digits", FROM_HEX},
	{0, "<svg", 4, "an SVG file", CONVERT},
	{0, "<?xml", 5, "an XML file", ONLY},
	{0, "<!DOCTYPE", 9, "an HTML page", ONLY},
	{0, "<html", 5, "an HTML page", ONLY},
};

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Hexadecimal digits and markup come in either case; base64 and magic numbers do not. */
static bool
begins_with(const HwrImageSource *src, const Foreign *f)
{
	bool		either_case = f->bytes[0] == '<' || strstr(f->what, "hexadecimal") != NULL;

	if (src->len < (size_t) (f->at + f->n))
		return false;
	if (!either_case)
		return memcmp(src->bytes + f->at, f->bytes, (size_t) f->n) == 0;
	for (int i = 0; i < f->n; i++)
		if (fold((char) src->bytes[f->at + i]) != fold(f->bytes[i]))
			return false;
	return true;
}

/* Portable bitmaps: P1 to P6 and white space. */
static bool
is_portable_bitmap(const HwrImageSource *src)
{
	return src->len > 2 && src->bytes[0] == 'P' && src->bytes[1] >= '1' && src->bytes[1] <= '7' &&
		strchr(" \t\r\n", src->bytes[2]) != NULL && src->bytes[2] != '\0';
}

bool
hwr_image_fail_format(const HwrImageSource *src, HwrStatus *st)
{
	hwr_fail(st, HWR_BAD_IMAGE, "could not decode image");
	if (src->len == 0)
		return hwr_fail_detail(st, "The image is empty.");
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
	{
		if (!begins_with(src, &foreign[i]))
			continue;
		hwr_fail_detail(st, "The data is %s.", foreign[i].what);
		return hwr_fail_hint(st, "%s", foreign[i].hint);
	}
	if (is_portable_bitmap(src))
	{
		hwr_fail_detail(st, "The data is a PNM file.");
		return hwr_fail_hint(st, CONVERT);
	}
	return hwr_fail_detail(st, "The data is neither a JPEG nor a PNG file.");
}
