/* SPDX-License-Identifier: MIT */
/*
 * Where the files are that verbs need beside the program: the checkout that it was built from, what
 * the package postern-boot has of it, or what `make install-vm` has put beside it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

const char *pn_cli_source_root(void)
{
	const char *root = getenv("POSTERN_SOURCE");

	return root ? root : PN_SOURCE_ROOT;
}

int pn_cli_beside(char *path, size_t size, const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0 && !getenv("POSTERN_SOURCE")) {
		self[n] = 0;
		slash = strrchr(self, '/');
		*slash = 0;
		n = snprintf(path, size, "%s/../lib/postern/%s", self, name);
		if (n > 0 && (size_t)n < size && !access(path, X_OK))
			return 0;
	}
	n = snprintf(path, size, "%s/%s", pn_cli_source_root(), name);
	return n > 0 && (size_t)n < size && !access(path, X_OK) ? 0 : -1;
}
