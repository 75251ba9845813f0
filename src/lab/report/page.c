/* SPDX-License-Identifier: MIT */
/* The frame of the pages for a browser: head, style, script, and text that needs no care. */
#include "page.h"

void pn_html_text(const char *s, FILE *f)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\'':
			fputs("&#39;", f);
			break;
		default:
			fputc(*s, f);
		}
	}
}

void pn_html_element(const char *open, const char *text, const char *close, FILE *f)
{
	fputs(open, f);
	pn_html_text(text, f);
	fputs(close, f);
}

void pn_page_begin(const char *title, FILE *f)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
	      f);
	pn_html_element("<title>Postern: ", title, "</title>\n", f);
	fprintf(f, "<style>\n%s</style></head><body>\n", pn_page_style);
	pn_html_element("<h1>Postern: ", title, "</h1>\n", f);
}

void pn_page_end(FILE *f)
{
	fprintf(f, "<script>\n%s</script>\n</body></html>\n", pn_page_script);
}
