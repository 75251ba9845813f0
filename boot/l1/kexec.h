/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_KEXEC_H
#define POSTERN_L1_KEXEC_H

/* Continues with another kernel, as after "kexec -l; kexec -e". */
_Noreturn void kexec_go(const char *kernel, const char *initrd, const char *cmdline);

#endif
