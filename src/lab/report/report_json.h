/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REPORT_JSON_H
#define PN_LAB_REPORT_JSON_H

#include <jansson.h>

#include "recording.h"

/* JSON must be UTF-8, but names come from files and need not be: other bytes become '?'. */
json_t *pn_json_text(const char *text);
/* What was read from a recording. */
json_t *pn_json_recording(const struct pn_rec_summary *s);
/* The figures of a mode that the recording itself shows, with the same keys; and KVM's events. */
json_t *pn_json_measured(const struct pn_rec_summary *s);

#endif
