/* SPDX-License-Identifier: MIT */
/*
 * The summary of a recording: what was skipped while it was read; and after the last line whether
 * there is anything to replay, who is the load, which CPUs there are.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rec_import.h"

void pn_rec_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

void pn_rec_skip(struct pn_rec_import *im, const char *kind, size_t len, uint64_t count)
{
	struct pn_rec_summary *s = &im->rec->sum;
	unsigned i;

	if (len >= sizeof(s->skip[0].kind))
		len = sizeof(s->skip[0].kind) - 1;
	for (i = 0; i < s->skips; i++)
		if (!strncmp(s->skip[i].kind, kind, len) && !s->skip[i].kind[len])
			break;
	if (i == PN_REC_MAX_SKIP - 1 && i == s->skips) {
		kind = "other events";
		len = strlen(kind);
	} else if (i == PN_REC_MAX_SKIP) {
		i--;
	}
	if (i == s->skips) {
		memcpy(s->skip[i].kind, kind, len);
		s->skip[i].kind[len] = 0;
		s->skip[i].first_line = pn_rec_text_line(im->text);
		s->skips++;
	}
	s->skip[i].count += count;
}

/* "3 sched_switch, ": appends to @buf, which has @n characters; returns how many then. */
static size_t add(char *buf, size_t size, size_t n, uint64_t count, const char *what)
{
	int more;

	if (!count || n >= size)
		return n;
	more = snprintf(buf + n, size - n, "%s%llu %s", n ? ", " : "", (unsigned long long)count,
			what);
	return more > 0 ? n + (size_t)more : n;
}

/* Nothing but notifications of posted MSIs: each stands for an interrupt, or for several. */
static int take_notifications(struct pn_rec_import *im)
{
	static const struct pn_rec_line line = {.name = {"posted MSI", 10},
						.number = PN_REC_POSTED_MSI};
	struct pn_rec_summary *s = &im->rec->sum;
	uint32_t index;

	if (pn_rec_line_index(&im->lines, s, &line, &index))
		return pn_rec_no_memory(im);
	s->from_vectors = true;
	s->slots = 1;
	s->interrupts = s->line[index].count = s->posted_msi;
	return 0;
}

static int no_interrupts(struct pn_rec_import *im)
{
	const struct pn_rec_summary *s = &im->rec->sum;
	char found[320] = "", name[48];
	size_t n = 0;

	if (!s->text_lines)
		return pn_rec_bad(im, -ENODATA, "the file is empty");
	if (im->lacks_line)
		return pn_diag_set(im->d, -EINVAL, s->path, im->lacks_line, "%s", im->lacks);
	n = add(found, sizeof(found), n, s->switches, "sched_switch");
	n = add(found, sizeof(found), n, s->exits, "irq_handler_exit");
	n = add(found, sizeof(found), n, s->vm_entries, "kvm_entry");
	n = add(found, sizeof(found), n, s->vm_exits.all, "kvm_exit");
	for (unsigned i = 0; i < s->vectors.names; i++) {
		snprintf(name, sizeof(name), "%s_entry", s->vectors.of[i].name);
		n = add(found, sizeof(found), n, s->vectors.of[i].count, name);
	}
	for (unsigned i = 0; i < s->kvm.names; i++)
		n = add(found, sizeof(found), n, s->kvm.of[i].count, s->kvm.of[i].name);
	for (unsigned i = 0; i < s->skips; i++)
		n = add(found, sizeof(found), n, s->skip[i].count, s->skip[i].kind);
	return pn_rec_bad(im, -ENODATA, "no irq_handler_entry events (found: %s)", found);
}

/* From order of appearance to order of the recording's numbers; and the first task of each CPU. */
static void order_cpus(struct pn_rec_import *im)
{
	struct pn_recording *rec = im->rec;
	struct pn_rec_summary *s = &rec->sum;
	uint32_t n = 0;

	for (uint32_t number = 0; number < PN_REC_CPU_NUMBERS; number++) {
		unsigned i = im->seen[number];

		if (!i--)
			continue;
		rec->cpu[i] = (uint16_t)n;
		rec->runs_first[n] = !rec->is_load || im->cpu[i].first == PN_TASK_UNKNOWN ||
				     rec->is_load[im->cpu[i].first];
		s->cpu_number[n++] = number;
		if (im->cpu[i].interrupts > s->busiest)
			s->busiest = im->cpu[i].interrupts;
	}
}

static int choose_load(struct pn_rec_import *im)
{
	struct pn_rec_summary *s = &im->rec->sum;
	struct pn_rec_choice load;
	char names[200];
	int err = pn_rec_choose_load(&im->tasks, im->hints->load, &load);

	if (err == -ESRCH) {
		pn_rec_busiest(&im->tasks, names, sizeof(names));
		return pn_rec_bad(im, err, "--load %.64s: no such task (there is %s)",
				  im->hints->load, names[0] ? names : "none with a name");
	}
	if (err)
		return pn_rec_no_memory(im);
	im->rec->is_load = load.is_load;
	im->rec->tasks = im->tasks.n;
	s->load_threads = load.threads;
	memcpy(s->load_comm, load.name, sizeof(s->load_comm));
	memcpy(s->load_why, load.why, sizeof(s->load_why));
	return 0;
}

int pn_rec_finish(struct pn_rec_import *im)
{
	struct pn_rec_summary *s = &im->rec->sum;
	int err;

	if (!s->interrupts && !s->posted_msi)
		return no_interrupts(im);
	err = s->interrupts ? 0 : take_notifications(im);
	if (err)
		return err;
	err = pn_rec_store_finish(im->store);
	if (err)
		return pn_rec_bad(im, err, "temporary file: %s", strerror(-err));
	s->span_ns = im->newest - s->first_ns;
	err = choose_load(im);
	if (err)
		return err;
	order_cpus(im);
	for (uint32_t i = 0; i < s->lines; i++)
		pn_rec_printable(s->line[i].name);
	return 0;
}
