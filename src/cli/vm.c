/* SPDX-License-Identifier: MIT */
/*
 * `postern vm`: the machine on the terminal. The script boot/vm knows the emulator and its options;
 * this finds it and becomes it.
 */
#include <limits.h>
#include <unistd.h>

#include "cli.h"

int pn_cli_vm(int argc, char **argv)
{
	char script[PATH_MAX];

	(void)argc;
	if (pn_cli_beside(script, sizeof(script), "boot/vm")) {
		pn_cli_error("vm: boot/vm is neither beside this program nor in %s (the package "
			     "postern-boot or make install-vm puts it there)",
			     pn_cli_source_root());
		return CLI_INPUT;
	}
	argv[0] = script;
	execv(script, argv);
	pn_cli_error("vm: %s cannot be run", script);
	return CLI_INPUT;
}
