/* SPDX-License-Identifier: MIT */
/*
 * harness NAME=VALUE...: one run, one line of JSON on standard output. The device's MSIs reach the
 * guest through VFIO, an eventfd, and an irqfd with an MSI route, so that IRQ bypass can take over.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disturb.h"
#include "edu.h"
#include "run.h"
#include "util.h"
#include "vm.h"
#include "witness.h"

static const struct {
	const char *name;
	size_t offset;
	bool flag;
} keys[] = {
#define KEY(name, flag)                                                                            \
	{                                                                                          \
#name, offsetof(struct run_config, name), flag                                     \
	}
	KEY(vcpus, false),  KEY(halt, true),	    KEY(x2apic, true), KEY(count, false),
	KEY(rate, false),   KEY(gap_us, false),	    KEY(mask, true),   KEY(ipis, false),
	KEY(preempt, true), KEY(migrate_ms, false), KEY(open, true),
};

static bool option(struct run_config *c, const char *arg)
{
	const char *value = strchr(arg, '=');

	if (!value)
		return false;
	if (!strncmp(arg, "name=", 5)) {
		c->name = value + 1;
		return true;
	}
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char *field = (char *)c + keys[i].offset;
		uint32_t n = (uint32_t)strtoul(value + 1, NULL, 0);

		if (strlen(keys[i].name) != (size_t)(value - arg) ||
		    strncmp(arg, keys[i].name, (size_t)(value - arg)))
			continue;
		if (keys[i].flag)
			*(bool *)field = n;
		else
			memcpy(field, &n, sizeof(n));
		return true;
	}
	return false;
}

static void print(const struct run_config *c, const struct run_result *r, const struct witness *w)
{
	printf("{\"run\":\"%s\",\"vcpus\":%u,\"idle\":\"%s\",\"apic\":\"%s\",\"rate\":%u,", c->name,
	       c->vcpus, c->halt ? "halt" : "spin", c->x2apic ? "x2apic" : "xapic", c->rate);
	printf("\"open\":%s,", c->open ? "true" : "false");
	printf("\"sent\":%u,\"seen\":%u,\"merged\":%u,\"extra\":%u,\"lost\":%u,\"early\":%u,",
	       r->sent, r->seen, r->sent - r->lost > r->seen ? r->sent - r->lost - r->seen : 0,
	       r->seen > r->sent ? r->seen - r->sent : 0, r->lost, r->early);
	printf("\"ipis\":{\"sent\":%u,\"seen\":%u},\"seconds\":%.3f,", r->ipi_sent, r->ipi_seen,
	       (double)r->ns / 1e9);
	if (!c->open && r->sent)
		printf("\"wait_us\":{\"mean\":%.1f,\"max\":%.1f},",
		       (double)r->wait_sum_ns / r->sent / 1e3, (double)r->wait_max_ns / 1e3);
	witness_print(w, stdout);
	if (r->odd_exit || r->fatal)
		printf(",\"error\":\"exit %#x exception %d at %#x\"}\n", r->odd_exit,
		       (int)r->fatal - 1, r->fatal_ip);
	else
		printf(",\"error\":null}\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct run_config c = {.name = "run", .vcpus = 1, .count = 1000};
	const int pcpu[L2_VCPUS] = {1, 2, 1, 2};
	struct run_result r = {0};
	struct witness w;
	struct vm vm;
	struct edu edu;

	for (int i = 1; i < argc; i++)
		if (!option(&c, argv[i])) {
			fprintf(stderr, "harness: unknown option '%s'\n", argv[i]);
			return 2;
		}
	if (c.vcpus < 1 || c.vcpus > L2_VCPUS || (c.mask && c.vcpus != 1) ||
	    (c.ipis && c.vcpus < 2)) {
		fprintf(stderr, "harness: %u vCPUs cannot do this\n", c.vcpus);
		return 2;
	}
	pin_to(0);
	edu_open(&edu, 0);
	vm_create(&vm, c.vcpus, c.x2apic);
	vm.shared->msi_vector = RUN_MSI_VECTOR;
	vm.shared->ipi_vector = RUN_IPI_VECTOR;
	vm.shared->ipi_target = c.vcpus - 1;
	vm.shared->idle[c.vcpus - 1] = c.halt ? L2_HALT : L2_SPIN;
	/* the witnesses see everything: bypass begins and ends between begin and end */
	witness_begin(&w, edu.name);
	edu_msi_enable(&edu);
	vm_irqfd(&vm, 24, c.vcpus - 1, RUN_MSI_VECTOR, edu.eventfd, true);
	vm_start(&vm, pcpu);
	disturb_begin(&c, &vm);
	run_guest(&c, &vm, &edu, &r);
	disturb_end();
	vm_stop(&vm);
	vm_irqfd(&vm, 24, c.vcpus - 1, RUN_MSI_VECTOR, edu.eventfd, false);
	witness_end(&w, edu.name);
	edu_msi_disable(&edu);
	vm_destroy(&vm);
	edu_close(&edu);
	print(&c, &r, &w);
	return r.lost || r.early || r.seen > r.sent || r.ipi_seen != c.ipis || r.odd_exit ||
	       r.fatal;
}
