/* SPDX-License-Identifier: MIT */
/* Checks of a scenario: no vCPU, and on bare metal no CPU, runs out of vectors for its devices. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scenario_build.h"
#include "vectors.h"

#define FIRST_VECTOR 0x31u /* that a guest gives to devices */
#define LAST_VECTOR  0xebu /* the guest timer has 0xec */
#define HOST_VECTORS (PN_VEC_DEVICE_LAST - PN_VEC_DEVICE_FIRST + 1u)

/* The vectors that one vCPU's guest has given to devices. */
struct vectors {
	uint32_t fixed[8];
	uint32_t n; /* of FIRST_VECTOR .. LAST_VECTOR */
};

/* Its vector is one of those that are given out to devices. */
static bool in_range(const struct pn_sc_ipi *ipi)
{
	return ipi && ipi->vector >= FIRST_VECTOR && ipi->vector <= LAST_VECTOR;
}

/* One queue takes a vector of its vCPU. */
static int take(struct pn_sc_build *b, struct pn_sc_section *s, struct vectors *v, uint32_t vcpu,
		const struct pn_sc_ipi *ipi, struct pn_diag *d)
{
	uint32_t room = LAST_VECTOR - FIRST_VECTOR + 1 - in_range(ipi);
	const struct pn_sc_device *dev = &b->sc->device[s->index];
	uint8_t vec = dev->vector;

	if (vec == PN_SC_GUEST_TIMER)
		return pn_sc_refuse(b, s, PN_SC_KEYS("vector", "queues"), d,
				    "vector 0x%x is the guest timer's (expected another one)", vec);
	if (vec && ipi && vec == ipi->vector)
		return pn_sc_refuse(
			b, s, PN_SC_KEYS("vector"), d,
			"vector 0x%x is that of [ipi %s], whose IPIs go to the same vCPUs "
			"(expected another one)",
			vec, ipi->name);
	if (vec && v->fixed[vec >> 5] & 1u << (vec & 31))
		return pn_sc_refuse(b, s, PN_SC_KEYS("vector", "queues"), d,
				    "vector 0x%x of vCPU %u of VM %s is given out twice", vec, vcpu,
				    dev->vm);
	if (vec)
		v->fixed[vec >> 5] |= 1u << (vec & 31);
	if (!vec || (vec >= FIRST_VECTOR && vec <= LAST_VECTOR))
		v->n++;
	if (v->n > room)
		return pn_sc_refuse(b, s, PN_SC_KEYS("queues", "count"), d,
				    "vCPU %u of VM %s runs out of vectors: more than %u queues "
				    "interrupt it (0x%x .. 0x%x)",
				    vcpu, dev->vm, room, FIRST_VECTOR, LAST_VECTOR);
	return 0;
}

static int take_all(struct pn_sc_build *b, struct pn_sc_section *s, const struct pn_sc_vm *vm,
		    struct vectors *of_vm, struct pn_diag *d)
{
	const struct pn_sc_device *dev = &b->sc->device[s->index];
	const struct pn_sc_ipi *ipi = pn_sc_ipi_of(b->sc, vm);
	uint32_t queues = pn_sc_queues_of(b->sc, dev);

	for (uint32_t k = 0; k < dev->count; k++) {
		struct vectors *of_one = of_vm + (size_t)(k % vm->count) * vm->vcpus;

		for (uint32_t q = 0; q < queues; q++) {
			uint32_t vcpu = (dev->first_vcpu + q) % vm->vcpus;
			int err = take(b, s, &of_one[vcpu], vcpu, ipi, d);

			if (err)
				return err;
		}
	}
	return 0;
}

static int check_guests(struct pn_sc_build *b, struct pn_diag *d)
{
	struct pn_scenario *sc = b->sc;
	int err = 0;

	for (unsigned v = 0; v < sc->vms && !err; v++) {
		struct pn_sc_vm *vm = &sc->vm[v];
		struct vectors *of_vm = calloc((size_t)vm->vcpus * vm->count, sizeof(*of_vm));

		if (!of_vm)
			return pn_diag_set(d, -ENOMEM, b->path, 0, "out of memory");
		for (unsigned i = 0; i < sc->devices && !err; i++)
			if (!strcmp(sc->device[i].vm, vm->name))
				err = take_all(b, pn_sc_find(b, PN_SC_DEVICE, i), vm, of_vm, d);
		free(of_vm);
	}
	return err;
}

/* Bare metal: as many queues on each CPU as the host has vectors for devices. */
static int check_host(struct pn_sc_build *b, struct pn_diag *d)
{
	static const char *const keys[] = {"queues", "count", NULL};
	const struct pn_scenario *sc = b->sc;
	uint64_t on[PN_MAX_PCPUS] = {0};

	for (unsigned i = 0; i < sc->devices; i++) {
		const struct pn_sc_device *dev = &sc->device[i];

		for (uint32_t q = 0; q < pn_sc_queues_of(sc, dev); q++) {
			uint32_t cpu = (dev->first_pcpu + q) % sc->machine.pcpus;

			on[cpu] += dev->count;
			if (on[cpu] > HOST_VECTORS)
				return pn_sc_refuse(b, pn_sc_find(b, PN_SC_DEVICE, i), keys, d,
						    "CPU %u runs out of vectors: more than %u "
						    "queues interrupt it (0x%x .. 0x%x)",
						    cpu, HOST_VECTORS, PN_VEC_DEVICE_FIRST,
						    PN_VEC_DEVICE_LAST);
		}
	}
	return 0;
}

int pn_sc_check_vectors(struct pn_sc_build *b, struct pn_diag *d)
{
	return b->sc->work == PN_WORK_BARE ? check_host(b, d) : check_guests(b, d);
}
