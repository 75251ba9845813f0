/* SPDX-License-Identifier: MIT */
/* A guest under KVM: memory, vCPU threads, local APICs, interrupt routes and irqfds. */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"

extern const char l2_image[], l2_image_end[];

#define MAX_CPUID 128

static void on_kick(int sig)
{
	(void)sig;
}

static void cpuid_set(struct vm *vm, struct vm_vcpu *vcpu)
{
	struct kvm_cpuid2 *id =
		calloc(1, sizeof(*id) + MAX_CPUID * sizeof(struct kvm_cpuid_entry2));

	if (!id)
		die("CPUID");
	id->nent = MAX_CPUID;
	if (ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, id))
		die("supported CPUID");
	for (unsigned i = 0; i < id->nent; i++) {
		struct kvm_cpuid_entry2 *e = &id->entries[i];

		if (e->function == 1) {
			e->ebx = (e->ebx & 0x00ffffff) | vcpu->id << 24;
			e->ecx = vm->x2apic ? e->ecx | 1u << 21 : e->ecx & ~(1u << 21);
		}
		if (e->function == 0xb || e->function == 0x1f)
			e->edx = vcpu->id;
	}
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, id))
		die("CPUID of vCPU %u", vcpu->id);
	free(id);
}

static void flat(struct kvm_segment *s, uint16_t selector, uint8_t type)
{
	*s = (struct kvm_segment){.limit = 0xffffffff,
				  .selector = selector,
				  .type = type,
				  .present = 1,
				  .db = 1,
				  .s = 1,
				  .g = 1};
}

static void registers_set(struct vm_vcpu *vcpu)
{
	struct kvm_mp_state state = {.mp_state = KVM_MP_STATE_RUNNABLE};
	struct kvm_regs regs = {.rip = L2_ENTRY,
				.rflags = 2,
				.rax = vcpu->id,
				.rsp = L2_STACKS + (vcpu->id + 1) * L2_STACK_SIZE};
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		die("registers of vCPU %u", vcpu->id);
	flat(&sregs.cs, 0x08, 0xb);
	flat(&sregs.ds, 0x10, 0x3);
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	sregs.cr0 |= 1;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) || ioctl(vcpu->fd, KVM_SET_REGS, &regs) ||
	    ioctl(vcpu->fd, KVM_SET_MP_STATE, &state))
		die("registers of vCPU %u", vcpu->id);
}

static void vcpu_create(struct vm *vm, unsigned id)
{
	struct vm_vcpu *vcpu = &vm->vcpu[id];
	int size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	if (vcpu->fd < 0 || size < 0)
		die("vCPU %u", id);
	vcpu->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		die("vCPU %u", id);
	cpuid_set(vm, vcpu);
	registers_set(vcpu);
}

static void memory_create(struct vm *vm)
{
	struct kvm_userspace_memory_region region = {.memory_size = L2_MEMORY};

	vm->memory =
		mmap(NULL, L2_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->memory == MAP_FAILED)
		die("guest memory");
	memcpy((char *)vm->memory + L2_ENTRY, l2_image, (size_t)(l2_image_end - l2_image));
	vm->shared = (volatile struct l2_shared *)((char *)vm->memory + L2_SHARED);
	region.userspace_addr = (uint64_t)(uintptr_t)vm->memory;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		die("guest memory");
}

/* Without lines there is no I/O APIC either, since it would need EOIs. */
static void irqchip_create(struct vm *vm, bool ioapic)
{
	struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};

	if (ioapic ? ioctl(vm->fd, KVM_CREATE_IRQCHIP) : ioctl(vm->fd, KVM_ENABLE_CAP, &split))
		die("interrupt controllers");
}

static unsigned guests, guest_vcpus;

unsigned vm_guests(void)
{
	return guests;
}

unsigned vm_vcpus(void)
{
	return guest_vcpus;
}

void vm_create(struct vm *vm, unsigned vcpus, bool x2apic, bool ioapic)
{
	memset(vm, 0, sizeof(*vm));
	vm->vcpus = vcpus;
	vm->x2apic = x2apic;
	vm->spare = -1;
	guests++;
	guest_vcpus += vcpus;
	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		die("/dev/kvm");
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		die("guest");
	irqchip_create(vm, ioapic);
	memory_create(vm);
	vm->shared->x2apic = x2apic;
	for (unsigned i = 0; i < vcpus; i++)
		vcpu_create(vm, i);
}

/* True for a write of one byte to an expected port; all other exits are errors. */
static bool port_written(struct vm_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	uint16_t port = run->io.port;

	if (run->exit_reason != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT ||
	    (port != L2_SERVE_PORT && port != L2_LEAVE_PORT) || !vcpu->vm->port)
		return false;
	vcpu->vm->port(vcpu->vm->port_ctx, vcpu, port,
		       *((const uint8_t *)run + run->io.data_offset));
	return true;
}

static void *vcpu_thread(void *arg)
{
	struct vm_vcpu *vcpu = arg;

	vcpu->tid = gettid();
	pin_to(vcpu->pcpu);
	while (!vcpu->stop) {
		int r = ioctl(vcpu->fd, KVM_RUN, 0);

		vcpu->user_exits++;
		if (r < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (!r && port_written(vcpu))
			continue;
		vcpu->odd_exit = r < 0 ? 0x1000u + (uint32_t)errno : vcpu->run->exit_reason;
		return NULL;
	}
	return NULL;
}

static bool all_ready(const struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpus; i++)
		if (!vm->shared->vcpu[i].ready && !vm->vcpu[i].odd_exit)
			return false;
	return true;
}

void vm_start(struct vm *vm, const int *pcpu)
{
	struct sigaction kick = {.sa_handler = on_kick};
	uint64_t end = now_ns() + 5000000000u;

	sigaction(SIGUSR1, &kick, NULL);
	for (unsigned i = 0; i < vm->vcpus; i++) {
		vm->vcpu[i].pcpu = pcpu[i];
		if (pthread_create(&vm->vcpu[i].thread, NULL, vcpu_thread, &vm->vcpu[i]))
			die("thread of vCPU %u", i);
	}
	while (!all_ready(vm)) {
		if (now_ns() > end) {
			errno = ETIMEDOUT;
			die("the guest does not start");
		}
		sleep_until(now_ns() + 1000000);
	}
}

void vm_stop(struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpus; i++) {
		struct vm_vcpu *vcpu = &vm->vcpu[i];

		vcpu->stop = true;
		vcpu->run->immediate_exit = 1;
		pthread_kill(vcpu->thread, SIGUSR1);
		pthread_join(vcpu->thread, NULL);
	}
}

bool vm_sleeps(const struct vm *vm, unsigned vcpu)
{
	char path[48], text[128], *end;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", vm->vcpu[vcpu].tid);
	if (read_file(path, text, sizeof(text)) < 0)
		return false;
	/* the state follows the name, which is in brackets */
	end = strrchr(text, ')');
	return end && end[1] == ' ' && end[2] == 'S';
}

uint32_t vm_displaced(const struct vm *vm, unsigned vcpu)
{
	char path[48], text[4096];
	const char *line = text;
	uint32_t n = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", vm->vcpu[vcpu].tid);
	if (read_file(path, text, sizeof(text)) < 0)
		return 0;
	/* voluntary_ctxt_switches and nonvoluntary_ctxt_switches */
	while ((line = strstr(line, "voluntary_ctxt_switches:"))) {
		line = strchr(line, ':') + 1;
		n += (uint32_t)strtoul(line, NULL, 10);
	}
	return n;
}

void vm_destroy(struct vm *vm)
{
	int size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	for (unsigned i = 0; i < vm->vcpus; i++) {
		munmap(vm->vcpu[i].run, (size_t)size);
		close(vm->vcpu[i].fd);
	}
	if (vm->spare >= 0)
		close(vm->spare);
	close(vm->fd);
	close(vm->kvm);
	munmap(vm->memory, L2_MEMORY);
}

static void route_set(struct vm *vm)
{
	uint32_t lines = vm->shared->lines;
	union {
		struct kvm_irq_routing table;
		char bytes[sizeof(struct kvm_irq_routing) +
			   (VM_MSIS + L2_LINES) * sizeof(struct kvm_irq_routing_entry)];
	} route = {.table = {.nr = vm->msis + lines}};

	for (unsigned i = 0; i < vm->msis; i++)
		route.table.entries[i] = (struct kvm_irq_routing_entry){
			.gsi = vm->msi[i].gsi,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = {.address_lo = 0xfee00000u | vm->msi[i].vcpu << 12,
				  .data = vm->msi[i].vector},
		};
	for (uint32_t i = 0; i < lines; i++) {
		uint32_t pin = vm->shared->line[i].pin;

		route.table.entries[vm->msis + i] = (struct kvm_irq_routing_entry){
			.gsi = pin,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = {.irqchip = KVM_IRQCHIP_IOAPIC, .pin = pin},
		};
	}
	if (ioctl(vm->fd, KVM_SET_GSI_ROUTING, &route))
		die("routing");
}

/* An unchanged route is not set again: KVM would set every interrupt's remapping entry. */
static void msi_set(struct vm *vm, const struct vm_msi *msi)
{
	unsigned i = 0;

	while (i < vm->msis && vm->msi[i].gsi != msi->gsi)
		i++;
	errno = ENOSPC;
	if (i == VM_MSIS)
		die("interrupt %u", msi->gsi);
	if (i < vm->msis && vm->msi[i].vcpu == msi->vcpu && vm->msi[i].vector == msi->vector)
		return;
	vm->msis += i == vm->msis;
	vm->msi[i] = *msi;
	route_set(vm);
}

void vm_irqfd(struct vm *vm, uint32_t gsi, unsigned vcpu, uint8_t vector, int eventfd, bool on)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)eventfd, .gsi = gsi, .flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN};

	if (on)
		msi_set(vm, &(struct vm_msi){gsi, vcpu, vector});
	if (ioctl(vm->fd, KVM_IRQFD, &irqfd))
		die("irqfd");
}

void vm_inhibit(struct vm *vm, bool on)
{
	struct kvm_guest_debug debug = {.control = on ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ
						      : 0};

	if (vm->spare < 0)
		vm->spare = ioctl(vm->fd, KVM_CREATE_VCPU, vm->vcpus);
	if (vm->spare < 0 || ioctl(vm->spare, KVM_SET_GUEST_DEBUG, &debug))
		die("inhibiting AVIC");
}

void vm_move(struct vm *vm, unsigned vcpu, int pcpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(pcpu, &set);
	vm->vcpu[vcpu].pcpu = pcpu;
	if (pthread_setaffinity_np(vm->vcpu[vcpu].thread, sizeof(set), &set))
		die("moving vCPU %u", vcpu);
}
