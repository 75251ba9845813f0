/* SPDX-License-Identifier: MIT */
/* Finds a PCI device of QEMU by its device ID and its place in the order. */
#include "pci.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "util.h"

#define QEMU_VENDOR 0x1234

static unsigned long id_of(const char *name, const char *which)
{
	char path[300], text[16];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", name, which);
	return read_file(path, text, sizeof(text)) > 0 ? strtoul(text, NULL, 16) : 0;
}

bool pci_find(uint16_t device, unsigned nth, char *name, size_t size)
{
	struct dirent **list;
	int n = scandir(PCI_DEVICES, &list, NULL, alphasort);
	bool found = false;

	for (int i = 0; i < n; i++) {
		const char *d = list[i]->d_name;

		if (!found && id_of(d, "vendor") == QEMU_VENDOR && id_of(d, "device") == device &&
		    !nth--) {
			snprintf(name, size, "%.*s", (int)size - 1, d);
			found = true;
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return found;
}
