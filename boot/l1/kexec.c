/* SPDX-License-Identifier: MIT */
#include "kexec.h"

#include <fcntl.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

_Noreturn void kexec_go(const char *kernel, const char *initrd, const char *cmdline)
{
	int k = open(kernel, O_RDONLY | O_CLOEXEC), i = open(initrd, O_RDONLY | O_CLOEXEC);

	if (k < 0 || i < 0)
		die("%s, %s", kernel, initrd);
	if (syscall(SYS_kexec_file_load, k, i, strlen(cmdline) + 1, cmdline, 0ul))
		die("loading %s", kernel);
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
	die("booting %s", kernel);
}
