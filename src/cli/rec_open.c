/* SPDX-License-Identifier: MIT */
/* Reads the recording of a verb: shows how far it is, and stops on Ctrl-C. */
#include "rec_open.h"

#include <errno.h>
#include <stdint.h>

#include "cli.h"
#include "progress.h"

static bool reading(void *ctx, uint64_t done, uint64_t all)
{
	const char *const *path = ctx;

	if (pn_progress_due()) {
		double mb = 1e-6 * (double)done, rate = mb / pn_progress_seconds();

		if (all)
			pn_progress_line("reading %.40s %.0f %%  %.0f MB/s", *path,
					 100.0 * (double)done / (double)all, rate);
		else
			pn_progress_line("reading %.40s %.0f MB  %.0f MB/s", *path, mb, rate);
	}
	return !pn_cli_stopped();
}

int pn_cli_open_recording(const char *path, const struct pn_rec_hints *hints,
			  struct pn_recording **out)
{
	struct pn_diag d = {0};
	int err;

	pn_cli_catch_stop();
	pn_progress_begin();
	err = pn_recording_open(path, hints, reading, &path, out, &d);
	pn_progress_end();
	if (err == -EINTR && pn_cli_stopped()) {
		pn_cli_error("stopped while reading %s", path);
		return CLI_STOPPED;
	}
	return err ? pn_cli_refuse(&d, err, path) : CLI_DONE;
}
