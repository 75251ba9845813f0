/* SPDX-License-Identifier: MIT */
/* Opens and closes a recording. */
#include "recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rec_priv.h"

static int read_in(struct pn_recording *rec, pn_rec_progress progress, void *ctx, struct pn_diag *d)
{
	struct pn_rec_text *text;
	int err = pn_rec_text_open(rec->sum.path, progress, ctx, &text, d);

	if (err)
		return err;
	rec->fd = pn_rec_tmpfile();
	if (rec->fd < 0)
		err = pn_diag_set(d, -EIO, rec->sum.path, 0, "temporary file: %s",
				  strerror(-rec->fd));
	else
		err = pn_rec_import(rec, text, d);
	pn_rec_text_close(text);
	return err;
}

int pn_recording_open(const char *path, bool (*progress)(void *ctx, uint64_t done, uint64_t all),
		      void *ctx, struct pn_recording **out, struct pn_diag *d)
{
	struct pn_recording *rec;
	int err;

	*out = NULL;
	if (strlen(path) >= sizeof(rec->sum.path))
		return pn_diag_set(d, -ENAMETOOLONG, path, 0, "path too long");
	rec = calloc(1, sizeof(*rec));
	if (!rec)
		return pn_diag_set(d, -ENOMEM, path, 0, "out of memory");
	memcpy(rec->sum.path, path, strlen(path) + 1);
	rec->fd = -1;
	err = read_in(rec, progress, ctx, d);
	if (err)
		pn_recording_close(rec);
	else
		*out = rec;
	return err;
}

const struct pn_rec_summary *pn_recording_summary(const struct pn_recording *rec)
{
	return &rec->sum;
}

void pn_recording_close(struct pn_recording *rec)
{
	if (!rec)
		return;
	if (rec->fd >= 0)
		close(rec->fd);
	free(rec);
}
