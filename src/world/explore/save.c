/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints: what each transition changes goes into a journal, so that the search goes back
 * without running the program again; and a hash of the whole state that is kept up to date from the
 * same changes.
 *
 * A state is the memory of the program, of each thread its stack, its store buffer and the rest of
 * what the engine knows of it, and the interrupts of the CPUs. A stack is compared as bytes from
 * the stack pointer on; what lies below is cleared whenever its thread stops, so that remains of
 * earlier calls do not tell equal states apart. Two states that differ in a dead byte only count as
 * two: that costs time, and nothing else.
 *
 * The hash has 128 bits: a sum of hashes of lines of memory, and of each thread and CPU. Two
 * different states with the same hash would be taken for one. With n states the probability of that
 * is about n * n / 2^129: less than 1e-24 for ten million.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "sanitizer.h"

#define LINE	  PX_LINE
#define DEAD_ZONE 2048u /* below the stack pointer */
#define FIRST	  (16u << 10)

bool px_hooked, px_check_writes;

/* The state after the last transition. */
static struct {
	char *memory; /* as large as the arena; lines that were never written hold what they held */
	uint8_t *dirty;	      /* of each line: on the list */
	uint8_t *ghost;	      /* of each line: has statistics */
	bool hashes;	      /* the following are kept */
	struct px_hash *hash; /* of each line */
	uint32_t *list;	      /* lines that may have changed since */
	uint32_t listed, lines;
	struct px_hash sum; /* of all lines */
	struct {
		char *image; /* of the stack, as large as the stack */
		size_t size; /* bytes from the stack pointer on */
		struct px_hash hash;
	} thread[PX_THREADS];
	struct px_hash cpus;
	/* Changes, the last one at the end. */
	char *journal;
	size_t used, room;
} save;

/* For all explorations of the process. */
static char *images[PX_THREADS];

#define STATE_OF(t) (&(t)->done)
#define STATE_SIZE  (offsetof(struct px_thread_state, buf) - offsetof(struct px_thread_state, done))

/* Last in each part of the journal, so that it can be read backwards. */
enum part { PART_LINE, PART_THREAD, PART_CPU };

struct part_end {
	uint32_t part, index, size;
};

bool px_can_save(void)
{
#ifdef PX_SANITIZED
	return false;
#else
	return true;
#endif
}

/* ---- hashes ---- */

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* Two independent chains of 64 bits; @bytes is a multiple of 8. */
static struct px_hash hash_of(const void *data, size_t bytes, uint64_t seed)
{
	uint64_t a = seed ^ 0x8ebc6af09c88c6e3ull, b = seed * 0x589965cc75374cc3ull + 1;
	const char *p = data;
	size_t i = 0;

	for (; i + 16 <= bytes; i += 16) {
		uint64_t w[2];

		memcpy(w, p + i, 16);
		a = mix(w[0] ^ a, w[1] ^ 0x9e3779b97f4a7c15ull) + w[0];
		b = mix(w[1] ^ b, w[0] ^ 0xe7037ed1a0b428dbull) + w[1];
	}
	if (i < bytes) {
		uint64_t w;

		memcpy(&w, p + i, 8);
		a = mix(a ^ w, 0xeb44accab455d165ull) + w;
		b = mix(b + w, 0xa3b195354a39b70dull) ^ w;
	}
	return (struct px_hash){mix(a ^ bytes, 0xa0761d6478bd642full) ^ a,
				mix(b ^ seed, 0xd6e8feb86659fd93ull) ^ b};
}

static void add(struct px_hash *sum, struct px_hash h)
{
	sum->lo += h.lo;
	sum->hi += h.hi + (sum->lo < h.lo);
}

static void subtract(struct px_hash *sum, struct px_hash h)
{
	sum->hi -= h.hi + (sum->lo < h.lo);
	sum->lo -= h.lo;
}

static void without_ghosts(char *line, const char *at)
{
	for (unsigned i = 0; i < px.ghosts; i++) {
		char *from = px.ghost[i].p, *to = from + px.ghost[i].size;

		from = from < at ? (char *)(uintptr_t)at : from;
		to = to > at + LINE ? (char *)(uintptr_t)at + LINE : to;
		if (from < to)
			memset(line + (from - at), 0, (size_t)(to - from));
	}
}

static struct px_hash line_hash(uint32_t i, const char *content)
{
	char copy[LINE];

	if (save.ghost[i]) {
		memcpy(copy, content, LINE);
		without_ghosts(copy, px.arena + (size_t)i * LINE);
		content = copy;
	}
	return hash_of(content, LINE, i);
}

static struct px_hash thread_hash(const struct px_thread_state *t)
{
	unsigned n = (unsigned)(t - px.thread);
	uint64_t rest[16 + 3 * PX_BUFFER], *w = rest;
	struct px_hash h = {0, 0};

	if (!t->done) /* else its stack means nothing */
		h = hash_of(t->fiber.sp, save.thread[n].size, n);
	*w++ = (uint64_t)(uint32_t)t->cpu | (uint64_t)t->irq_off << 32;
	*w++ = (uint64_t)t->next.op | (uint64_t)t->next.rmw << 16 | (uint64_t)t->next.size << 32;
	*w++ = (uintptr_t)t->next.addr;
	*w++ = t->next.val.lo;
	*w++ = t->next.val.hi;
	*w++ = t->next.want.lo;
	*w++ = t->next.want.hi;
	*w++ = (uintptr_t)t->last_addr;
	*w++ = t->last_val.lo;
	*w++ = t->last_val.hi;
	for (uint32_t i = t->head; i != t->tail; i++) {
		const struct px_buffered *b = &t->buf[i % PX_BUFFER];

		*w++ = (uintptr_t)b->addr;
		*w++ = b->val;
		*w++ = b->size;
	}
	*w++ = t->tail - t->head;
	add(&h, hash_of(rest, (size_t)(w - rest) * 8, 0x10000u + n));
	return h;
}

/* And of the memory that is gone. */
static struct px_hash cpu_hash(void)
{
	struct px_hash h = {0, 0};

	for (unsigned i = 0; i < PX_CPUS; i++) {
		uint64_t w[5];

		memcpy(w, px.cpu[i].pending, sizeof(px.cpu[i].pending));
		w[4] = (uint64_t)(int64_t)px.cpu[i].active;
		add(&h, hash_of(w, sizeof(w), 0x20000u + i));
	}
	for (unsigned i = 0; i < px.deads; i++)
		add(&h, hash_of(&px.dead[i].p, sizeof(px.dead[i].p), 0x30000u));
	return h;
}

struct px_hash px_state_hash(void)
{
	struct px_hash h = save.sum;

	add(&h, save.cpus);
	for (unsigned i = 0; i < px.threads; i++)
		add(&h, save.thread[i].hash);
	return h;
}

/* ---- the journal ---- */

static char *more(size_t size)
{
	if (save.room - save.used < size) {
		size_t room = save.room * 2 + size;
		char *p = realloc(save.journal, room);

		if (!p)
			return NULL;
		save.journal = p;
		save.room = room;
	}
	save.used += size;
	return save.journal + save.used - size;
}

static char *open_part(enum part part, uint32_t index, size_t size)
{
	const struct part_end end = {part, index, (uint32_t)size};
	char *p = more(size + sizeof(end));

	if (p)
		memcpy(p + size, &end, sizeof(end));
	return p;
}

size_t px_saved(void)
{
	return save.used;
}

/* ---- memory ---- */

void px_touch(const void *p, size_t size)
{
	const char *at = p;
	size_t last;

	if (!save.dirty || at < px.arena || at >= px.arena + px.arena_size)
		return;
	last = (size_t)(at + size - 1 - px.arena) / LINE;
	for (size_t i = (size_t)(at - px.arena) / LINE; i <= last && i < save.lines; i++) {
		if (save.dirty[i])
			continue;
		save.dirty[i] = 1;
		save.list[save.listed++] = (uint32_t)i;
	}
}

static void change_hash(uint32_t i, struct px_hash h)
{
	subtract(&save.sum, save.hash[i]);
	add(&save.sum, h);
	save.hash[i] = h;
}

static void search_for_changes(void)
{
	for (uint32_t i = 0; i < save.lines; i++)
		if (memcmp(px.arena + (size_t)i * LINE, save.memory + (size_t)i * LINE, LINE))
			px_touch(px.arena + (size_t)i * LINE, 1);
}

static int save_lines(void)
{
	uint32_t told = save.listed;

	if (!px_hooked || px_check_writes)
		search_for_changes();
	if (px_hooked && save.listed != told)
		return -EIO;
	while (save.listed) {
		uint32_t i = save.list[--save.listed];
		char *now = px.arena + (size_t)i * LINE, *was = save.memory + (size_t)i * LINE, *p;

		save.dirty[i] = 0;
		if (!memcmp(now, was, LINE))
			continue;
		p = open_part(PART_LINE, i, LINE + sizeof(struct px_hash));
		if (!p)
			return -ENOMEM;
		memcpy(p, was, LINE);
		memcpy(p + LINE, &save.hash[i], sizeof(struct px_hash));
		memcpy(was, now, LINE);
		if (save.hashes)
			change_hash(i, line_hash(i, was));
	}
	return 0;
}

static void undo_line(uint32_t i, const char *p)
{
	struct px_hash h;

	memcpy(save.memory + (size_t)i * LINE, p, LINE);
	memcpy(px.arena + (size_t)i * LINE, p, LINE);
	memcpy(&h, p + LINE, sizeof(h));
	change_hash(i, h);
}

void px_save_forget(void)
{
	if (!px_hooked)
		search_for_changes();
	while (save.listed) {
		size_t i = save.list[--save.listed];

		save.dirty[i] = 0;
		memcpy(px.arena + i * LINE, save.memory + i * LINE, LINE);
	}
}

/* ---- threads ---- */

static size_t live(const struct px_thread_state *t)
{
	return (size_t)(t->fiber.stack + t->fiber.size - (char *)t->fiber.sp);
}

static void clear_below(const struct px_thread_state *t)
{
	char *sp = t->fiber.sp;
	size_t room = (size_t)(sp - t->fiber.stack);

	room = room < DEAD_ZONE ? room : DEAD_ZONE;
	memset(sp - room, 0, room);
}

/* The thread as it is now becomes what the next change is compared with. */
static void take_image(unsigned n)
{
	struct px_thread_state *t = &px.thread[n];

	save.thread[n].size = live(t);
	memcpy(save.thread[n].image, t->fiber.sp, save.thread[n].size);
}

/* What a part PART_THREAD holds, before the stack: all of a thread but its stack and old stores. */
struct thread_part {
	struct px_hash hash;
	uint32_t stack; /* bytes; 0: the stack has not changed */
	uint32_t stores;
	char state[STATE_SIZE];
	struct px_buffered store[]; /* from the head on */
};

/* The state of each thread after the last transition, beside the stacks' images. */
static struct px_thread_state before[PX_THREADS];

static void remember(unsigned n)
{
	const struct px_thread_state *t = &px.thread[n];

	memcpy(STATE_OF(&before[n]), STATE_OF(t), STATE_SIZE);
	for (uint32_t i = t->head; i != t->tail; i++)
		before[n].buf[i % PX_BUFFER] = t->buf[i % PX_BUFFER];
}

static int save_thread(unsigned n, bool ran)
{
	const struct px_thread_state *was = &before[n];
	uint32_t stores = was->tail - was->head;
	size_t stack = ran ? save.thread[n].size : 0;
	size_t head = sizeof(struct thread_part) + stores * sizeof(struct px_buffered);
	char *p = open_part(PART_THREAD, n, head + stack);
	struct thread_part part = {save.thread[n].hash, (uint32_t)stack, stores, {0}};

	if (!p)
		return -ENOMEM;
	memcpy(part.state, STATE_OF(was), STATE_SIZE);
	memcpy(p, &part, sizeof(part));
	for (uint32_t i = 0; i < stores; i++)
		memcpy(p + sizeof(part) + i * sizeof(struct px_buffered),
		       &was->buf[(was->head + i) % PX_BUFFER], sizeof(struct px_buffered));
	if (ran) {
		memcpy(p + head, save.thread[n].image, stack);
		clear_below(&px.thread[n]);
		take_image(n);
	}
	remember(n);
	if (save.hashes)
		save.thread[n].hash = thread_hash(&px.thread[n]);
	return 0;
}

static void undo_thread(unsigned n, const char *p)
{
	struct px_thread_state *t = &px.thread[n];
	struct thread_part part;

	memcpy(&part, p, sizeof(part));
	memcpy(STATE_OF(t), part.state, STATE_SIZE);
	p += sizeof(part);
	for (uint32_t i = 0; i < part.stores; i++, p += sizeof(struct px_buffered))
		memcpy(&t->buf[(t->head + i) % PX_BUFFER], p, sizeof(struct px_buffered));
	if (part.stack) {
		char *top = t->fiber.stack + t->fiber.size;

		memcpy(top - part.stack, p, part.stack);
		memcpy(save.thread[n].image, p, part.stack);
		save.thread[n].size = part.stack;
		t->fiber.sp = top - part.stack;
	}
	remember(n);
	save.thread[n].hash = part.hash;
}

/* ---- CPUs ---- */

static struct px_cpu_state cpus_before[PX_CPUS];

struct cpus_part {
	struct px_cpu_state cpu[PX_CPUS];
	struct px_hash hash;
	unsigned deads;
};

static unsigned deads_before;

static int save_cpus(void)
{
	struct cpus_part part;
	char *p = open_part(PART_CPU, 0, sizeof(part));

	if (!p)
		return -ENOMEM;
	memcpy(part.cpu, cpus_before, sizeof(part.cpu));
	part.hash = save.cpus;
	part.deads = deads_before;
	memcpy(p, &part, sizeof(part));
	memcpy(cpus_before, px.cpu, sizeof(px.cpu));
	deads_before = px.deads;
	if (save.hashes)
		save.cpus = cpu_hash();
	return 0;
}

static void undo_cpus(const char *p)
{
	struct cpus_part part;

	memcpy(&part, p, sizeof(part));
	memcpy(px.cpu, part.cpu, sizeof(px.cpu));
	memcpy(cpus_before, part.cpu, sizeof(px.cpu));
	px.deads = deads_before = part.deads;
	save.cpus = part.hash;
}

/* ---- the whole ---- */

static bool changes_cpus(enum px_op op)
{
	return op == PX_OP_SEND || op == PX_OP_BEGIN || op == PX_OP_END || px.deads != deads_before;
}

int px_save_step(unsigned proc, enum px_op op)
{
	int err = save_lines();

	if (!err)
		err = save_thread(proc % PX_THREADS, proc < PX_THREADS);
	if (!err && changes_cpus(op))
		err = save_cpus();
	return err;
}

void px_undo(size_t saved)
{
	while (save.used > saved) {
		struct part_end end;
		const char *p;

		save.used -= sizeof(end);
		memcpy(&end, save.journal + save.used, sizeof(end));
		save.used -= end.size;
		p = save.journal + save.used;
		if (end.part == PART_LINE)
			undo_line(end.index, p);
		else if (end.part == PART_THREAD)
			undo_thread(end.index, p);
		else
			undo_cpus(p);
	}
	px.failed = false;
}

static void mark_ghosts(void)
{
	memset(save.ghost, 0, save.lines);
	for (unsigned g = 0; g < px.ghosts; g++) {
		size_t first = (size_t)(px.ghost[g].p - px.arena) / LINE;
		size_t last = (size_t)(px.ghost[g].p + px.ghost[g].size - 1 - px.arena) / LINE;

		for (size_t i = first; i <= last && i < save.lines; i++)
			save.ghost[i] = 1;
	}
}

static int make_room(void)
{
	save.lines = (uint32_t)((px.arena_used + LINE - 1) / LINE);
	save.memory = aligned_alloc(LINE, (size_t)save.lines * LINE);
	save.dirty = calloc(save.lines, 1);
	save.ghost = calloc(save.lines, 1);
	save.list = calloc(save.lines, sizeof(*save.list));
	save.hash = calloc(save.lines, sizeof(*save.hash));
	save.journal = malloc(FIRST);
	if (!save.memory || !save.dirty || !save.ghost || !save.list || !save.hash || !save.journal)
		return -ENOMEM;
	save.room = FIRST;
	for (unsigned i = 0; i < px.threads; i++) {
		if (!images[i])
			images[i] = malloc(PX_STACK);
		save.thread[i].image = images[i];
		if (!images[i])
			return -ENOMEM;
	}
	mark_ghosts();
	return 0;
}

int px_save_start(bool hash)
{
	if (!save.memory) {
		int err = make_room();

		if (err)
			return err;
	}
	memcpy(save.memory, px.arena, (size_t)save.lines * LINE);
	memset(save.dirty, 0, save.lines);
	save.listed = 0;
	save.used = 0;
	save.hashes = hash;
	for (uint32_t i = 0; i < save.lines && hash; i++)
		change_hash(i, line_hash(i, save.memory + (size_t)i * LINE));
	for (unsigned i = 0; i < px.threads; i++) {
		clear_below(&px.thread[i]);
		take_image(i);
		remember(i);
		if (hash)
			save.thread[i].hash = thread_hash(&px.thread[i]);
	}
	memcpy(cpus_before, px.cpu, sizeof(px.cpu));
	deads_before = px.deads;
	save.cpus = cpu_hash();
	return 0;
}

void px_save_free(void)
{
	free(save.memory);
	free(save.dirty);
	free(save.ghost);
	free(save.list);
	free(save.hash);
	free(save.journal);
	memset(&save, 0, sizeof(save));
}
