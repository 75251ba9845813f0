/* SPDX-License-Identifier: MIT */
#ifndef LAB_FILE_H
#define LAB_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Writes a file with the given bytes. */
static inline void lab_write(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		abort();
}

/* A new directory; "%s/x" of it are the test's files. */
static inline char *lab_dir(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, size, "%s/postern-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(path))
		abort();
	return path;
}

#endif
