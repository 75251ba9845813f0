/* SPDX-License-Identifier: MIT */
/* Worker processes on this machine, each behind a socket: tasks go in, answers come out. */
#include "farm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os.h"
#include "progress.h"

#define DEPTH 2 /* tasks of a process: it begins the second while the manager is busy */

struct worker {
	pid_t pid;
	int fd;
	unsigned tasks;
	uint64_t task[DEPTH];
	char *buf; /* what has come of the answer, its head included */
	size_t used, room;
};

struct pn_pool {
	const struct pn_farm *farm;
	unsigned n;
	struct worker *worker;
	struct pollfd *poll;
};

/* What comes before an answer. */
struct head {
	uint64_t task, size;
};

__attribute__((noreturn)) static void serve(const struct pn_farm *f, int fd)
{
	struct head h;
	const void *answer;

	/* Ctrl-C is the manager's business, and so is what a batch system sends to all. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pn_progress_off();
	while (recv(fd, &h.task, sizeof(h.task), MSG_WAITALL) == (ssize_t)sizeof(h.task)) {
		h.size = f->work(f->ctx, h.task, &answer);
		if (!pn_cli_write_all(fd, &h, sizeof(h)) || !pn_cli_write_all(fd, answer, h.size))
			break;
	}
	_exit(0);
}

static bool start(struct pn_pool *p, struct worker *w)
{
	int fd[2];

	w->pid = 0;
	w->fd = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		return false;
	fflush(NULL);
	w->pid = fork();
	if (!w->pid) {
		for (unsigned i = 0; i < p->n; i++)
			if (p->worker[i].fd >= 0)
				close(p->worker[i].fd);
		close(fd[0]);
		serve(p->farm, fd[1]);
	}
	close(fd[1]);
	if (w->pid < 0) {
		close(fd[0]);
		w->pid = 0;
		return false;
	}
	w->fd = fd[0];
	return true;
}

struct pn_pool *pn_pool_open(const struct pn_farm *farm)
{
	struct pn_pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->farm = farm;
	p->worker = calloc(farm->jobs, sizeof(*p->worker));
	p->poll = calloc(farm->jobs, sizeof(*p->poll));
	if (p->worker && p->poll)
		while (p->n < farm->jobs && start(p, &p->worker[p->n]))
			p->n++;
	if (p->n)
		return p;
	pn_pool_close(p);
	return NULL;
}

bool pn_pool_give(struct pn_pool *p, uint64_t task, bool deep)
{
	for (unsigned depth = 0; depth < (deep ? DEPTH : 1); depth++)
		for (unsigned i = 0; i < p->n; i++) {
			struct worker *w = &p->worker[i];

			/* one that could not be started may be able to now */
			if ((w->fd < 0 && (depth || !start(p, w))) || w->tasks != depth)
				continue;
			/* one that has died is found by the next wait */
			if (send(w->fd, &task, sizeof(task), MSG_NOSIGNAL) != (ssize_t)sizeof(task))
				continue;
			w->task[w->tasks++] = task;
			return true;
		}
	return false;
}

unsigned pn_pool_size(const struct pn_pool *p)
{
	return p->n;
}

bool pn_pool_alive(const struct pn_pool *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->worker[i].fd >= 0)
			return true;
	return false;
}

unsigned pn_pool_busy(const struct pn_pool *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++)
		n += p->worker[i].tasks;
	return n;
}

static void how_it_ended(int status, char *why, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(why, size, "its process ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(why, size, "its process ended with status %d", WEXITSTATUS(status));
}

/* Its first task is lost; the others it never saw. */
static bool bury(struct pn_pool *p, struct worker *w, pn_pool_got *got, void *ctx)
{
	uint64_t rest[DEPTH];
	unsigned n = w->tasks;
	int status = 0;
	char why[80];
	bool on = true;

	memcpy(rest, w->task, sizeof(rest));
	kill(w->pid, SIGKILL);
	waitpid(w->pid, &status, 0);
	close(w->fd);
	how_it_ended(status, why, sizeof(why));
	w->tasks = 0;
	w->used = 0;
	if (n)
		on = got(ctx, rest[0], NULL, 0, why);
	if (!start(p, w))
		snprintf(why, sizeof(why), "no process could be started: %s", strerror(errno));
	for (unsigned i = 1; i < n; i++) {
		if (w->fd >= 0 && send(w->fd, &rest[i], sizeof(rest[i]), MSG_NOSIGNAL) > 0)
			w->task[w->tasks++] = rest[i];
		else
			on &= got(ctx, rest[i], NULL, 0, why);
	}
	return on;
}

/* The size of the answer that has begun to come, with its head; 0: it is not known yet. */
static size_t expected(const struct worker *w)
{
	struct head h;

	if (w->used < sizeof(h))
		return 0;
	memcpy(&h, w->buf, sizeof(h));
	if (!w->tasks || h.task != w->task[0] || h.size > PN_FARM_ANSWER)
		return SIZE_MAX;
	return sizeof(h) + h.size;
}

/* False: nothing that can be used will come any more. */
static bool fill(struct worker *w)
{
	size_t want = expected(w) > sizeof(struct head) ? expected(w) : sizeof(struct head);
	ssize_t n;

	if (want == SIZE_MAX)
		return false;
	if (w->room < want) {
		char *buf = realloc(w->buf, want);

		if (!buf)
			return false;
		w->buf = buf;
		w->room = want;
	}
	/* never beyond this answer: the next one begins a new buffer */
	n = recv(w->fd, w->buf + w->used, want - w->used, MSG_DONTWAIT);
	if (n > 0)
		w->used += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool take(struct pn_pool *p, struct worker *w, pn_pool_got *got, void *ctx)
{
	uint64_t task;
	size_t size;

	if (!fill(w))
		return bury(p, w, got, ctx);
	/* an answer may have no byte behind its head, or all of them are there */
	if (w->used == sizeof(struct head) && expected(w) > w->used && !fill(w))
		return bury(p, w, got, ctx);
	if (!expected(w) || w->used < expected(w))
		return true;
	task = w->task[0];
	w->tasks--;
	memmove(w->task, w->task + 1, w->tasks * sizeof(w->task[0]));
	size = w->used - sizeof(struct head);
	w->used = 0;
	return got(ctx, task, w->buf + sizeof(struct head), size, NULL);
}

bool pn_pool_wait(struct pn_pool *p, int ms, pn_pool_got *got, void *ctx)
{
	bool on = true;

	for (unsigned i = 0; i < p->n; i++)
		p->poll[i] = (struct pollfd){p->worker[i].fd, POLLIN, 0};
	if (poll(p->poll, p->n, ms) <= 0)
		return true;
	for (unsigned i = 0; i < p->n && on; i++)
		if (p->poll[i].revents)
			on = take(p, &p->worker[i], got, ctx);
	return on;
}

void pn_pool_close(struct pn_pool *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->worker[i].fd >= 0) {
			kill(p->worker[i].pid, SIGKILL);
			close(p->worker[i].fd);
		}
	for (unsigned i = 0; i < p->n; i++) {
		if (p->worker[i].pid > 0)
			waitpid(p->worker[i].pid, NULL, 0);
		free(p->worker[i].buf);
	}
	free(p->worker);
	free(p->poll);
	free(p);
}

bool pn_farm_run(const struct pn_farm *f, struct pn_pool *p)
{
	bool more = true, on = true, have = false;
	uint64_t task = 0;

	while (on && (more || have || pn_pool_busy(p))) {
		while (on) {
			have = have || (more && f->next(f->ctx, &task));
			more = more && have;
			if (!have)
				break;
			/* towards the end no worker has a second task while others are idle */
			have = !pn_pool_give(p, task, f->left(f->ctx) > 2 * p->n);
			if (have && pn_pool_alive(p))
				break;
			if (have)
				on = f->done(f->ctx, task, NULL, 0, PN_FARM_UNABLE) && !f->stop();
			have = false;
		}
		on = on && pn_pool_wait(p, 50, f->done, f->ctx) && f->idle(f->ctx) && !f->stop();
	}
	return on;
}
