/* SPDX-License-Identifier: MIT */
/*
 * `postern explore --linux`: finds or builds the programs for a tree, reads the list of cases, and
 * says what of Linux ran.
 */
#include "explore_linux.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

#define MAX_CASES   256
#define MAX_NAMES   512
#define MAX_WORDS   24
#define MAX_VENDORS 3
#define MAX_LISTS   4

static struct {
	char folder[4096], version[64];
	struct pn_case c[MAX_CASES];
	struct {
		char *machine, *program[2]; /* fixed, broken */
	} of[MAX_CASES];
	unsigned cases;
	char *stub[MAX_NAMES]; /* functions that are not Linux's */
	unsigned stubs;
	char *vendor[MAX_VENDORS]; /* folders of programs whose list of them is read */
	unsigned vendors;
	void **kept; /* what lives as long as the tree */
	unsigned keeps;
} tree;

/* ---- building ---- */

/* The last line that @argv prints is the folder. An exit status of the command. */
static int run_find(char *const *argv)
{
	int p[2], status = 0;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(p) || (pid = fork()) < 0)
		return CLI_INPUT;
	if (!pid) {
		dup2(p[1], STDOUT_FILENO);
		close(p[0]);
		execv(argv[0], argv);
		_exit(127);
	}
	close(p[1]);
	while (used < sizeof(tree.folder) - 1 &&
	       (n = read(p[0], tree.folder + used, sizeof(tree.folder) - 1 - used)) > 0)
		used += (size_t)n;
	close(p[0]);
	waitpid(pid, &status, 0);
	tree.folder[used] = 0;
	tree.folder[strcspn(tree.folder, "\n")] = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_INPUT;
}

/* ---- the list ---- */

static char *copy_of(const char *s)
{
	char *p = strdup(s);

	if (!p) {
		pn_cli_error("out of memory");
		exit(CLI_INPUT);
	}
	return p;
}

/* @p is freed with the tree. */
static void *keep(void *p)
{
	void **more = realloc(tree.kept, (tree.keeps + 1) * sizeof(*more));

	if (!p || !more) {
		pn_cli_error("out of memory");
		exit(CLI_INPUT);
	}
	tree.kept = more;
	return more[tree.keeps++] = p;
}

static char *kept_copy(const char *s)
{
	return keep(copy_of(s));
}

static void take_line(const char *key, char *value)
{
	struct pn_case *c = tree.cases ? &tree.c[tree.cases - 1] : NULL;

	if (!strcmp(key, "case")) {
		tree.of[tree.cases].machine = kept_copy("");
		tree.c[tree.cases++] = (struct pn_case){.name = kept_copy(value),
							.property = "P1",
							.broken = "",
							.fixed = "",
							.one_variant = true,
							.origin = ""};
	} else if (c && !strcmp(key, "machine")) {
		tree.of[tree.cases - 1].machine = kept_copy(value);
	} else if (c && !strcmp(key, "broken")) {
		tree.of[tree.cases - 1].program[1] = kept_copy(value);
		c->one_variant = false;
	} else if (c && !strcmp(key, "fixed")) {
		tree.of[tree.cases - 1].program[0] = kept_copy(value);
	} else if (c && !strcmp(key, "property")) {
		c->property = kept_copy(value);
	} else if (c && !strcmp(key, "mistake")) {
		c->broken = kept_copy(value);
	} else if (c && !strcmp(key, "right")) {
		c->fixed = kept_copy(value);
	} else if (c && !strcmp(key, "origin")) {
		c->origin = kept_copy(value);
	} else if (c && !strcmp(key, "needs")) {
		c->needs_tso = true;
	}
}

static unsigned read_words(const char *name, char **word, unsigned max);

static int read_list(const char *name)
{
	char path[4200], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/boot/linux/explore/%s", pn_cli_source_root(), name);
	f = fopen(path, "r");
	if (!f) {
		pn_cli_error("%s: the list of cases cannot be read", path);
		return CLI_INPUT;
	}
	while (fgets(line, sizeof(line), f)) {
		char *value = line + strcspn(line, " \n");

		line[strcspn(line, "\n")] = 0;
		if (*line == '#' || !*line)
			continue;
		if (*value)
			*value++ = 0;
		while (*value == ' ')
			value++;
		if (!strcmp(line, "case") && tree.cases == MAX_CASES) {
			pn_cli_error("%s: more than %d cases", path, MAX_CASES);
			fclose(f);
			return CLI_INPUT;
		}
		take_line(line, value);
	}
	fclose(f);
	return 0;
}

/* The lists are those of the tree: with GAPPI or without, and of the halves that it has. */
static int read_cases(void)
{
	char *list[MAX_LISTS];
	unsigned n = read_words("cases", list, MAX_LISTS);
	int status = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!status)
			status = read_list(list[i]);
		free(list[i]);
	}
	return status;
}

/* The words of FOLDER/programs/@name; how many. */
static unsigned read_words(const char *name, char **word, unsigned max)
{
	char path[4200], text[128];
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/programs/%s", tree.folder, name);
	f = fopen(path, "r");
	while (f && n < max && fscanf(f, "%127s", text) == 1)
		word[n++] = copy_of(text);
	if (f)
		fclose(f);
	return n;
}

int pn_linux_open(const char *name)
{
	char find[4200], *version = NULL, *argv[] = {find, copy_of(name), NULL};
	int status;

	snprintf(find, sizeof(find), "%s/boot/linux/explore/find", pn_cli_source_root());
	if (access(find, X_OK)) {
		pn_cli_error("%s is missing: --linux needs the package postern-boot or Postern's "
			     "checkout (POSTERN_SOURCE=FOLDER)",
			     find);
		free(argv[1]);
		return CLI_INPUT;
	}
	status = run_find(argv);
	free(argv[1]);
	if (status || !*tree.folder) {
		pn_cli_error("--linux %s: nothing to explore, see above", name);
		return CLI_INPUT;
	}
	if (read_words("version", &version, 1))
		snprintf(tree.version, sizeof(tree.version), "%s", version);
	free(version);
	return read_cases();
}

void pn_linux_close(void)
{
	for (unsigned i = 0; i < tree.stubs; i++)
		free(tree.stub[i]);
	for (unsigned i = 0; i < tree.vendors; i++)
		free(tree.vendor[i]);
	for (unsigned i = 0; i < tree.keeps; i++)
		free(tree.kept[i]);
	free(tree.kept);
	tree.kept = NULL;
	tree.stubs = tree.vendors = tree.cases = tree.keeps = 0;
}

const struct pn_case *pn_linux_case(unsigned i)
{
	return i < tree.cases ? &tree.c[i] : NULL;
}

/* ---- one search ---- */

static void add_word(char **word, unsigned *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void add_word(char **word, unsigned *n, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (*n < MAX_WORDS - 1)
		word[(*n)++] = kept_copy(text);
}

static void add_options(char **word, unsigned *n, const struct px_options *o)
{
	if (o->sc)
		add_word(word, n, "sc");
	if (o->quick)
		add_word(word, n, "quick");
	if (o->replay)
		add_word(word, n, "replay");
	if (o->check_writes)
		add_word(word, n, "check-writes");
	if (o->method == PX_TRACES)
		add_word(word, n, "traces");
	if (o->bound != UINT32_MAX)
		add_word(word, n, "bound=%u", o->bound);
	if (o->max_steps)
		add_word(word, n, "steps=%llu", (unsigned long long)o->max_steps);
	if (o->seconds > 0)
		add_word(word, n, "seconds=%f", o->seconds);
}

/* What is not Linux's beside @program: "NAME", or "VENDOR/NAME". */
static void add_stubs(const char *program)
{
	const char *slash = strchr(program, '/');
	int len = slash ? (int)(slash - program) + 1 : 0;
	char name[128];

	snprintf(name, sizeof(name), "%.*sstubbed", len, program);
	for (unsigned i = 0; i < tree.vendors; i++)
		if (!strcmp(tree.vendor[i], name))
			return;
	if (tree.vendors == MAX_VENDORS)
		return;
	tree.vendor[tree.vendors++] = copy_of(name);
	tree.stubs += read_words(name, tree.stub + tree.stubs, MAX_NAMES - tree.stubs);
}

bool pn_linux_job(struct pn_xjob *j)
{
	unsigned i = (unsigned)(j->c - tree.c), n = 0;
	const char *name = tree.of[i].program[j->variant.broken];
	char path[8300], *word, *save = NULL, *machine = copy_of(tree.of[i].machine);
	char **words;

	if (!name) {
		free(machine);
		return false;
	}
	words = keep(calloc(MAX_WORDS, sizeof(*words)));
	add_stubs(name);
	snprintf(path, sizeof(path), "%s/programs/%s", tree.folder, name);
	if (access(path, X_OK))
		snprintf(j->run.why, sizeof(j->run.why),
			 "the change %s does not apply to this tree", name);
	words[n++] = kept_copy(path);
	for (word = strtok_r(machine, " ", &save); word; word = strtok_r(NULL, " ", &save))
		add_word(words, &n, "%s", word);
	add_options(words, &n, &j->opt);
	free(machine);
	j->program = words;
	return true;
}

/* ---- what ran ---- */

/* True the first time. */
static bool is_new(const char *const *seen, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(seen[i], name))
			return false;
	return true;
}

static json_t *explored(const struct pn_xjob *job, unsigned n)
{
	json_t *all = json_array();
	const char *seen[MAX_NAMES];
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		char *copy = copy_of(job[i].explored), *save = NULL;

		for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
			if (k == MAX_NAMES || !is_new(seen, k, w))
				continue;
			json_array_append_new(all, json_string(w));
			seen[k] = json_string_value(json_array_get(all, k));
			k++;
		}
		free(copy);
	}
	return all;
}

json_t *pn_linux_json(const struct pn_xjob *job, unsigned n)
{
	json_t *o = json_object(), *stubs = json_array();

	for (unsigned i = 0; i < tree.stubs; i++)
		if (is_new((const char *const *)tree.stub, i, tree.stub[i]))
			json_array_append_new(stubs, json_string(tree.stub[i]));
	json_object_set_new(o, "version", json_string(tree.version));
	json_object_set_new(o, "explored", explored(job, n));
	json_object_set_new(o, "stubbed", stubs);
	return o;
}

static void print_names(const char *head, const json_t *names)
{
	size_t column = strlen(head), i;
	const json_t *name;

	fputs(head, stdout);
	json_array_foreach(names, i, name)
	{
		size_t len = json_string_length(name) + 2;

		if (column + len > 100) {
			printf("\n   ");
			column = 3;
		}
		printf(" %s%s", json_string_value(name), i + 1 < json_array_size(names) ? "," : "");
		column += len;
	}
	putchar('\n');
}

void pn_linux_print(const struct pn_xjob *job, unsigned n)
{
	json_t *o = pn_linux_json(job, n);

	printf("\nLinux %s\n", tree.version);
	print_names("  ran:", json_object_get(o, "explored"));
	print_names("  not Linux's:", json_object_get(o, "stubbed"));
	json_decref(o);
}
