/* SPDX-License-Identifier: MIT */
/* The verdicts of the explorer on programs that hang, fail, end early, or cannot be explored. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"

#define LIVELOCK_STEPS 500

/* Places on 16 bytes each. */
struct memory {
	struct {
		uint32_t v __attribute__((aligned(16)));
	} word[4];
	struct pn_lock lock[2] __attribute__((aligned(16)));
	uint32_t read[4];
};

static struct memory *mem;

static uint32_t *word(unsigned i)
{
	return &mem->word[i].v;
}

static void memory(void)
{
	mem = px_alloc(sizeof(*mem), 64);
}

/* ---- locks ---- */

static void take_both(void *arg)
{
	unsigned first = arg ? 1 : 0;

	pn_lock_take(&mem->lock[first]);
	pn_lock_take(&mem->lock[!first]);
	pn_lock_drop(&mem->lock[!first]);
	pn_lock_drop(&mem->lock[first]);
}

static void same_order(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, take_both, NULL);
	px_thread("B", 1, take_both, NULL);
}

static void other_order(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, take_both, NULL);
	px_thread("B", 1, take_both, (void *)(uintptr_t) "the other way round");
}

static void lock_irqs_on(void *arg)
{
	(void)arg;
	px_send(0, 32);
	pn_lock_take(&mem->lock[0]);
	pn_lock_drop(&mem->lock[0]);
}

static void lock_irqs_off(void *arg)
{
	(void)arg;
	px_send(0, 32);
	pn_lock_irq(NULL, &mem->lock[0]);
	pn_unlock_irq(NULL, &mem->lock[0]);
}

static void locks_too(void *arg, uint8_t vector)
{
	(void)arg;
	(void)vector;
	pn_lock_take(&mem->lock[0]);
	pn_lock_drop(&mem->lock[0]);
}

/* Without a handler that could take it. */
static void on_here(void *arg)
{
	(void)arg;
	pn_lock_take(&mem->lock[0]);
	pn_lock_drop(&mem->lock[0]);
}

static void off_there(void *arg)
{
	(void)arg;
	pn_lock_irq(NULL, &mem->lock[0]);
	pn_unlock_irq(NULL, &mem->lock[0]);
}

static void one_of_two(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, on_here, NULL);
	px_thread("B", 1, off_there, NULL);
}

static void each_in_its_way(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, off_there, NULL);
	px_thread("B", 1, off_there, NULL);
	px_thread("device", -1, on_here, NULL); /* no CPU */
}

static void handler_and_irqs_on(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, lock_irqs_on, NULL);
	px_handler("irq", 0, locks_too, NULL);
}

static void handler_and_irqs_off(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, lock_irqs_off, NULL);
	px_handler("irq", 0, locks_too, NULL);
}

/* ---- spinning ---- */

static void wait_for_word(void *arg)
{
	(void)arg;
	while (!pn_ld32(word(0)))
		pn_relax();
}

static void set_word(void *arg)
{
	(void)arg;
	pn_st32(word(0), 1);
}

static void nobody_sets(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, wait_for_word, NULL);
}

static void somebody_sets(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, wait_for_word, NULL);
	px_thread("B", 1, set_word, NULL);
}

static void toggle(void *arg)
{
	uint32_t mine = arg ? 1 : 0;

	for (;;) {
		while (pn_ld32(word(0)) != mine)
			pn_relax();
		pn_st32(word(0), !mine);
	}
}

static void toggle_for_ever(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, toggle, NULL);
	px_thread("B", 1, toggle, (void *)(uintptr_t) "one");
}

static void relax_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pn_relax();
}

static void look_at_nothing(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, relax_for_ever, NULL);
}

/* ---- failing ---- */

static void fail_if_set(void *arg)
{
	(void)arg;
	if (pn_ld32(word(0)))
		px_fail("P4", "word is %u", 1u);
}

static void one_order_fails(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, fail_if_set, NULL);
	px_thread("B", 1, set_word, NULL);
}

static void kill_word(void *arg)
{
	(void)arg;
	px_kill(word(0), 16, "P6", "the word");
}

static void wait_and_kill(void *arg)
{
	(void)arg;
	while (!pn_ld32(word(1)))
		pn_relax();
	px_kill(word(0), 16, "P6", "the word");
}

static void load_word(void *arg)
{
	(void)arg;
	mem->read[0] = pn_ld32(word(0));
}

static void load_and_say(void *arg)
{
	(void)arg;
	mem->read[0] = pn_ld32(word(0));
	pn_st32(word(1), 1);
}

static void store_and_say_by_lock(void *arg)
{
	(void)arg;
	pn_st32(word(0), 1);
	pn_xchg32(word(1), 1);
}

static void use_after_free(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, load_word, NULL);
	px_thread("B", 1, kill_word, NULL);
}

static void use_before_free(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, load_and_say, NULL);
	px_thread("B", 1, wait_and_kill, NULL);
}

static void store_before_free(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, store_and_say_by_lock, NULL);
	px_thread("B", 1, wait_and_kill, NULL);
}

static void load_from_nowhere(void *arg)
{
	mem->read[0] = pn_ld32((uint32_t *)arg + 5);
}

static void line_from_nowhere(void *arg)
{
	pn_line_begin(arg, 64);
	pn_xchg32((uint32_t *)arg, 1);
	pn_line_end(arg);
}

static void stray_load(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, load_from_nowhere, NULL);
}

static void stray_line(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, line_from_nowhere, NULL);
}

/* ---- lines ---- */

static void change_both(void *arg)
{
	(void)arg;
	pn_line_begin(mem->word, sizeof(mem->word));
	pn_st32(word(0), pn_ld32(word(0)) + 1);
	pn_st32(word(1), pn_ld32(word(1)) + 2);
	pn_line_end(mem->word);
}

static void change_one_by_one(void *arg)
{
	(void)arg;
	pn_or32(word(0), 1);
	pn_or32(word(1), 2);
}

static void look_at_both(void *arg)
{
	(void)arg;
	mem->read[1] = pn_ld32(word(1));
	mem->read[0] = pn_ld32(word(0));
	if (mem->read[0] < mem->read[1] / 2)
		px_fail("P5", "half of it is there");
}

static void look_the_other_way(void *arg)
{
	(void)arg;
	mem->read[0] = pn_ld32(word(0));
	pn_line_begin(mem->word, sizeof(mem->word));
	mem->read[1] = pn_ld32(word(1));
	mem->read[2] = pn_ld32(word(0));
	pn_line_end(mem->word);
	if (mem->read[2] != mem->read[1] / 2)
		px_fail("P5", "half of it is there");
}

static void as_one_line(void *arg)
{
	(void)arg;
	memory();
	px_name(mem->word, sizeof(mem->word), "whole of it");
	px_name(word(0), 8, "first of it");
	px_thread("A", -1, change_both, NULL);
	px_thread("B", 1, look_at_both, NULL);
	px_thread("C", 2, look_the_other_way, NULL);
}

static void as_two_accesses(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", -1, change_one_by_one, NULL);
	px_thread("C", 2, look_the_other_way, NULL);
}

/* ---- interrupts ---- */

static void note(void *arg, uint8_t vector)
{
	(void)arg;
	(void)vector;
	mem->read[0] = pn_ld32(word(0));
	mem->read[1] = pn_ld32(word(1));
}

static void two_sections(void *arg)
{
	(void)arg;
	pn_irq_off(NULL);
	pn_xchg32(word(0), 1);
	pn_irq_on(NULL);
	pn_irq_off(NULL);
	pn_xchg32(word(1), 1);
	pn_irq_on(NULL);
}

static void one_section(void *arg)
{
	(void)arg;
	pn_irq_off(NULL);
	pn_xchg32(word(0), 1);
	pn_xchg32(word(1), 1);
	pn_irq_on(NULL);
}

static void raise_irq(void *arg)
{
	(void)arg;
	px_send(0, 32);
}

static const char *between(void *arg, char *text, unsigned size)
{
	(void)arg;
	(void)size;
	strcpy(text, "the interrupt came in between");
	return mem->read[0] && !mem->read[1] ? "P5" : NULL;
}

static void between_sections(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, two_sections, NULL);
	px_thread("B", -1, raise_irq, NULL);
	px_handler("irq", 0, note, NULL);
}

static void inside_section(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, one_section, NULL);
	px_thread("B", -1, raise_irq, NULL);
	px_handler("irq", 0, note, NULL);
}

/* ---- the table ---- */

/* ---- programs that cannot go on ---- */

static void frees_it_twice(void *arg)
{
	(void)arg;
	px_kill(word(0), sizeof(*word(0)), "P6", "the word");
	px_kill(word(0), sizeof(*word(0)), "P6", "the word");
}

static void frees_twice(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, frees_it_twice, NULL);
}

static void writes_nowhere(void *arg)
{
	static volatile uintptr_t nowhere = 0x10;
	uintptr_t where = nowhere;

	(void)arg;
	pn_xchg32(word(0), 1);
	*(volatile uint32_t *)where = 1;
}

static void wild_pointer(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, writes_nowhere, NULL);
}

static void follows(void *arg)
{
	uintptr_t where = pn_ld32(word(0));

	(void)arg;
	if (where)
		mem->read[0] = *(volatile uint32_t *)where;
}

static void sets_word(void *arg)
{
	(void)arg;
	pn_st32(word(0), 8);
}

static void wild_in_one_order(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, follows, NULL);
	px_thread("B", 1, sets_word, NULL);
}

static void goes_round(void *arg)
{
	(void)arg;
	while (!pn_ld32(word(3)))
		;
}

static void endless_loop(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, goes_round, NULL);
}

/* Without an access that the explorer is told of. */
__attribute__((no_sanitize("thread"))) static void computes(void *arg)
{
	(void)arg;
	for (volatile bool on = true; on;)
		;
}

static void endless_silence(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, computes, NULL);
}

static void fails_in_set_up(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, computes, NULL);
	px_fail("P7", "not built");
}

static void endless_set_up(void *arg)
{
	(void)arg;
	memory();
	for (;;)
		(void)pn_ld32(word(3));
}

static void wild_set_up(void *arg)
{
	(void)arg;
	memory();
	writes_nowhere(arg);
}

static const struct {
	const char *name;
	void (*setup)(void *arg);
	const char *(*check)(void *arg, char *text, unsigned size);
	const char *property; /* NULL: held */
	const char *text;     /* that the sentence contains */
	bool faults;	      /* the processor stops it */
} table[] = {
	/* clang-format off */
	{"two locks in the same order", same_order, NULL, NULL, NULL},
	{"two locks in opposite orders", other_order, NULL, "P1", "deadlock"},
	{"handler takes a lock held with interrupts on", handler_and_irqs_on, NULL, "P1", "deadlock: irq"},
	{"handler takes a lock held with interrupts off", handler_and_irqs_off, NULL, NULL, NULL},
	{"a lock with interrupts off here and on there", one_of_two, NULL, "P1", "interrupts on at"},
	{"a lock with interrupts off, and of a device", each_in_its_way, NULL, NULL, NULL},
	{"spins until somebody stores", somebody_sets, NULL, NULL, NULL},
	{"spins and nobody stores", nobody_sets, NULL, "P1", "deadlock: A"},
	{"two threads toggle a word for ever", toggle_for_ever, NULL, "P1", "livelock"},
	{"relaxes without a look", look_at_nothing, NULL, "P1", "livelock"},
	{"px_fail() in one of two orders", one_order_fails, NULL, "P4", "word is 1"},
	{"load after px_kill() in one of two orders", use_after_free, NULL, "P6", "the word"},
	{"px_kill() twice, by one thread", frees_twice, NULL, "P6", "the word"},
	{"load before px_kill()", use_before_free, NULL, NULL, NULL},
	{"store and locked instruction before px_kill()", store_before_free, NULL, NULL, NULL},
	{"load from where there is no memory", stray_load, NULL, "P6", "no memory"},
	{"line where there is no memory", stray_line, NULL, "P6", "no memory"},
	{"pointer to nowhere", wild_pointer, NULL, "P6", "Segmentation fault at address 0x10", true},
	{"pointer to nowhere in one of two orders", wild_in_one_order, NULL, "P6", "at address 0x8", true},
	{"loop over its own memory", endless_loop, NULL, "P1", "livelock"},
	{"a violation in set-up", fails_in_set_up, NULL, "P7", "not built"},
	{"pointer to nowhere in set-up", wild_set_up, NULL, "P6", "the set-up: Segmentation fault", true},
	{"one access of a line", as_one_line, NULL, NULL, NULL},
	{"two accesses of a line", as_two_accesses, NULL, "P5", "half"},
	{"interrupt between two sections", between_sections, between, "P5", "in between"},
	{"interrupt inside one section", inside_section, between, NULL, NULL},
	/* clang-format on */
};

static const struct {
	const char *name;
	bool unreduced, replay;
	enum px_method method;
} ways[] = {
	{"unreduced", .unreduced = true},
	{"replay", .replay = true},
	{"traces", .method = PX_TRACES},
	{"states", .method = PX_STATES},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void explore(size_t row, bool sc, unsigned way)
{
	struct px_program prog = {.setup = table[row].setup, .check = table[row].check};
	struct px_options opt = {.bound = UINT32_MAX,
				 .sc = sc,
				 .unreduced = ways[way].unreduced,
				 .replay = ways[way].replay,
				 .method = ways[way].method,
				 .max_steps = LIVELOCK_STEPS};
	struct px_result r;
	const char *property = table[row].property;

	if (table[row].faults && !px_can_save())
		return; /* the sanitizer would end the test */
	assert_int_equal(px_explore(&prog, &opt, &r), 0);
	if (r.verdict != (property ? PX_VIOLATION : PX_HELD) || r.exhaustive == (property != NULL))
		fail_msg("%s%s, %s: verdict %d: %s", table[row].name, sc ? ", SC" : "",
			 ways[way].name, (int)r.verdict, r.text);
	if (property && (strcmp(r.property, property) || !strstr(r.text, table[row].text)))
		fail_msg("%s: %s, %s", table[row].name, r.property, r.text);
	if (property && !r.step)
		fail_msg("%s: no counter-example", table[row].name);
	px_result_free(&r);
}

static void verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (unsigned how = 0; how < 2 * WAYS; how++)
			explore(i, how & 1, how / 2);
}

/* It takes some seconds to call it that, so by one way only. */
static void never_ends(void (*setup)(void *arg), const char *text)
{
	struct px_program prog = {.setup = setup};
	struct px_options opt = {.bound = UINT32_MAX};
	struct px_result r;

	assert_int_equal(px_explore(&prog, &opt, &r), 0);
	assert_int_equal(r.verdict, PX_VIOLATION);
	assert_string_equal(r.property, "P1");
	assert_non_null(strstr(r.text, text));
	px_result_free(&r);
}

static void silence(void **state)
{
	(void)state;
	if (!px_can_save())
		skip(); /* no signals */
	never_ends(endless_silence, "livelock: A");
	never_ends(endless_set_up, "livelock: the set-up");
}

/* ---- counter-examples ---- */

static void always_fails(void *arg)
{
	(void)arg;
	pn_xchg32(word(2), 1);
	px_fail("P1", "always");
}

static void told(void *arg)
{
	(void)arg;
	memory();
	px_name(word(0), 8, "first of it");
	px_name(mem->word, sizeof(mem->word), "whole of it");
	px_thread("A", -1, change_both, NULL);
	px_thread("B", 1, change_both, NULL);
	px_thread("C", 1, always_fails, NULL);
}

/*
 * The trace shows how a line was changed: by the name of its part, without the words that the whole
 * line ends in, or by the offset.
 */
static void a_line_is_told(void **state)
{
	struct px_program prog = {.setup = told};
	struct px_options opt = {.bound = UINT32_MAX};
	struct px_result r;
	bool first = false, second = false;

	(void)state;
	assert_int_equal(px_explore(&prog, &opt, &r), 0);
	assert_int_equal(r.verdict, PX_VIOLATION);
	for (unsigned i = 0; i < r.steps; i++) {
		first |= !strcmp(r.step[i].text, "line  whole of it: first 0 -> 1, +16 0 -> 2");
		second |= !strcmp(r.step[i].text, "line  whole of it: first 1 -> 2, +16 2 -> 4");
	}
	px_result_free(&r);
	assert_true(first && second);
}

/* ---- ends before the end ---- */

static void bounded(void **state)
{
	struct px_program prog = {.setup = one_order_fails};
	struct px_options opt = {.bound = 0};
	struct px_result r;

	(void)state;
	/* A first, then B: nothing fails; B first takes no preemption either. */
	assert_int_equal(px_explore(&prog, &opt, &r), 0);
	assert_int_equal(r.verdict, PX_VIOLATION);
	px_result_free(&r);
	prog.setup = other_order; /* needs a preemption */
	assert_int_equal(px_explore(&prog, &opt, &r), 0);
	assert_int_equal(r.verdict, PX_HELD);
	assert_false(r.exhaustive);
	opt.bound = 1;
	assert_int_equal(px_explore(&prog, &opt, &r), 0);
	assert_int_equal(r.verdict, PX_VIOLATION);
	px_result_free(&r);
	prog.setup = nobody_sets;
	prog.setup = same_order;
	opt.bound = 1000; /* more than there are: nothing is cut */
	assert_int_equal(px_explore(&prog, &opt, &r), 0);
	assert_int_equal(r.verdict, PX_HELD);
	assert_true(r.exhaustive);
}

static void many_steps(void *arg)
{
	for (uint32_t i = 0; i < 8; i++)
		pn_or32(word((i + (arg != NULL)) & 3), i);
}

static void much_to_explore(void *arg)
{
	(void)arg;
	memory();
	px_thread("A", 0, many_steps, NULL);
	px_thread("B", 1, many_steps, (void *)(uintptr_t) "B");
	px_thread("C", 2, many_steps, NULL);
}

static void out_of_time(void **state)
{
	struct px_program prog = {.setup = much_to_explore};
	struct px_options opt = {.bound = UINT32_MAX, .seconds = 0.02, .method = PX_TRACES};
	struct px_result r;

	(void)state;
	assert_int_equal(px_explore(&prog, &opt, &r), 0);
	assert_int_equal(r.verdict, PX_UNFINISHED);
	assert_false(r.exhaustive);
	assert_true(r.executions > 0);
}

static void quick_finds_the_same(void **state)
{
	struct px_program prog = {.setup = other_order};
	struct px_options opt = {.bound = UINT32_MAX, .quick = true};
	struct px_result r;

	(void)state;
	assert_int_equal(px_explore(&prog, &opt, &r), 0);
	assert_int_equal(r.verdict, PX_VIOLATION);
	assert_non_null(strstr(r.text, "deadlock"));
	px_result_free(&r);
	prog.setup = same_order;
	assert_int_equal(px_explore(&prog, &opt, &r), 0);
	assert_int_equal(r.verdict, PX_HELD);
	assert_true(r.exhaustive);
}

static void same_counts_each_time(void **state)
{
	static void (*const setup[])(void *) = {same_order, between_sections, store_before_free,
						other_order};
	struct px_options opt = {.bound = UINT32_MAX};
	struct px_result a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(setup) / sizeof(setup[0]); i++) {
		struct px_program prog = {.setup = setup[i]};

		assert_int_equal(px_explore(&prog, &opt, &a), 0);
		assert_int_equal(px_explore(&prog, &opt, &b), 0);
		assert_int_equal(a.verdict, b.verdict);
		assert_int_equal(a.executions, b.executions);
		assert_int_equal(a.blocked, b.blocked);
		assert_int_equal(a.transitions, b.transitions);
		assert_int_equal(a.depth, b.depth);
		assert_int_equal(a.steps, b.steps);
		px_result_free(&a);
		px_result_free(&b);
	}
}

/* ---- what cannot be explored ---- */

static void no_threads(void *arg)
{
	(void)arg;
	memory();
}

static void seventeen_threads(void *arg)
{
	(void)arg;
	memory();
	for (int i = 0; i < 17; i++)
		px_thread("T", -1, load_word, NULL);
}

static void unknown_cpu(void *arg)
{
	(void)arg;
	memory();
	px_thread("T", 4, load_word, NULL);
}

static void handler_of_no_cpu(void *arg)
{
	(void)arg;
	memory();
	px_thread("T", 0, load_word, NULL);
	px_handler("irq", -1, note, NULL);
}

static void two_handlers(void *arg)
{
	(void)arg;
	memory();
	px_thread("T", 0, load_word, NULL);
	px_handler("irq", 0, note, NULL);
	px_handler("irq again", 0, note, NULL);
}

static void too_much_memory(void *arg)
{
	(void)arg;
	memory();
	px_thread("T", 0, load_word, NULL);
	while (px_alloc(1u << 16, 64))
		;
}

static void allocate(void *arg)
{
	(void)arg;
	pn_xchg32(word(0), px_alloc(16, 16) != NULL);
}

static void late_memory(void *arg)
{
	(void)arg;
	memory();
	px_thread("T", 0, allocate, NULL);
}

static void kill_much(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 100; i++)
		px_kill(word(3), 4, "P6", "word");
}

static void too_many_kills(void *arg)
{
	(void)arg;
	memory();
	px_thread("T", 0, kill_much, NULL);
}

static void long_line(void *arg)
{
	(void)arg;
	pn_line_begin(mem, 128);
	pn_line_end(mem);
}

static void too_long_a_line(void *arg)
{
	(void)arg;
	memory();
	px_thread("T", 0, long_line, NULL);
}

static void migrate_away(void *arg)
{
	(void)arg;
	px_migrate(100);
	pn_xchg32(word(0), 1);
}

static void migrates_too_far(void *arg)
{
	(void)arg;
	memory();
	px_thread("T", 0, migrate_away, NULL);
}

static void errors(void **state)
{
	static const struct {
		const char *name;
		void (*setup)(void *arg);
		uint64_t max_steps;
		int err;
	} row[] = {
		{"no threads", no_threads, 0, -EINVAL},
		{"too many threads", seventeen_threads, 0, -EINVAL},
		{"unknown CPU", unknown_cpu, 0, -EINVAL},
		{"handler without CPU", handler_of_no_cpu, 0, -EINVAL},
		{"two handlers", two_handlers, 0, -EINVAL},
		{"migration to an unknown CPU", migrates_too_far, 0, -EINVAL},
		{"line of more than 64 bytes", too_long_a_line, 0, -EINVAL},
		{"more steps than clocks count", same_order, 1u << 15, -EINVAL},
		{"too much memory", too_much_memory, 0, -ENOMEM},
		{"memory after setup", late_memory, 0, -ENOMEM},
		{"too many kills", too_many_kills, 0, -ENOMEM},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct px_program prog = {.setup = row[i].setup};
		struct px_options opt = {.bound = UINT32_MAX, .max_steps = row[i].max_steps};
		struct px_result r;
		int err = px_explore(&prog, &opt, &r);

		if (err != row[i].err)
			fail_msg("%s: %d", row[i].name, err);
		if (r.verdict == PX_HELD && r.exhaustive)
			fail_msg("%s: held", row[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(silence),
		cmocka_unit_test(a_line_is_told),
		cmocka_unit_test(bounded),
		cmocka_unit_test(out_of_time),
		cmocka_unit_test(quick_finds_the_same),
		cmocka_unit_test(same_counts_each_time),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
