/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_VM_H
#define POSTERN_L1_VM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "../l2/l2.h"

struct vm;

struct vm_vcpu {
	struct vm *vm;
	unsigned id;
	int fd, pcpu;
	struct kvm_run *run;
	pthread_t thread;
	volatile int tid;
	volatile bool stop;
	uint32_t odd_exit; /* an exit to user space that the guest should never cause, or 0 */
	uint64_t user_exits;
};

#define VM_MSIS 72

/* An interrupt of the guest's that is a message. */
struct vm_msi {
	uint32_t gsi;
	unsigned vcpu;
	uint8_t vector;
};

/*
 * A guest: the program in l2/, its local APICs in the kernel, up to L2_VCPUS vCPUs; if it has lines
 * (l2_shared.lines), also the I/O APIC, and the PIC, to which nothing is routed. No PIT.
 */
struct vm {
	int kvm, fd;
	void *memory;
	volatile struct l2_shared *shared;
	unsigned vcpus;
	bool x2apic;
	struct vm_vcpu vcpu[L2_VCPUS];
	struct vm_msi msi[VM_MSIS];
	unsigned msis;
	int spare; /* a vCPU that never runs, or -1 */
	/* Set before vm_start(): the guest wrote @value to L2_SERVE_PORT or L2_LEAVE_PORT. Called
	 * by the vCPU's thread, and the guest goes on when it returns. */
	void (*port)(void *ctx, struct vm_vcpu *vcpu, uint16_t port, uint8_t value);
	void *port_ctx;
};

void vm_create(struct vm *vm, unsigned vcpus, bool x2apic, bool ioapic);
/* How many guests there have been, and their vCPUs that ran. */
unsigned vm_guests(void);
unsigned vm_vcpus(void);
/* vCPU n runs on host CPU pcpu[n]. Returns when every vCPU has its APIC enabled. */
void vm_start(struct vm *vm, const int *pcpu);
/* Stops the vCPUs; safe for those that sleep. */
void vm_stop(struct vm *vm);
/*
 * The vCPU's thread sleeps: its guest has halted, and KVM has nothing for it. False: it does not
 * sleep.
 */
bool vm_sleeps(const struct vm *vm, unsigned vcpu);
/* How often the vCPU's thread has been taken off its CPU, or has left it. */
uint32_t vm_displaced(const struct vm *vm, unsigned vcpu);
void vm_destroy(struct vm *vm);
/* Inhibits AVIC for the guest, or allows it again, by way of a vCPU that never runs. */
void vm_inhibit(struct vm *vm, bool on);
/* The vCPU's thread runs on this CPU from now on. */
void vm_move(struct vm *vm, unsigned vcpu, int pcpu);
/*
 * Interrupt @gsi is the message that sends @vector to @vcpu, raised by @eventfd. The pins of the
 * guest's lines are interrupts of the same number.
 */
void vm_irqfd(struct vm *vm, uint32_t gsi, unsigned vcpu, uint8_t vector, int eventfd, bool on);

#endif
