/* SPDX-License-Identifier: MIT */
/*
 * Cases that are written as text: every refusal with file and line, damaged files, the shipped
 * ones, what a program's steps show, and the tables in docs/explore.md.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "case_file.h"
#include "case_parse.h"
#include "case_text.h"
#include "lab_file.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

static int read_text(const char *text, size_t size, struct pn_case_file *f, struct pn_diag *d)
{
	struct pn_ini_text t = {.path = "x.ini", .name = "x", .text = text, .size = size};

	memset(f, 0, sizeof(*f));
	memset(d, 0, sizeof(*d));
	return pn_case_parse(&t, f, d);
}

/* ---- refusals ---- */

#define AMD    "[case]\nvendor = amd\n"	  /* 2 lines */
#define INTEL  "[case]\nvendor = intel\n" /* 2 lines */
#define IRQ    "[interrupt 0]\nvcpu = 0\nvector = 0x41\n"
#define VCPU   "[vcpu 0]\ncpu = 0\n"
#define DEVICE "[agent device]\ndo = post 0\n"
#define PLAIN  AMD IRQ VCPU DEVICE /* 9 lines */

static const struct {
	const char *text;
	unsigned long line;
	const char *message;
} bad[] = {
	/* sections */
	{"", 0, "no [case] with a vendor"},
	{"[case]\norigin = me\n", 0, "no [case] with a vendor"},
	{"[machine]\n", 1, "[case] with its vendor comes before"},
	{PLAIN "[machin]\n", 10, "unknown section \"machin\" (did you mean \"machine\"?)"},
	{PLAIN "[qqqqqqqqqq]\n", 10, "(known: case, machine, interrupt, vcpu, agent, setup,"},
	{AMD "[case]\n", 3, "[case] is there twice (first in line 1)"},
	{AMD "[machine]\n[machine]\n", 4, "[machine] is there twice"},
	{AMD "[machine x]\n", 3, "[machine] takes no name (found \"x\")"},
	{AMD "[setup x]\n", 3, "[setup] takes no name"},
	{AMD "[vcpu]\n", 3, "[vcpu] needs a number, as [vcpu 0]"},
	{AMD "[vcpu 99]\n", 3, "[vcpu] \"99\" is not a number from 0 to"},
	{AMD "[vcpu -1]\n", 3, "[vcpu] \"-1\" is not a number"},
	{AMD "[interrupt x]\n", 3, "[interrupt] \"x\" is not a number from 0 to"},
	{AMD VCPU VCPU, 5, "[vcpu 0] is there twice (first in line 3)"},
	{AMD "[agent]\n", 3, "[agent] needs a name"},
	{AMD DEVICE DEVICE, 5, "there are two agents \"device\" (first in line 3)"},
	{AMD "[agent a name of more than 23 letters]\n", 3, "name too long (at most 23"},
	{PLAIN "[agent vCPU 0]\n", 10, "there are two agents \"vCPU 0\""},
	{PLAIN "[agent b]\ncpu = 1\n", 10, "this section needs a program"},
	/* [case] */
	{"[case]\nvendor = amb\n", 2, "unknown vendor \"amb\" (did you mean \"amd\"?)"},
	{AMD "vendor = amd\n", 3, "vendor is there twice"},
	{AMD "orgin = me\n", 3, "unknown key of [case] \"orgin\" (did you mean \"origin\"?)"},
	{AMD "inferred = maybe\n", 3, "unknown inferred \"maybe\" (known: no, yes)"},
	{AMD "property = P9\n", 3, "unknown property \"P9\" (expected P1 to P7)"},
	{AMD "mistake = no-fenc\n", 3, "unknown mistake \"no-fenc\" (did you mean \"no-fence\"?)"},
	{AMD "fixed =\n", 3, "fixed: no text"},
	{AMD "max_steps = 0\n", 3, "max_steps \"0\" is not a number from 1 to 32000"},
	{AMD "bound = 9999999\n", 3, "bound \"9999999\" is not a number from 0 to 1000000"},
	{AMD "broken.vendor = amd\n", 3, "only a program (do) and keys of [machine] differ"},
	{AMD "property = P1\n" IRQ VCPU DEVICE, 1, "property P1 is violated by nothing"},
	{AMD "mistake = no-fence\n" IRQ VCPU DEVICE, 1, "no property"},
	/* [machine] */
	{AMD "[machine]\nnotfy = gappi\n", 4, "unknown key of [machine] \"notfy\" (did you mean"},
	{AMD "[machine]\nnotify = gapi\n", 4, "unknown notify \"gapi\" (did you mean \"gappi\"?)"},
	{AMD "[machine]\ntpr = 0x100\n", 4, "tpr \"0x100\" is not a number from 0x0 to 0xff"},
	{AMD "[machine]\ntpr = 1\ntpr = 1\n", 5, "tpr is there twice (first in line 4)"},
	{INTEL "[machine]\nnotify = gappi\n", 4, "unknown key of [machine] \"notify\""},
	{AMD "[machine]\ntwo_vms = yes\n" IRQ VCPU DEVICE, 3, "each has one vCPU, so there are"},
	{AMD "[machine]\nno_gappi_on_1 = yes\n" IRQ VCPU DEVICE, 3, "there is no IOMMU 1"},
	{INTEL "[machine]\nno_vm = yes\n" VCPU, 3, "bare metal has no vCPU"},
	{AMD DEVICE, 0, "there is no [vcpu 0]"},
	/* [interrupt], [vcpu], [handlers] */
	{AMD "[interrupt 0]\nvector = 0xf\n", 4, "vector \"0xf\" is not a number from 0x10 to"},
	{AMD "[interrupt 0]\nvector = 256\n", 4, "vector \"256\" is not a number"},
	{AMD "[interrupt 0]\nvektor = 65\n", 4, "(did you mean \"vector\"?)"},
	{AMD "[interrupt 0]\nvcpu = 0\n" VCPU, 3, "[interrupt 0] has no vector"},
	{AMD "[interrupt 0]\nvcpu = 1\nvector = 65\n" VCPU, 3, "there is no [vcpu 1]"},
	{AMD "[interrupt 0]\nvcpu = 0\nvector = 65\niommu = 1\n" VCPU, 3, "there is no IOMMU 1"},
	{AMD "[vcpu 0]\ncpu = 99\n", 4, "cpu \"99\" is not a number from 0 to"},
	{AMD "[vcpu 0]\ncpu = none\n", 4, "cpu \"none\" is not a number"},
	{AMD "[vcpu 0]\nstarts = aslep\n", 4,
	 "unknown starts \"aslep\" (did you mean \"asleep\"?)"},
	{AMD "[vcpu 1]\n", 3, "[vcpu 1], but no [vcpu 0]"},
	{AMD "[vcpu 0]\nslept_on = 1\n", 3, "[vcpu 0] does not start asleep"},
	{AMD "[vcpu 0]\nstarts = blocking\ndo = loop\n", 5, "does nothing (do = nothing)"},
	{AMD "[vcpu 0]\nstarts = asleep\ndo = guest\n", 5, "wakes up first (do = loop, or wake)"},
	{PLAIN "[handlers]\ncpus = 0 9\n", 11, "CPU \"9\" is not a number from 0 to"},
	/* programs */
	{PLAIN "do = pst 0\n", 10, "unknown operation \"pst\" (did you mean \"post\"?)"},
	{PLAIN "do = kexc\n", 10, "(did you mean \"kexec\"?)"},
	{PLAIN "do = post 0,\n", 10, "an operation is missing beside a comma"},
	{PLAIN "do = , post 0\n", 10, "an operation is missing beside a comma"},
	{PLAIN "do =\n", 10, "an operation is missing"},
	{PLAIN "do = post\n", 10, "post has 0 arguments (expected post interrupt)"},
	{PLAIN "do = post 0 0\n", 10, "post has 2 arguments (expected post interrupt)"},
	{PLAIN "do = wait 1\n", 10, "wait has 1 argument (expected wait)"},
	{PLAIN "do = post 1 2 3 4 5 6 7 8\n", 10, "(expected post interrupt)"},
	{PLAIN "do = post x\n", 10, "post: interrupt \"x\" is not a number from 0 to"},
	{PLAIN "do = post 1\n", 10, "post: there is no [interrupt 1]"},
	{PLAIN "do = await-wake 1\n", 10, "await-wake: there is no [vcpu 1]"},
	{PLAIN "do = stop-log 1\n", 10, "stop-log: there is no IOMMU 1"},
	{PLAIN "do = detach 0\n", 10,
	 "detach needs a CPU (cpu = 0), and agent \"device\" is hardw"},
	{PLAIN "do = loop\n", 10, "loop: only a [vcpu] does it"},
	{PLAIN "[agent b]\ncpu = 1\ndo = inject 0 0x05\n", 12, "inject: vector \"0x05\" is not"},
	{PLAIN "[agent b]\ncpu = 1\ndo = log 0, signal\n", 12, "\"log\" never ends"},
	{INTEL IRQ VCPU DEVICE "do = kexec\n", 10,
	 "operation \"kexec\" is of vendor amd, not intel"},
	{AMD IRQ "[setup]\ndo = wait\n" VCPU, 7, "wait: not in [setup]"},
	{AMD "[setup]\ndo = post 0\n" IRQ VCPU DEVICE, 4, "[interrupt 0] is set up later (line 5)"},
	{INTEL "[machine]\nno_vm = yes\n[agent b]\ncpu = 0\ndo = unload\n", 7, "unload needs a VM"},
	{AMD "[vcpu 0]\ndo = nothing\n", 0, "no agent does anything"},
	{PLAIN "dop = post 0\n", 10, "(did you mean \"do\"?)"},
	/* the file's form */
	{AMD "inferred\n", 3, "neither a comment nor a [section] nor key = value"},
	{"vendor = amd\n", 1, "before the first [section]"},
	{AMD "[vcpu 0] x\n", 3, "text after the section's ]"},
};

static void refusals(void **state)
{
	static struct pn_case_file f;
	struct pn_diag d;

	(void)state;
	for (size_t i = 0; i < ROWS(bad); i++) {
		if (read_text(bad[i].text, strlen(bad[i].text), &f, &d) != -EINVAL)
			fail_msg("row %zu is not refused: %s", i, bad[i].message);
		if (!strstr(d.text, bad[i].message) || d.line != bad[i].line)
			fail_msg("row %zu: x.ini:%lu: %s\nexpected line %lu: %s", i, d.line, d.text,
				 bad[i].line, bad[i].message);
		assert_string_equal(d.file, "x.ini");
	}
}

/* More of something than there can be. */
static void too_many(void **state)
{
	static struct pn_case_file f;
	static char text[1 << 16];
	struct pn_diag d;
	size_t n;

	(void)state;
	n = (size_t)snprintf(text, sizeof(text), "%s", PLAIN);
	for (unsigned i = 0; i < PN_CASE_STEPS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "do = post 0\n");
	assert_int_equal(read_text(text, n, &f, &d), -EINVAL);
	assert_non_null(strstr(d.text, "program too long (at most "));
	assert_int_equal(d.line, 9 + PN_CASE_STEPS);

	n = (size_t)snprintf(text, sizeof(text), "%s", PLAIN);
	for (unsigned i = 0; i < pn_case_limits.threads; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[agent %u]\ndo = signal\n", i);
	assert_int_equal(read_text(text, n, &f, &d), -EINVAL);
	assert_non_null(strstr(d.text, "agents and 0 handlers (at most"));

	n = (size_t)snprintf(text, sizeof(text), "%s", AMD);
	for (unsigned i = 0; i <= PN_CASE_PARTS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[setup]\ndo = signal\n");
	assert_int_equal(read_text(text, n, &f, &d), -EINVAL);
	assert_non_null(strstr(d.text, "too many sections"));

	n = (size_t)snprintf(text, sizeof(text), "%sdo = ", PLAIN);
	memset(text + n, ' ', 600);
	n += 600;
	assert_int_equal(read_text(text, n, &f, &d), -EINVAL);
}

/* ---- what is read ---- */

static void reads(void **state)
{
	static const char text[] =
		"# an example\r\n" AMD "property = P1\nbound = 2\nmax_steps = 500\n"
		"[machine]\nnotify = gappi\nbroken.notify = galog\ntpr = 0x50\n" IRQ
		"[vcpu 0]\ncpu = 1\nstarts = asleep\nslept_on = 0\nstays = yes\n"
		"[agent b]\ncpu = 2 # where it runs\n  do = inject 0 0x51 , signal\n"
		"do = detach 0\nbroken.do = nothing\n[handlers]\ncpus = 0, 2\n";
	static struct pn_case_file f;
	const struct pn_case_program *p;
	struct pn_diag d;

	(void)state;
	if (read_text(text, sizeof(text) - 1, &f, &d))
		fail_msg("x.ini:%lu: %s", d.line, d.text);
	assert_false(f.info.one_variant);
	assert_int_equal(f.bound, 2);
	assert_int_equal(f.max_steps, 500);
	assert_int_equal(f.handlers, 5);
	assert_int_equal(f.vcpus, 1);
	assert_int_equal(f.key[0][0].val, 2);
	assert_int_equal(f.key[1][0].val, 1);
	assert_int_equal(f.part[1].vcpu.starts, PN_CASE_ASLEEP);
	assert_int_equal(f.part[1].vcpu.slept_on, 0);
	assert_true(f.part[1].vcpu.stays);
	assert_int_equal(f.part[1].cpu, 1);
	assert_string_equal(f.part[1].program[0].step[0].op->name, "loop");
	p = f.part[2].program;
	assert_int_equal(p[0].n, 3);
	assert_string_equal(p[0].step[0].says, "gives vCPU 0 vector 0x51");
	assert_int_equal(p[0].step[0].arg[1], 0x51);
	assert_string_equal(p[0].step[2].says, "takes interrupt 0 away");
	assert_true(p[1].given);
	assert_int_equal(p[1].n, 0);
}

/* ---- the shipped ones, damaged ---- */

static const struct pn_builtin *const shipped[] = {pn_builtin_cases_amd, pn_builtin_cases_intel};

static void all_shipped(void **state)
{
	static struct pn_case_file f;
	unsigned texts = 0, listed = 0;
	const struct pn_case *c;
	struct pn_diag d;

	(void)state;
	for (size_t v = 0; v < ROWS(shipped); v++)
		for (const struct pn_builtin *b = shipped[v]; b->name; b++, texts++)
			if (read_text((const char *)b->data, b->size, &f, &d))
				fail_msg("%s:%lu: %s", b->name, d.line, d.text);
	for (unsigned i = 0; (c = pn_case_get(i)) != NULL; i++) {
		listed += c->file != NULL;
		for (unsigned k = 0; k < i; k++)
			if (!strcmp(pn_case_get(k)->name, c->name))
				fail_msg("%s is there twice", c->name);
		if (!*c->origin || !*c->broken || !*c->fixed || c->one_variant)
			fail_msg("%s: origin, broken, fixed, or a mistake is missing", c->name);
	}
	assert_int_equal(texts, listed);
	assert_true(texts > 20);
}

static uint64_t rng = 1;

static unsigned dice(unsigned n)
{
	rng = rng * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(rng >> 33) % n;
}

/* Changes, takes away, doubles or moves pieces of the text. Returns its new size. */
static size_t damage(char *text, size_t n, size_t room)
{
	static const char bytes[] = " \n,=[]#;.0123456789-xab\t\r\xff";
	size_t at = dice((unsigned)n), len = 1 + dice(24), to;

	len = len < n - at ? len : n - at;
	switch (dice(4)) {
	case 0:
		text[at] = bytes[dice(sizeof(bytes) - 1)];
		return n;
	case 1:
		memmove(text + at, text + at + len, n - at - len);
		return n - len > 1 ? n - len : 1;
	case 2:
		if (n + len > room)
			return n;
		memmove(text + at + len, text + at, n - at);
		return n + len;
	default:
		to = dice((unsigned)(n - len + 1));
		memmove(text + to, text + at, len);
		return n;
	}
}

/* Each is read, or refused with a text. */
static void damaged(void **state)
{
	static struct pn_case_file f;
	static char text[1 << 14];
	unsigned good = 0, refused = 0;
	struct pn_diag d;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		for (size_t v = 0; v < ROWS(shipped); v++) {
			for (const struct pn_builtin *b = shipped[v]; b->name; b++) {
				size_t n = b->size;
				int err;

				memcpy(text, b->data, n);
				for (unsigned k = 1 + dice(4); k; k--)
					n = damage(text, n, sizeof(text));
				err = read_text(text, n, &f, &d);
				good += !err;
				refused += err != 0;
				if (err && (err != -EINVAL || !*d.text))
					fail_msg("%s: %d, \"%s\"", b->name, err, d.text);
			}
		}
	}
	assert_true(good > 100 && refused > 100);
}

/* ---- files ---- */

static void files(void **state)
{
	const struct pn_case *c = NULL;
	char dir[128], path[200];
	struct pn_diag d = {0};

	(void)state;
	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/mine.ini", dir);
	assert_int_equal(pn_case_load(path, &c, &d), -ENOENT);
	lab_write(path, PLAIN, strlen(PLAIN));
	assert_int_equal(pn_case_load(path, &c, &d), 0);
	assert_string_equal(c->name, "mine");
	assert_true(c->one_variant);
	assert_int_equal(pn_case_bound(c), UINT32_MAX);
	pn_case_free(c);
	lab_write(path, "\0\0", 2);
	assert_int_equal(pn_case_load(path, &c, &d), -EINVAL);
	assert_non_null(strstr(d.text, "not a text file"));
	unlink(path);
	rmdir(dir);
}

/* ---- the tables of the documentation ---- */

static void op_row(const char *vendor, const struct pn_case_op *op, char *row, size_t size)
{
	char args[32] = "", who[32];

	for (unsigned i = 0; op->args[i]; i++)
		snprintf(args + strlen(args), sizeof(args) - strlen(args), " %c",
			 op->args[i] - 'a' + 'A');
	snprintf(who, sizeof(who), "%s",
		 op->flags & PN_CASE_VCPU  ? "vCPU"
		 : op->flags & PN_CASE_CPU ? "CPU"
					   : "any");
	snprintf(row, size, "| `%s%s` | %s | %s | %s |\n", op->name, args, vendor, who, op->doc);
}

static void key_row(const char *vendor, const struct pn_case_key *k, char *row, size_t size)
{
	char values[96] = "";

	for (unsigned i = 0; k->words && k->words[i]; i++)
		snprintf(values + strlen(values), sizeof(values) - strlen(values), "%s%s",
			 i ? ", " : "", k->words[i]);
	if (!k->words)
		snprintf(values, sizeof(values), "0 to %u", k->max);
	snprintf(row, size, "| `%s` | %s | %s | %s |\n", k->name, vendor, values, k->doc);
}

/* Calls @fn for each row that the documentation has to have. */
static void rows(void (*fn)(const char *row))
{
	char row[512];

	for (const struct pn_case_op *op = pn_case_shared_ops; op->name; op++) {
		op_row("both", op, row, sizeof(row));
		fn(row);
	}
	for (unsigned v = 0; v < PN_CASE_VENDOR; v++) {
		for (const struct pn_case_op *op = pn_case_vendors[v]->ops; op->name; op++) {
			op_row(v ? "Intel" : "AMD", op, row, sizeof(row));
			fn(row);
		}
	}
	for (unsigned v = 0; v < PN_CASE_VENDOR; v++) {
		for (const struct pn_case_key *k = pn_case_vendors[v]->keys; k->name; k++) {
			key_row(v ? "Intel" : "AMD", k, row, sizeof(row));
			fn(row);
		}
	}
}

static char doc[1 << 17], all_rows[1 << 14];

static void slurp(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("%s cannot be opened", path);
	out[fread(out, 1, size - 1, f)] = 0;
	fclose(f);
}

static void in_doc(const char *row)
{
	if (!strstr(doc, row))
		fail_msg("docs/explore.md (see --tables) lacks: %s", row);
	strcat(all_rows, row);
}

/* All rows are there, and no others; and the example is the file that it names. */
static void documented(void **state)
{
	static char example[4096];
	char *line, *end, *section;

	(void)state;
	slurp(PN_SOURCE_ROOT "/docs/explore.md", doc, sizeof(doc));
	slurp(PN_SOURCE_ROOT "/examples/cases/detach-while-moving.ini", example, sizeof(example));
	assert_non_null(strstr(doc, example));
	section = strstr(doc, "| operation | vendor | who | |\n");
	assert_non_null(section);
	end = strstr(section, "\n## ");
	assert_non_null(end);
	end[1] = 0;
	rows(in_doc);
	for (line = strtok(section, "\n"); line; line = strtok(NULL, "\n"))
		if (!strncmp(line, "| `", 3) && !strstr(all_rows, line))
			fail_msg("docs/explore.md has a row that is no word: %s", line);
}

static void print(const char *row)
{
	fputs(row, stdout);
}

/* "--tables" prints what docs/explore.md has to have. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),    cmocka_unit_test(too_many), cmocka_unit_test(reads),
		cmocka_unit_test(all_shipped), cmocka_unit_test(damaged),  cmocka_unit_test(files),
		cmocka_unit_test(documented),
	};

	if (argc > 1 && !strcmp(argv[1], "--tables")) {
		rows(print);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
