/* SPDX-License-Identifier: MIT */
/*
 * Runs of kind=meter, for boot/compare: arms the emulator's meter (boot/qemu/meter.c), which raises
 * interrupts for vCPUs that sleep, run or are preempted, and prints how the run went.
 */
#include "meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bells.h"
#include "disturb.h"
#include "irq.h"
#include "util.h"

#define METER_ID 0x52544d50u

/* Registers; boot/qemu/meter.c says what they do. */
#define METER_REG_ID	  0x00
#define METER_REG_RUN	  0x04
#define METER_REG_FIRST	  0x08
#define METER_REG_COUNT	  0x0C
#define METER_REG_DELAY	  0x10
#define METER_REG_WINDOW  0x14
#define METER_REG_PERIOD  0x18
#define METER_REG_WANT	  0x1C
#define METER_REG_ARM	  0x20
#define METER_REG_STATE	  0x24
#define METER_REG_PROFILE 0x2C

#define WANT_USER	1u
#define WANT_GUEST	2u
#define WANT_HALTED	3u
#define WANT(what, cpu) ((what) << 8 | (uint32_t)(cpu))
#define NO_CPU		0xff

#define STATE_DONE    3u
#define STATE_GAVE_UP 4u

#define FIRST_VECTOR 0x30
#define VECTORS	     0xc0 /* after as many vCPUs they begin again */
#define GSI_FIRST    24
#define STRIDE	     7 /* from one target to the next: no divisor of a number of vCPUs */
#define PER_CPU	     128
#define WARM_UP	     8
#define PROFILED     6 /* samples of one vCPU whose functions are counted */

#define DELAY_NS  1000000u
#define MARGIN_NS 1000000u

struct meter {
	const struct run_config *c;
	struct bells bells;
	struct vm *vm;
	unsigned vms;
	uint32_t sent, seen, stuck;
};

static uint32_t meter_read(const struct meter *m, unsigned reg)
{
	return m->bells.dev.bar[reg / 4];
}

static void meter_write(const struct meter *m, unsigned reg, uint32_t value)
{
	m->bells.dev.bar[reg / 4] = value;
}

static struct vm_vcpu *vcpu_of(const struct meter *m, unsigned n)
{
	return &m->vm[n / L2_VCPUS].vcpu[n % L2_VCPUS];
}

static int pcpu_of(const struct meter *m, unsigned n)
{
	return 1 + (int)(n % m->c->spread);
}

static uint8_t vector_of(unsigned n)
{
	return (uint8_t)(FIRST_VECTOR + n % VECTORS);
}

static uint32_t seen_by(const struct meter *m, unsigned n)
{
	return m->vm[n / L2_VCPUS].shared->vcpu[n % L2_VCPUS].seen[vector_of(n)];
}

/* Each vCPU of guest @n has an interrupt of its own, by the device's vector of the same number. */
static void routes_set(const struct meter *m, unsigned n)
{
	union {
		struct kvm_irq_routing table;
		char bytes[sizeof(struct kvm_irq_routing) +
			   L2_VCPUS * sizeof(struct kvm_irq_routing_entry)];
	} route = {.table = {.nr = m->vm[n].vcpus}};

	for (unsigned i = 0; i < m->vm[n].vcpus; i++)
		route.table.entries[i] = (struct kvm_irq_routing_entry){
			.gsi = GSI_FIRST + i,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = {.address_lo = 0xfee00000u | i << 12,
				  .data = vector_of(n * L2_VCPUS + i)},
		};
	if (ioctl(m->vm[n].fd, KVM_SET_GSI_ROUTING, &route))
		die("routing");
}

static void irqfds(const struct meter *m, unsigned n, uint32_t flags)
{
	for (unsigned i = 0; i < m->vm[n].vcpus; i++) {
		struct kvm_irqfd irqfd = {.fd = (uint32_t)m->bells.eventfd[n * L2_VCPUS + i],
					  .gsi = GSI_FIRST + i,
					  .flags = flags};

		if (ioctl(m->vm[n].fd, KVM_IRQFD, &irqfd))
			die("irqfd");
	}
}

/*
 * A vector that the host takes itself is taken on the vCPU's own CPU, or on the next one. A CPU has
 * vectors for not even 256 interrupts.
 */
static void affinity_row(const char *line, void *ctx)
{
	const struct meter *m = ctx;
	const char *at = strstr(line, "vfio-msix[");
	char path[64], text[16];
	unsigned n;

	if (!at)
		return;
	n = (unsigned)strtoul(at + strlen("vfio-msix["), NULL, 10);
	snprintf(path, sizeof(path), "/proc/irq/%ld/smp_affinity_list", strtol(line, NULL, 10));
	snprintf(text, sizeof(text), "%d", pcpu_of(m, n) + (!m->c->here || n >= PER_CPU));
	if (!write_file(path, text))
		die("%s", path);
}

static void guests_create(struct meter *m)
{
	const struct run_config *c = m->c;

	m->vms = (c->vcpus + L2_VCPUS - 1) / L2_VCPUS;
	m->vm = calloc(m->vms, sizeof(*m->vm));
	if (!m->vm)
		die("guests");
	for (unsigned n = 0; n < m->vms; n++) {
		unsigned left = c->vcpus - n * L2_VCPUS, vcpus = left < L2_VCPUS ? left : L2_VCPUS;

		vm_create(&m->vm[n], vcpus, c->x2apic, false);
		m->vm[n].shared->target = vcpus - 1;
		for (unsigned i = 0; i < vcpus; i++)
			m->vm[n].shared->idle[i] = c->halt ? L2_HALT : L2_SPIN;
		routes_set(m, n);
		irqfds(m, n, 0);
	}
}

static void guests_start(struct meter *m)
{
	for (unsigned n = 0; n < m->vms; n++) {
		int pcpu[L2_VCPUS];

		for (unsigned i = 0; i < L2_VCPUS; i++)
			pcpu[i] = pcpu_of(m, n * L2_VCPUS + i);
		vm_start(&m->vm[n], pcpu);
	}
}

static void guests_destroy(struct meter *m)
{
	for (unsigned n = 0; n < m->vms; n++) {
		vm_stop(&m->vm[n]);
		irqfds(m, n, KVM_IRQFD_FLAG_DEASSIGN);
	}
	bells_close(&m->bells);
	for (unsigned n = 0; n < m->vms; n++)
		vm_destroy(&m->vm[n]);
	free(m->vm);
}

static void wait_asleep(struct meter *m, unsigned n)
{
	uint64_t start = now_ns();

	while (!vm_sleeps(&m->vm[n / L2_VCPUS], n % L2_VCPUS)) {
		if (now_ns() - start > 1000000000u) {
			m->stuck++;
			return;
		}
		sleep_until(now_ns() + 200000);
	}
}

static uint32_t wanted(const struct run_config *c)
{
	if (c->preempt)
		return WANT(WANT_USER, 1);
	return c->halt ? WANT(WANT_HALTED, NO_CPU) : WANT(WANT_GUEST, 1);
}

/* The meter raises at DELAY_NS and each period after it, until the machine is as it should be. */
static void wait_done(struct meter *m, uint64_t armed, uint64_t window, uint64_t period)
{
	uint64_t next = armed + DELAY_NS + window + MARGIN_NS;
	uint32_t state;

	do {
		sleep_until(next);
		next += period;
		state = meter_read(m, METER_REG_STATE);
	} while (state != STATE_DONE && state != STATE_GAVE_UP);
	m->stuck += state == STATE_GAVE_UP;
}

static uint32_t seen_of(const struct meter *m, unsigned first, unsigned n)
{
	uint32_t seen = 0;

	for (unsigned i = first; i < first + n; i++)
		seen += seen_by(m, i);
	return seen;
}

/* A preempted vCPU may get its CPU back only after the recording has ended. */
static uint32_t wait_seen(const struct meter *m, unsigned first, unsigned n, uint32_t due)
{
	for (unsigned turn = 0; turn < 50 && seen_of(m, first, n) < due; turn++)
		sleep_until(now_ns() + MARGIN_NS);
	return seen_of(m, first, n);
}

static void sample(struct meter *m, unsigned first, unsigned n)
{
	uint32_t window = m->c->gap_us * 1000, period = window + 3 * MARGIN_NS;
	uint32_t before = seen_of(m, first, n);

	for (unsigned i = first; i < first + n; i++)
		if (m->c->halt && !m->c->preempt)
			wait_asleep(m, i);
	meter_write(m, METER_REG_FIRST, first);
	meter_write(m, METER_REG_COUNT, n);
	meter_write(m, METER_REG_DELAY, DELAY_NS);
	meter_write(m, METER_REG_WINDOW, window);
	meter_write(m, METER_REG_PERIOD, period);
	meter_write(m, METER_REG_WANT, wanted(m->c));
	meter_write(m, METER_REG_ARM, 1);
	wait_done(m, now_ns(), window, period);
	m->sent += n;
	m->seen += wait_seen(m, first, n, before + n) - before;
}

/* Earlier runs were for warming up. */
static void begin(const struct meter *m)
{
	meter_write(m, METER_REG_RUN, (uint32_t)getpid());
	meter_write(m, METER_REG_PROFILE, m->c->vcpus == 1 ? PROFILED : 0);
}

static void samples(struct meter *m)
{
	const struct run_config *c = m->c;
	unsigned n = c->burst ? c->burst : 1;

	meter_write(m, METER_REG_RUN, 0); /* the first ones are not for the result */
	for (unsigned i = 0; i < WARM_UP + c->count && m->stuck < 3; i++) {
		if (i == WARM_UP)
			begin(m);
		sample(m, n == 1 ? i * STRIDE % c->vcpus : 0, n);
	}
}

static uint32_t odd_exits(const struct meter *m)
{
	uint32_t odd = 0;

	for (unsigned n = 0; n < m->c->vcpus; n++)
		odd |= vcpu_of(m, n)->odd_exit;
	return odd;
}

static void print(const struct meter *m, uint32_t odd, FILE *out)
{
	const struct run_config *c = m->c;

	fprintf(out,
		"{\"run\":\"%s\",\"kind\":\"%s\",\"meter\":%d,\"vcpus\":%u,\"burst\":%u,"
		"\"spread\":%u,\"idle\":\"%s\",\"apic\":\"%s\",\"preempt\":%s,\"here\":%s,"
		"\"window_us\":%u,\"samples\":%u,\"first_vector\":%u,\"vectors\":%u,\"sent\":%u,"
		"\"seen\":%u,\"stuck\":%u,",
		c->name, c->kind, getpid(), c->vcpus, c->burst ? c->burst : 1, c->spread,
		c->halt ? "halt" : "spin", c->x2apic ? "x2apic" : "xapic",
		c->preempt ? "true" : "false", c->here ? "true" : "false", c->gap_us, c->count,
		FIRST_VECTOR, VECTORS, m->sent, m->seen, m->stuck);
	if (odd)
		fprintf(out, "\"error\":\"exit %#x\"}\n", odd);
	else
		fputs("\"error\":null}\n", out);
	fflush(out);
}

static void refuse(const struct run_config *c)
{
	bool good = c->vcpus && c->vcpus <= BELLS_MAX && c->burst <= c->vcpus && c->spread &&
		    (int)c->spread < sysconf(_SC_NPROCESSORS_ONLN) && c->gap_us &&
		    (c->vcpus == 1 || (c->halt && !c->preempt));

	if (good)
		return;
	fprintf(stderr, "harness: %s: %s: not with these numbers\n", c->name, c->kind);
	exit(2);
}

int meter_run(const struct run_config *c, FILE *out)
{
	static struct meter m;
	uint32_t odd;

	refuse(c);
	m.c = c;
	pin_to(0);
	bells_open(&m.bells, PCI_METER, c->vcpus);
	errno = ENODEV;
	if (meter_read(&m, METER_REG_ID) != METER_ID)
		die("the meter");
	irq_rows(affinity_row, &m);
	irq_affinity("AMD-Vi", 0);
	guests_create(&m);
	guests_start(&m);
	disturb_begin(c, &m.vm[0]);
	samples(&m);
	disturb_end();
	odd = odd_exits(&m);
	guests_destroy(&m);
	print(&m, odd, out);
	return m.seen != m.sent || m.stuck || odd;
}
