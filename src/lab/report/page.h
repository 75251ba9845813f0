/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_PAGE_H
#define PN_LAB_PAGE_H

#include <stdio.h>

/*
 * The frame of every page for a browser: one style, light and dark, for narrow and wide windows,
 * and one script. A page is one file and loads nothing.
 */

extern const char pn_page_style[], pn_page_script[];

/* Text as HTML or SVG content or attribute: every character with a special meaning is escaped. */
void pn_html_text(const char *s, FILE *f);
/* @text, escaped, between @open and @close, which are not. */
void pn_html_element(const char *open, const char *text, const char *close, FILE *f);

/* What comes before a page's content, its heading included, and what comes behind. */
void pn_page_begin(const char *title, FILE *f);
void pn_page_end(FILE *f);

#endif
