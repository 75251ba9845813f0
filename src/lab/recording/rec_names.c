/* SPDX-License-Identifier: MIT */
/* What a task is, by its name: a vCPU of a hypervisor, one of its helpers, a kernel thread. */
#include <stdio.h>
#include <string.h>

#include "rec_scan.h"
#include "rec_tasks.h"
#include "recording.h"

/* Patterns of names; '#' stands for a number, a '*' at the end for any rest. */

/* QEMU (also cut to 8 letters), Firecracker, Cloud Hypervisor, crosvm, kvmtool, VirtualBox. */
static const char *const vcpus[] = {
	"CPU #/KVM", "CPU #/KV",     "CPU #/K",	   "CPU #/", "CPU #/HVF", "fc_vcpu #",
	"fc_vcpu#",  "vcpu#",	     "vcpu-#",	   "vcpu #", "vcpu_#",	  "VCPU-#",
	"VCPU#",     "crosvm_vcpu#", "kvm-vcpu-#", "vCPU #", "EMT-#",	  "CPU#/KVM",
};

static const char *const helpers[] = {
	"vhost-*",	"IO *",		"iothread*",  "mon_iothread*", "SPICE Worker*",
	"vnc_worker*",	"qemu-io*",	"worker-io*", "migration_*",   "call_rcu",
	"multifdsend*", "multifdrecv*", "mig/*",      "fc_api",	       "_virtio*",
	"_disk*",	"_net*",	"vmm",	      "v_disk*",       "v_pcivmm",
};

static const char *const kernels[] = {
	"kworker/*",	 "kworker",    "ksoftirqd/*",  "ktimers/*",	"ktimersoftd/*",
	"migration/#",	 "rcu_*",      "rcuc/*",       "rcub/*",	"rcuo*/#",
	"rcuog/*",	 "rcuos/*",    "rcuop/*",      "cpuhp/*",	"irq/*",
	"kswapd#",	 "kthreadd",   "khugepaged",   "kcompactd#",	"jbd2/*",
	"watchdog/*",	 "watchdogd",  "ksmd",	       "kauditd",	"idle_inject/*",
	"scsi_eh_*",	 "scsi_tmf_*", "xfsaild/*",    "xfs-*",		"xfs_*",
	"txg_*",	 "z_*",	       "zvol*",	       "dp_*",		"arc_*",
	"dbu_*",	 "l2arc_*",    "spl_*",	       "dm*-#",		"dm-*",
	"dm_*",		 "dmcrypt_*",  "kdmflush*",    "kcryptd*",	"btrfs-*",
	"kblockd*",	 "napi/*",     "nvme-*",       "nvmet*",	"kvm-*",
	"kvm/*",	 "md#_*",      "ext4-*",       "loop#",		"nbd#*",
	"rbd*",		 "kthrotld*",  "kintegrityd*", "bioset",	"writeback",
	"kdevtmpfs",	 "khungtaskd", "oom_reaper",   "posixcputmr/*", "backlog_napi/*",
	"stopper/*",	 "ata_*",      "mlx#*",	       "iscsi_*",	"nfsd",
	"kmpath*",	 "edac-*",     "kaluad",       "raid#*",	"devfreq_wq",
	"ipv6_addrconf", "cryptd",     "psimon",       "kjournald*",	"cifsd",
	"ceph-*",	 "bch_*",      "bcache*",      "mmcqd/*",	"mmc_*",
	"usb-storage",	 "kvmft*",     "vhost",	       "swapper*",
};

static const char *skip_number(const char *s)
{
	const char *from = s;

	while (pn_is_digit(*s))
		s++;
	return s > from ? s : NULL;
}

static bool fits(const char *pattern, const char *s)
{
	for (; *pattern; pattern++) {
		if (*pattern == '*' && !pattern[1])
			return true;
		if (*pattern == '#') {
			s = skip_number(s);
			if (!s)
				return false;
		} else if (*pattern == '*') { /* up to the next letter of the pattern */
			s = strchr(s, pattern[1]);
			if (!s)
				return false;
		} else if (*pattern != *s++) {
			return false;
		}
	}
	return !*s;
}

static bool one_of(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (fits(list[i], name))
			return true;
	return false;
}
#define ONE_OF(list, name) one_of(list, sizeof(list) / sizeof((list)[0]), name)

enum pn_rec_role pn_rec_role(const struct pn_rec_thread *t)
{
	if (t->guest || ONE_OF(vcpus, t->name))
		return PN_ROLE_VCPU;
	if (t->kernel || ONE_OF(kernels, t->name))
		return PN_ROLE_KERNEL;
	return ONE_OF(helpers, t->name) ? PN_ROLE_HELPER : PN_ROLE_PROGRAM;
}

void pn_rec_stem(const char *name, char *out, size_t size)
{
	size_t n = 0;

	while (*name && n + 1 < size) {
		const char *rest = skip_number(name);

		out[n++] = rest ? '*' : *name;
		name = rest ? rest : name + 1;
	}
	out[n] = 0;
}
