/* SPDX-License-Identifier: MIT */
/*
 * The line on a terminal that shows how far the work is, and Ctrl-C, which asks the work to stop.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "os.h"
#include "outfile.h"
#include "progress.h"

#define FIRST_S	 1.0
#define PERIOD_S 0.1
#define COLUMNS	 79

static atomic_bool stop_asked;
static double begun, last;
static bool on_terminal, shown, off, term_asks;

static void on_signal(int sig)
{
	if ((sig == SIGINT || (sig == SIGTERM && term_asks)) && !atomic_exchange(&stop_asked, true))
		return;
	pn_outfile_unlink_all();
	signal(sig, SIG_DFL);
	raise(sig);
}

void pn_cli_catch_stop(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;

	sigemptyset(&sa.sa_mask);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		/*
		 * A signal that the caller made us ignore (nohup, a background job) stays ignored.
		 */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
}

void pn_cli_catch_term(void)
{
	term_asks = true;
	pn_cli_catch_stop();
}

bool pn_cli_stopped(void)
{
	return atomic_load_explicit(&stop_asked, memory_order_relaxed);
}

void pn_progress_begin(void)
{
	begun = pn_cli_now();
	last = 0;
	shown = false;
	on_terminal = !off && isatty(STDERR_FILENO);
}

void pn_progress_off(void)
{
	off = true;
	on_terminal = false;
}

double pn_progress_seconds(void)
{
	return pn_cli_now() - begun;
}

bool pn_progress_due(void)
{
	double t;

	if (!on_terminal)
		return false;
	t = pn_cli_now();
	return t - begun >= FIRST_S && t - last >= PERIOD_S;
}

void pn_progress_line(const char *fmt, ...)
{
	char line[COLUMNS + 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "\r\033[K%s", line);
	fflush(stderr);
	last = pn_cli_now();
	shown = true;
}

void pn_progress_end(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}
