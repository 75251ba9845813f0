/* SPDX-License-Identifier: MIT */
/*
 * The thread of a GA log that the driver runs: what it acknowledges, reads and starts anew; and an
 * IOMMU that does not answer.
 */
#include <errno.h>

#include "cases_amd_drv.h"

/* ---- the log's thread ---- */

static uint32_t woken, told, tag, overflows;
static const char *early; /* what was wrong before there was a thread */

bool drv_os_wake(void *ctx, struct pn_agent *agent, void *task, enum pn_wake_reason why)
{
	(void)ctx;
	(void)agent;
	(void)why;
	rig_want(task == &woken, "P1", "another task is woken");
	rig_want(drv_lab->drv[0].ga_irq_pending == 1, "P1",
		 "the thread is woken before it is told");
	woken++;
	return true;
}

static void tells(void *ctx, struct pn_agent *agent, uint32_t t)
{
	(void)agent;
	rig_want(ctx == &told && drv_lab->host.notifier_lock.held && !drv_lab->drv[0].ga_lock.held,
		 "P6", "the hypervisor is called under other locks");
	told++;
	tag = t;
}

static void overflowed(void *ctx, struct pn_agent *agent)
{
	(void)agent;
	rig_want(ctx == &told && drv_lab->host.notifier_lock.held && !drv_lab->drv[0].ga_lock.held,
		 "P6", "the hypervisor is called under other locks");
	rig_want(drv_lab->drv[0].control & GALOG &&
			 drv_read(&drv_lab->units[FULL], 0x2020, 8) & 0x100,
		 "P1", "it is called before the log runs again");
	overflows++;
}

static void posts(struct pn_amdvi_ir *ir, uint32_t as)
{
	const struct pn_msi m = {.addr = 0xFEE00000, .data = 7, .devid = DEV};
	struct pn_amdvi_ir_state st = {.wakeup = true};

	pn_amdvi_ir_activate(ir, drv_self, SOLO_AT(20), 0x41, as, st);
	rig_want(pn_amdvi_msi(drv_lab->units[FULL].vi, &m) == PN_MSI_POSTED, "P4", "a post");
}

static void reads_the_log(struct drv_unit *u, struct pn_amdvi_ir *ir)
{
	drv_lab->drv[0].ga_irq_pending = 0;
	pn_galog_irq(&drv_lab->drv[0], drv_self, &woken);
	rig_want(woken == 1, "P1", "the interrupt wakes nobody");
	rig_want(!pn_galog_step(&drv_lab->drv[0], drv_self) && !drv_lab->drv[0].ga_irq_pending,
		 "P5", "nothing to read");
	posts(ir, 0x11);
	posts(ir, 0x22);
	drv_watch(u);
	u->locked = true;
	rig_want(pn_galog_step(&drv_lab->drv[0], drv_self) && drv_lab->drv[0].drain.active &&
			 drv_lab->drv[0].drain.tail == 16,
		 "P1", "the status is read");
	drv_wrote(u, 0x2020, 0x400, "GAInt alone is acknowledged");
	rig_want(pn_galog_step(&drv_lab->drv[0], drv_self) && told == 1 && tag == 0x11, "P1",
		 "an entry");
	drv_wrote(u, 0x2040, 8, "the head follows");
	rig_want(pn_galog_step(&drv_lab->drv[0], drv_self) && told == 2 && tag == 0x22, "P1",
		 "an entry");
	drv_wrote(u, 0x2040, 16, "the head follows");
	rig_want(pn_galog_step(&drv_lab->drv[0], drv_self) && !drv_lab->drv[0].drain.active, "P1",
		 "all were read");
	rig_want(!pn_galog_step(&drv_lab->drv[0], drv_self) && told == 2 && !overflows, "P5",
		 "nothing is left");
	drv_wrote_all(u, "the thread writes more");
}

/* An entry of another kind; then an overflow. */
static void overflows_once(struct drv_unit *u, struct pn_amdvi_ir *ir)
{
	uint64_t on = BASE | GAEN | VAPIC | XT | ON | GALOG | GAINT;

	u->locked = false;
	posts(ir, 0x33);
	pn_st64(&drv_lab->drv[0].galog[2], 0x33 | 2ull << 60);
	while (pn_galog_step(&drv_lab->drv[0], drv_self))
		;
	rig_want(told == 2, "P7", "an entry of an unknown kind is taken for a guest's");
	for (unsigned i = 0; i < 512; i++)
		posts(ir, 0x44);
	drv_watch(u);
	u->locked = true;
	rig_want(pn_galog_step(&drv_lab->drv[0], drv_self), "P1", "the status is read");
	drv_wrote(u, 0x2020, 0x400, "GAInt alone is acknowledged, the overflow later");
	for (unsigned i = 0; i < 511; i++)
		pn_galog_step(&drv_lab->drv[0], drv_self);
	rig_want(told == 513 && !overflows &&
			 drv_lab->drv[0].drain.head == drv_lab->drv[0].drain.tail,
		 "P1", "what the log holds is read first");
	drv_watch(u);
	rig_want(pn_galog_step(&drv_lab->drv[0], drv_self) && overflows == 1, "P1",
		 "then it is started anew");
	drv_wrote(u, 0x18, on & ~(GALOG | GAINT), "it is disabled");
	drv_wrote(u, 0x2020, 0x200, "GALOverflow is cleared");
	drv_wrote(u, 0x18, on & ~GALOG, "GAIntEn");
	drv_wrote(u, 0x18, on, "it is enabled");
	drv_wrote_all(u, "the restart writes more");
	rig_want(!pn_galog_step(&drv_lab->drv[0], drv_self), "P5", "nothing is left");
	u->locked = false;
	posts(ir, 0x55);
	while (pn_galog_step(&drv_lab->drv[0], drv_self))
		;
	rig_want(told == 514 && tag == 0x55, "P1", "the log runs again");
}

void drv_log(void)
{
	struct drv_unit *u = &drv_lab->units[FULL];
	struct pn_amdvi_ir *ir = &drv_lab->ir;

	woken = told = overflows = 0;
	rig_want(!drv_up(FULL, -1, drv_config(PN_NOTIFY_GALOG)) &&
			 !pn_amdvi_irt_create(&drv_lab->drv[0], drv_self, DEV, 3) &&
			 !pn_amdvi_ir_init(ir, &drv_lab->drv[0], drv_self, DEV, 7, 1, 0x31),
		 "P7", "an IOMMU");
	drv_lab->host.notifier =
		(struct pn_ga_notifier){.ctx = &told, .entry = tells, .overflow = overflowed};
	reads_the_log(u, ir);
	overflows_once(u, ir);
	/* Nobody listens. */
	drv_lab->host.notifier = (struct pn_ga_notifier){0};
	posts(ir, 0x66);
	while (pn_galog_step(&drv_lab->drv[0], drv_self))
		;
	rig_want(told == 514 && drv_lab->drv[0].drain.head == drv_lab->drv[0].drain.tail, "P6",
		 "a hypervisor that is gone is called");
	for (unsigned i = 0; i < 513; i++)
		posts(ir, 0x66);
	while (pn_galog_step(&drv_lab->drv[0], drv_self))
		;
	rig_want(drv_read(&drv_lab->units[FULL], 0x2020, 8) == 0x118, "P1",
		 "a log that overflowed is not started anew without a hypervisor");
	pn_iommus_switch(&drv_lab->host, drv_self, PN_NOTIFY_GAPPI);
	drv_lab->drv[0].drain.active = true;
	rig_want(!pn_galog_step(&drv_lab->drv[0], drv_self), "P5", "a log that is off is read");
}

/* ---- commands without an answer: before there is a thread, a poll costs nothing ---- */

static void must(bool ok, const char *what)
{
	if (!ok && !early)
		early = what;
}

static void silence(void)
{
	struct drv_unit *u = &drv_lab->units[FULL];
	struct pn_amdvi_ir *ir = &drv_lab->ir;

	u->set = 0x100;
	must(drv_up(FULL, -1, drv_config(PN_NOTIFY_GALOG)) == -ETIMEDOUT,
	     "a log that does not stop");
	must(u->n == 1, "an IOMMU that does not stop is used");
	u->set = 0;
	u->clear = 8;
	must(drv_up(FULL, -1, drv_config(PN_NOTIFY_GAPPI)) == -ETIMEDOUT, "it does not start");
	u->clear = 0;
	u->clear = 0x100;
	must(drv_up(FULL, -1, drv_config(PN_NOTIFY_GALOG)) == -ETIMEDOUT, "the log does not start");
	u->clear = 0;
	must(!drv_up(FULL, -1, drv_config(PN_NOTIFY_GAPPI)), "it answers again");
	must(!pn_amdvi_irt_create(&drv_lab->drv[0], drv_self, DEV, 3) &&
		     !pn_amdvi_ir_init(ir, &drv_lab->drv[0], drv_self, DEV, 7, 1, 0x31),
	     "an entry");
}

/* Commands do not reach it. */
static void deaf(void)
{
	const uint64_t cmd[2] = {8ull << 60, 0};
	struct drv_unit *u = &drv_lab->units[FULL];
	struct pn_amdvi_ir *ir = &drv_lab->ir;
	uint32_t head, tail;

	u->deaf = true;
	must(pn_amdvi_cmd_sync(&drv_lab->drv[0], drv_self, cmd) == -ETIMEDOUT &&
		     !drv_lab->drv[0].lock.held,
	     "a command without an answer");
	must(pn_amdvi_wait(&drv_lab->drv[0], drv_self) == -ETIMEDOUT && !drv_lab->drv[0].lock.held,
	     "a wait without an answer");
	must(pn_amdvi_ir_affinity(ir, drv_self, 2, 0x32) == -ETIMEDOUT && !ir->lock.held,
	     "affinity without an answer");
	must(pn_amdvi_irt_create(&drv_lab->drv[0], drv_self, 6, 3) == -ETIMEDOUT,
	     "a table without an answer");
	/* The ring is full: the head as it was read last, then the IOMMU's own. */
	tail = drv_lab->drv[0].cmd_tail;
	head = (uint32_t)drv_read(u, PN_AMDVI_CMD_HEAD, 8);
	drv_lab->drv[0].cmd_head = head;
	drv_lab->drv[0].cmd_tail = (head - 16) & 0xFFF;
	must(pn_amdvi_wait(&drv_lab->drv[0], drv_self) == -ETIMEDOUT &&
		     drv_lab->drv[0].cmd_tail == ((head - 16) & 0xFFF) &&
		     !drv_lab->drv[0].lock.held,
	     "a command is written over one that waits");
	drv_lab->drv[0].cmd_head = tail + 16;
	drv_lab->drv[0].cmd_tail = tail;
	must(pn_amdvi_wait(&drv_lab->drv[0], drv_self) == -ETIMEDOUT &&
		     drv_lab->drv[0].cmd_tail == tail + 16 && drv_lab->drv[0].cmd_head == head,
	     "the head is not read again");
	u->deaf = false;
	must(!pn_amdvi_wait(&drv_lab->drv[0], drv_self) &&
		     drv_lab->drv[0].cmd_head == drv_lab->drv[0].cmd_tail,
	     "it goes on");
	u->set = 0x100;
	must(pn_iommus_switch(&drv_lab->host, drv_self, PN_NOTIFY_GALOG) == -ETIMEDOUT &&
		     drv_lab->host.notify == PN_NOTIFY_GAPPI && !drv_lab->drv[0].ga_lock.held,
	     "a switch without an answer");
	u->set = 0;
}

/* GALogRun rises some time after GALogEn. */
static void restarts_late(void)
{
	struct drv_unit *u = &drv_lab->units[FULL];
	struct pn_amdvi_ir *ir = &drv_lab->ir;

	u->late = 3;
	must(!drv_up(FULL, -1, drv_config(PN_NOTIFY_GALOG)) && !u->late,
	     "the log's start is not awaited");
	must(!pn_amdvi_irt_create(&drv_lab->drv[0], drv_self, DEV, 3) &&
		     !pn_amdvi_ir_init(ir, &drv_lab->drv[0], drv_self, DEV, 7, 1, 0x31),
	     "an entry");
	for (unsigned i = 0; i < 513; i++)
		posts(ir, 0x11);
	for (unsigned i = 0; i < 512; i++)
		pn_galog_step(&drv_lab->drv[0], drv_self);
	u->late = 3;
	must(pn_galog_step(&drv_lab->drv[0], drv_self) && !u->late &&
		     drv_lab->drv[0].control & GALOG,
	     "the log's restart is not awaited");
	u->late = 0;
}

const char *drv_silence(void)
{
	early = NULL;
	silence();
	deaf();
	restarts_late();
	return early;
}
