/* SPDX-License-Identifier: MIT */
/*
 * Explorations in child processes, several at a time: limits of time and memory, results through a
 * pipe, and what is reported of a process that died.
 */
#define _GNU_SOURCE /* pipe2() */
#include "xchild.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os.h"
#include "progress.h"
#include "sanitizer.h"
#include "xwire.h"

#define GRACE_S	   5.0 /* how long after its time limit a search is killed */
#define POLL_MS	   100
#define MAX_STEPS  (1u << 20)
#define FIRST_ROOM 65536u

/* ---- the child ---- */

/* A sanitizer's shadow memory is terabytes of address space: then there is no limit. */
static void limit_memory(size_t bytes)
{
#ifndef PX_SANITIZED
	struct rlimit r = {bytes, bytes};

	if (bytes)
		setrlimit(RLIMIT_AS, &r);
#else
	(void)bytes;
#endif
}

/* After an unexpected violation: a second, short search for a short trace of it. */
static int explore(const struct pn_xjob *j, struct px_result *res)
{
	struct px_options opt = j->opt;
	struct px_result again = {0};
	int err = pn_case_explore(j->c, &j->variant, &opt, res);

	if (err || res->verdict != PX_VIOLATION || opt.quick || opt.bound != UINT32_MAX)
		return err;
	opt.quick = true;
	opt.seconds = 1;
	if (pn_case_explore(j->c, &j->variant, &opt, &again))
		return 0;
	if (again.verdict == PX_VIOLATION && again.steps && again.steps < res->steps &&
	    !strcmp(again.property, res->property)) {
		struct px_step *longer = res->step;

		memcpy(res->text, again.text, sizeof(res->text));
		res->step = again.step;
		res->steps = again.steps;
		again.step = longer;
	}
	px_result_free(&again);
	return 0;
}

__attribute__((noreturn)) static void child(const struct pn_xjob *j, int fd, pid_t parent)
{
	static const int reset[] = {SIGINT, SIGTERM, SIGHUP};
	struct pn_xwire_head h = {.magic = PN_XWIRE_MAGIC};
	struct rlimit no_core = {0, 0};
	sigset_t none;

	/* The signal handlers, and the files that they remove, belong to the parent. */
	for (unsigned i = 0; i < sizeof(reset) / sizeof(reset[0]); i++) {
		struct sigaction old;

		if (!sigaction(reset[i], NULL, &old) && old.sa_handler != SIG_IGN)
			signal(reset[i], SIG_DFL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setrlimit(RLIMIT_CORE, &no_core);
	limit_memory(j->memory);
	if (j->program) {
		if (dup2(fd, STDOUT_FILENO) >= 0)
			execv(j->program[0], j->program);
		_exit(1);
	}
	h.err = explore(j, &h.res);
	if (h.err)
		h.res.steps = 0;
	if (!pn_cli_write_all(fd, &h, sizeof(h)) ||
	    !pn_cli_write_all(fd, h.res.step, h.res.steps * sizeof(*h.res.step)))
		_exit(1);
	_exit(0);
}

static void fail(struct pn_xjob *j, const char *why)
{
	memset(&j->run.res, 0, sizeof(j->run.res));
	j->run.res.verdict = PX_UNFINISHED;
	snprintf(j->run.why, sizeof(j->run.why), "%s", why);
	j->done = true;
}

static bool start(struct pn_xjob *j)
{
	sigset_t all, before;
	pid_t parent = getpid();
	int p[2];

	if (pipe2(p, O_CLOEXEC)) {
		fail(j, strerror(errno));
		return false;
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	j->pid = fork();
	if (!j->pid) {
		close(p[0]);
		child(j, p[1], parent);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(p[1]);
	if (j->pid < 0) {
		close(p[0]);
		j->pid = 0;
		fail(j, "no process could be started");
		return false;
	}
	j->fd = p[0];
	j->begun = pn_cli_now();
	return true;
}

/* ---- the parent ---- */

/* False: the end. */
static bool take(struct pn_xjob *j)
{
	ssize_t n;

	if (j->used == j->room) {
		size_t room = j->room ? 2 * j->room : FIRST_ROOM;
		char *buf = realloc(j->buf, room);

		if (!buf)
			return false;
		j->buf = buf;
		j->room = room;
	}
	n = read(j->fd, j->buf + j->used, j->room - j->used);
	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	j->used += (size_t)n;
	return true;
}

static void end_strings(struct px_result *r)
{
	r->property[sizeof(r->property) - 1] = 0;
	r->text[sizeof(r->text) - 1] = 0;
	for (unsigned i = 0; i < r->steps; i++) {
		struct px_step *s = &r->step[i];

		s->agent[sizeof(s->agent) - 1] = 0;
		s->text[sizeof(s->text) - 1] = 0;
		s->doing[sizeof(s->doing) - 1] = 0;
		s->where[sizeof(s->where) - 1] = 0;
		s->buffered[sizeof(s->buffered) - 1] = 0;
	}
}

/* NULL: the whole result is in @data; else the reason why not. */
static const char *receive(struct pn_xjob *j, const char *data, size_t used)
{
	struct px_result *r = &j->run.res;
	struct pn_xwire_head h;
	size_t size;

	if (used < sizeof(h))
		return "its process ended without a result";
	memcpy(&h, data, sizeof(h));
	if (h.magic != PN_XWIRE_MAGIC || h.res.steps > MAX_STEPS || h.res.verdict > PX_UNFINISHED)
		return "its result cannot be read";
	if (h.err == -ENOMEM)
		return "out of memory";
	if (h.err)
		return strerror(-h.err);
	size = h.res.steps * sizeof(*r->step);
	if (used != sizeof(h) + size)
		return "its result is incomplete";
	*r = h.res;
	h.why[sizeof(h.why) - 1] = h.explored[sizeof(h.explored) - 1] = 0;
	snprintf(j->run.why, sizeof(j->run.why), "%s", h.why);
	snprintf(j->explored, sizeof(j->explored), "%s", h.explored);
	r->step = malloc(size ? size : 1);
	if (!r->step) {
		r->steps = 0;
		return "out of memory";
	}
	memcpy(r->step, data + sizeof(h), size);
	end_strings(r);
	return NULL;
}

/* Corrects the verdict of a search that was bounded. */
static void qualify(struct pn_xjob *j)
{
	struct px_result *r = &j->run.res;

	if (j->opt.bound != UINT32_MAX || j->opt.max_steps)
		r->exhaustive = false;
	if (r->verdict == PX_UNFINISHED && !*j->run.why)
		snprintf(j->run.why, sizeof(j->run.why), "out of time after %.1f s", r->seconds);
	/* An execution that is longer than the user's limit need not be endless. */
	if (r->verdict == PX_VIOLATION && j->opt.max_steps && r->steps >= j->opt.max_steps) {
		r->verdict = PX_UNFINISHED;
		snprintf(j->run.why, sizeof(j->run.why), "an execution did not end within %u steps",
			 (unsigned)j->opt.max_steps);
	}
}

static void finish(struct pn_xjob *j)
{
	const char *why;
	char text[sizeof(j->run.why)];
	int status = 0;

	close(j->fd);
	while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR)
		;
	j->pid = 0;
	why = receive(j, j->buf, j->used);
	if (!why) {
		qualify(j);
		j->done = true;
	} else if (j->ended) {
		fail(j, j->ended);
	} else if (WIFSIGNALED(status)) {
		snprintf(text, sizeof(text), "its process was ended by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
		fail(j, text);
	} else {
		fail(j, why);
	}
	free(j->buf);
	j->buf = NULL;
}

static void show(const struct pn_xjob *job, unsigned n)
{
	const char *name = "";
	unsigned done = 0, active = 0;

	if (!pn_progress_due())
		return;
	for (unsigned i = 0; i < n; i++) {
		done += job[i].done;
		if (job[i].pid && !active++)
			name = job[i].c->name;
	}
	pn_progress_line("%u of %u explored, %u running (%s%s), %.0f s", done, n, active, name,
			 active > 1 ? ", ..." : "", pn_progress_seconds());
}

static void end_overdue(struct pn_xjob *j)
{
	if (j->ended)
		return;
	if (pn_cli_stopped())
		j->ended = "interrupted";
	else if (j->opt.seconds > 0 && pn_cli_now() - j->begun > j->opt.seconds + GRACE_S)
		j->ended = "out of time, and its process had to be killed";
	if (j->ended)
		kill(j->pid, SIGKILL);
}

/* Waits a moment, then reads the results that have arrived. */
static void attend(struct pn_xjob *job, unsigned n)
{
	struct pollfd p[PN_XJOBS_AT_ONCE];
	struct pn_xjob *of[PN_XJOBS_AT_ONCE];
	unsigned k = 0;

	for (unsigned i = 0; i < n && k < PN_XJOBS_AT_ONCE; i++) {
		struct pn_xjob *j = &job[i];

		if (!j->pid)
			continue;
		end_overdue(j);
		p[k] = (struct pollfd){.fd = j->fd, .events = POLLIN};
		of[k++] = j;
	}
	if (poll(p, k, POLL_MS) <= 0)
		return;
	for (unsigned i = 0; i < k; i++)
		if (p[i].revents && !take(of[i]))
			finish(of[i]);
}

void pn_xjobs_run(struct pn_xjob *job, unsigned n, unsigned at_once)
{
	unsigned next = 0, active;

	at_once = at_once < PN_XJOBS_AT_ONCE ? at_once : PN_XJOBS_AT_ONCE;
	pn_progress_begin();
	do {
		active = 0;
		for (unsigned i = 0; i < n; i++)
			active += job[i].pid != 0;
		while (active < at_once && next < n && !pn_cli_stopped())
			active += start(&job[next++]);
		if (active)
			attend(job, n);
		show(job, n);
	} while (active || (next < n && !pn_cli_stopped()));
	pn_progress_end();
}

void *pn_xjob_pack(const struct pn_xjob *j, size_t *size)
{
	size_t steps = j->run.res.steps * sizeof(*j->run.res.step);
	struct pn_xwire_head *h = calloc(1, sizeof(*h) + steps);

	if (!h)
		return NULL;
	h->magic = PN_XWIRE_MAGIC;
	snprintf(h->why, sizeof(h->why), "%s", j->run.why);
	snprintf(h->explored, sizeof(h->explored), "%s", j->explored);
	h->res = j->run.res;
	if (steps)
		memcpy(h + 1, j->run.res.step, steps);
	*size = sizeof(*h) + steps;
	return h;
}

void pn_xjob_unpack(struct pn_xjob *j, const void *data, size_t size, const char *why)
{
	if (data)
		why = receive(j, data, size);
	if (why)
		fail(j, why);
	j->done = true;
}

void pn_xjobs_free(struct pn_xjob *job, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(job[i].run.res.step);
		job[i].run.res.step = NULL;
	}
}
