/* SPDX-License-Identifier: MIT */
/*
 * Level-triggered lines of a guest's I/O APIC: the harness drives them as devices would, the
 * guest's handlers lower them, and each state that KVM reports is checked.
 */
#include "lines.h"

#include <string.h>
#include <sys/ioctl.h>

#include "util.h"

#define FIRST_PIN 20 /* the PIC has no such input */
#define APIC_PPR  0x0a0
#define APIC_ISR  0x100
#define APIC_TMR  0x180

static const uint8_t vectors[L2_LINES] = {[LINE_LOW] = 0x43, [LINE_HIGH] = 0x73};

static void drive(const struct lines *l, unsigned n, bool up)
{
	struct kvm_irq_level irq = {.irq = l->line[n].pin, .level = up};

	if (ioctl(l->vm->fd, KVM_IRQ_LINE, &irq))
		die("line %u", n);
}

static struct kvm_ioapic_state ioapic(const struct lines *l)
{
	struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_IOAPIC};

	if (ioctl(l->vm->fd, KVM_GET_IRQCHIP, &chip))
		die("I/O APIC");
	return chip.chip.ioapic;
}

static uint32_t apic_word(const struct kvm_lapic_state *apic, unsigned reg)
{
	uint32_t value;

	memcpy(&value, apic->regs + reg, sizeof(value));
	return value;
}

static bool apic_bit(const struct kvm_lapic_state *apic, unsigned reg, uint8_t vector)
{
	return apic_word(apic, reg + (vector >> 5) * 0x10) >> (vector & 31) & 1;
}

/* In a handler of line @n: its interrupt is the highest in service, and all that are, are. */
static void look(struct lines *l, struct vm_vcpu *vcpu, unsigned n, const char *when)
{
	struct kvm_ioapic_state chip = ioapic(l);
	struct kvm_lapic_state apic;

	if (ioctl(vcpu->fd, KVM_GET_LAPIC, &apic))
		die("local APIC");
	for (unsigned i = 0; i < l->n; i++) {
		const struct line *line = &l->line[i];
		bool in_service = l->in_service >> i & 1;

		check(&l->checks, when, "ISR has the lines in service, and no other",
		      apic_bit(&apic, APIC_ISR, line->vector) == in_service);
		if (in_service)
			check(&l->checks, when, "remote IRR of the lines in service",
			      chip.redirtbl[line->pin].fields.remote_irr);
	}
	check(&l->checks, when, "PPR is of its class",
	      apic_word(&apic, APIC_PPR) == (l->line[n].vector & 0xf0u));
	check(&l->checks, when, "TMR says level", apic_bit(&apic, APIC_TMR, l->line[n].vector));
	if (l->nested && n == LINE_LOW)
		check(&l->checks, when, "no remote IRR of the line whose EOI came first",
		      !chip.redirtbl[l->line[LINE_HIGH].pin].fields.remote_irr);
}

void lines_expect(struct lines *l, unsigned n)
{
	l->line[n].again = l->up;
	l->line[n].due += 1 + l->up;
}

static void serve(struct lines *l, unsigned n)
{
	struct line *line = &l->line[n];

	if (l->nested && n == LINE_LOW) {
		lines_expect(l, LINE_HIGH);
		drive(l, LINE_HIGH, true);
	}
	if (line->again) {
		line->again--;
		return;
	}
	if (l->edu)
		edu_acknowledge(l->edu);
	else if (!l->by_irqfd)
		drive(l, n, false);
	line->lowered++;
}

static void on_port(void *ctx, struct vm_vcpu *vcpu, uint16_t port, uint8_t value)
{
	struct lines *l = ctx;

	check(&l->checks, "port", "a line that there is", value < l->n);
	if (value >= l->n)
		return;
	if (port == L2_SERVE_PORT) {
		l->in_service |= 1u << value;
		look(l, vcpu, value, "at the begin");
		serve(l, value);
	} else {
		look(l, vcpu, value, "before EOI");
		l->in_service &= ~(1u << value);
	}
}

void lines_create(struct lines *l, struct vm *vm, unsigned n)
{
	memset(l, 0, sizeof(*l));
	l->vm = vm;
	l->n = n;
	vm->shared->lines = n;
	for (unsigned i = 0; i < n; i++) {
		l->line[i] = (struct line){.pin = FIRST_PIN + i, .vector = vectors[i]};
		vm->shared->line[i].pin = l->line[i].pin;
		vm->shared->line[i].vector = vectors[i];
	}
	vm->port = n ? on_port : NULL;
	vm->port_ctx = l;
}

void lines_raise(struct lines *l, unsigned n)
{
	lines_expect(l, n);
	drive(l, n, true);
}

void lines_resample(const struct lines *l, unsigned n, int eventfd, int resample, bool on)
{
	struct kvm_irqfd irqfd = {.fd = (uint32_t)eventfd,
				  .gsi = l->line[n].pin,
				  .flags = on ? KVM_IRQFD_FLAG_RESAMPLE : KVM_IRQFD_FLAG_DEASSIGN,
				  .resamplefd = (uint32_t)resample};

	if (ioctl(l->vm->fd, KVM_IRQFD, &irqfd))
		die("irqfd of line %u", n);
}

void lines_rest(struct lines *l)
{
	struct kvm_ioapic_state chip = ioapic(l);

	for (unsigned i = 0; i < l->n; i++) {
		uint32_t pin = l->line[i].pin;

		check(&l->checks, "after the last EOI", "no remote IRR",
		      !chip.redirtbl[pin].fields.remote_irr);
		check(&l->checks, "after the last EOI", "the line is down", !(chip.irr >> pin & 1));
	}
}

uint32_t lines_due(const struct lines *l)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < l->n; i++)
		n += l->line[i].due;
	return n;
}

uint32_t lines_seen(const struct lines *l)
{
	const volatile struct l2_shared *shared = l->vm->shared;
	uint32_t n = 0;

	for (unsigned i = 0; i < l->n; i++)
		n += shared->vcpu[shared->target].seen[l->line[i].vector];
	return n;
}

bool lines_good(const struct lines *l)
{
	return lines_seen(l) == lines_due(l) && !l->checks.failed;
}

void lines_print(const struct lines *l, FILE *out)
{
	const volatile struct l2_shared *shared = l->vm->shared;

	if (!l->n) {
		fputs("\"level\":null", out);
		return;
	}
	fprintf(out, "\"level\":{\"sent\":%u,\"due\":%u,\"seen\":%u,\"resampled\":%u,\"lines\":[",
		l->sent, lines_due(l), lines_seen(l), l->resampled);
	for (unsigned i = 0; i < l->n; i++)
		fprintf(out, "%s{\"pin\":\"%#x\",\"vector\":\"%#x\",\"due\":%u,\"seen\":%u}",
			i ? "," : "", l->line[i].pin, l->line[i].vector, l->line[i].due,
			shared->vcpu[shared->target].seen[l->line[i].vector]);
	fputs("],", out);
	checks_print(&l->checks, out);
	fputc('}', out);
}
