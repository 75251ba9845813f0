/* SPDX-License-Identifier: MIT */
/* Latencies as .hgrm files, two for each mode: of all interrupts, and of those that woke a vCPU;
 * and the same of devices and of IPIs where there are both. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report_fmt.h"

#define PATH_SIZE 1024
#define UNIT	  1000.0 /* the usual one of .hgrm files: microseconds */

/* Scenario and mode become part of a file name. */
static void safe_name(char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
			*s = '-';
}

static int write_one(const char *path, const struct pn_hist *h)
{
	char temp[PATH_SIZE + 16];
	FILE *f;
	int r;

	snprintf(temp, sizeof(temp), "%s.%ld.tmp", path, (long)getpid());
	f = fopen(temp, "wxe");
	if (!f)
		return -errno;
	r = pn_hist_hgrm(h, f, UNIT);
	if (fclose(f) && !r)
		r = -errno;
	if (!r && rename(temp, path))
		r = -errno;
	if (r)
		unlink(temp);
	return r;
}

static int write_pair(const struct pn_comparison *c, const struct pn_result *r, const char *kind,
		      const struct pn_hist *latency, const struct pn_hist *wake, const char *dir)
{
	const struct pn_hist *const h[] = {latency, wake};
	static const char *const what[] = {"latency", "wake"};
	char mode[64], name[176], path[PATH_SIZE];

	pn_mode_text(&r->mode, mode, sizeof(mode));
	for (unsigned i = 0; i < 2; i++) {
		int e;

		snprintf(name, sizeof(name), "%s-%s-%s%s.hgrm", c->scenario, mode, kind, what[i]);
		safe_name(name);
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
			return -ENAMETOOLONG;
		e = write_one(path, h[i]);
		if (e)
			return e;
	}
	return 0;
}

static int write_mode(const struct pn_comparison *c, const struct pn_result *r, const char *dir)
{
	int e = write_pair(c, r, "", &r->latency, &r->wake_latency, dir);

	for (unsigned i = 0; i < PN_PARTS && r->mixed && !e; i++) {
		char kind[16];

		snprintf(kind, sizeof(kind), "%s-", pn_part_name((enum pn_part_kind)i));
		e = write_pair(c, r, kind, &r->part[i].latency, &r->part[i].wake_latency, dir);
	}
	return e;
}

int pn_report_hgrm(const struct pn_comparison *c, const char *dir)
{
	if (mkdir(dir, 0777) && errno != EEXIST)
		return -errno;
	for (unsigned i = 0; i < c->n; i++) {
		int r = write_mode(c, &c->result[i], dir);

		if (r)
			return r;
	}
	return 0;
}
