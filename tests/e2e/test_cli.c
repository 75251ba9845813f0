/* SPDX-License-Identifier: MIT */
/* The command line as documented: help, statuses, messages, JSON keys, files. */
#define _GNU_SOURCE /* pipe2() */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "spawn.h"

static const char *recordings;

/* Arguments, exit status, and what standard output and standard error must contain. */
struct row {
	const char *args;
	int status;
	const char *out, *err;
};

static const struct row rows[] = {
	{"", 2, NULL, "Usage: postern VERB"},
	{"--help", 0, "Start with: postern compare", NULL},
	{"--version", 0, "postern ", NULL},
	{"help compare", 0, "Usage: postern compare", NULL},
	{"help comapre", 2, NULL, "did you mean 'compare'?"},
	{"compare --help", 0, "Examples:", NULL},
	{"run --help", 0, "Examples:", NULL},
	{"replay --help", 0, "Example:", NULL},
	{"decode --help", 0, "Example", NULL},
	{"calibrate --help", 0, "Example:", NULL},
	{"list --help", 0, "Example:", NULL},
	{"bench --help", 0, "Example:", NULL},
	{"comapre", 2, NULL, "postern: unknown verb 'comapre' (did you mean 'compare'?)"},
	{"explore --help", 0, "Examples:", NULL},
	{"explore nv-switch-misses-on --variant broken", 0, "line  PID of vCPU 0: PIR", NULL},
	{"explore posted-msi-last-harvest", 0, "2 of 2 as expected", NULL},
	{"explore", 2, NULL, "no case is given"},
	{"explore --all gappi-masked-irr", 2, NULL, "a case, or --all, not both"},
	{"explore gappi-masked-irr cpu-offline", 2, NULL, "one case at a time"},
	{"explore gappi-masked-ir", 2, NULL, "did you mean 'gappi-masked-irr'?"},
	{"explore nosuch", 2, NULL, "there is no case 'nosuch' (see postern list cases)"},
	{"explore --all --variant brokn", 2, NULL, "did you mean 'broken'?"},
	{"explore galog-overflow-unseen --variant broken --overflow-restart w1c", 0,
	 "1 of 1 as expected", NULL},
	{"explore galog-restart-too-early --variant broken --overflow-restart w1c", 0,
	 "runs on once its overflow bit is cleared", NULL},
	{"explore galog-overflow-unseen --variant broken", 0,
	 "log thread 0  -- reads GALogRun=1 GALOverflow=0 GAInt=1", NULL},
	{"explore galog-restart-too-early --variant broken", 0,
	 "reads GALogRun=1 GALOverflow=1 GAInt=1", NULL},
	{"explore unlist-before-retarget --variant broken", 0, "takes interrupt 0 away", NULL},
	{"explore --all --overflow-restart w1", 2, NULL, "did you mean 'w1c'?"},
	{"explore --all --memory arm", 2, NULL, "expected x86-tso or sc"},
	{"explore --all --bound x", 2, NULL, "--bound: 'x' is not a number"},
	{"explore --all --steps 40000", 2, NULL, "--steps: '40000' is not a number from 1 to"},
	{"explore --all --seconds 0", 2, NULL, "--seconds: '0' is not a time"},
	{"explore --all --trace no/such/dir/x.json", 3, NULL, "No such file"},
	{"explore gappi-masked-irr --variant broken", 0, "P1 is violated", NULL},
	{"explore gappi-masked-irr --variant fixed", 0, "1 of 1 as expected", NULL},
	{"explore block-without-fence --variant broken", 0, "into buffer", NULL},
	{"explore block-without-fence --variant broken --memory sc", 0, "1 of 1 as expected", NULL},
	{"explore gappi-masked-irr --variant broken --bound 0", 1, "bounded to 0 preemptions",
	 NULL},
	{"explore gappi-masked-irr --variant fixed --seconds 0.0001", 3,
	 "not finished: out of time", NULL},
	{"explore gappi-masked-irr --variant fixed --steps 20", 3, "did not end within 20 steps",
	 NULL},
	{"torture", 2, NULL, "torture needs --mode MODE"},
	{"sweep", 2, NULL, "no sweep is named"},
	{"sweep x.ini", 3, NULL, "no such file, and no built-in sweep of that name"},
	{"sweep sparse-rate --jobs 0", 2, NULL, "--jobs: '0' is not a number of processes"},
	{"list sweeps", 0, "sparse-rate              When does posting", NULL},
	{"list", 2, NULL, "no list is named"},
	{"list keys", 0, "  vm.vcpus                 1 .. 4096; required: vCPUs of each\n", NULL},
	{"list keys --json", 0, "\"section\": \"load\"", NULL},
	{"list mode", 2, NULL, "did you mean 'modes'"},
	{"list modes", 0, "gappi:masked=park (default)", NULL},
	{"list modes", 0, "bare metal:\n  remapped ", NULL},
	{"list modes", 0, "variants: posted-msi:loops=3 (default), loops=N with N 1 .. 64", NULL},
	{"list scenarios", 0, "passthrough-nvme         passthrough: ", NULL},
	{"list scenarios", 0, "nvme-bare-metal          bare metal: ", NULL},
	{"list scenarios", 0, "ipi-storm                guest IPIs: ", NULL},
	{"list costs", 0, "default", NULL},
	{"list modes --seed 3", 0, "gappi", NULL},
	{"list modes --seed x", 2, NULL, "--seed: 'x' is not a number"},
	{"decode irte32 00310F41 --seed 3", 0, "logical APIC ID 0x0f", NULL},
	{"bench post_ns --seed 3", 0, "post_ns", NULL},
	{"list cases", 0, "block-without-fence", NULL},
	{"list decoders", 0, "avic-phys", NULL},
	{"decode", 2, NULL, "no KIND is given"},
	{"list decoders", 0, "pid-pointer", NULL},
	{"decode vtd-irte 2345678000418001 0000000100040841", 0, "descriptor at 0x123456780", NULL},
	{"decode vtd-irte 2345678001418001 1", 0, "wrong: bits 37:24 are reserved", NULL},
	{"decode pid 2 0 0 8000000000000000 0000030000F20003 0 0 0", 0, "pending: 0xff", NULL},
	{"decode msi-vtd FEE00278 2", 0, "entry 21 of the remapping table", NULL},
	{"decode vtd-fault 0005000000000000 8000002200000841", 0, "entry 5", NULL},
	{"decode pid 1 2 3", 3, NULL, "pid does not come as 3 words"},
	{"decode irtee 0", 2, NULL, "postern: unknown kind 'irtee' (did you mean 'irte'?)"},
	{"decode irte", 2, NULL, "expected two 64-bit words"},
	{"decode irte 1 2 3", 3, NULL, "expected two 64-bit words"},
	{"decode icr 0c000000 000000fd", 0, "note: the words are high first", NULL},
	{"decode control 00020000 00000002", 3, NULL, "--low-first or --high-first"},
	{"decode control 00020000 00000002 --low-first", 0, "IRTEs have 128 bits", NULL},
	{"decode galog 00000203 10002100 --kernel 6.17", 0, "VM 1, vCPU 3", NULL},
	{"decode gatag 203 --vcpu-bits 12", 0, "VM 0, vCPU 515", NULL},
	{"decode gatag 203 --vcpu-bits x", 2, NULL, "expected 1 to 31"},
	{"decode gatag 203 --kernel x", 2, NULL, "expected a version"},
	{"decode --log /no/such/file", 3, NULL, "postern: /no/such/file: No such file"},
	{"decode --log - irte", 2, NULL, "--log takes a file and no KIND"},
	{"decode irte 1 xyz", 3, NULL, "'xyz' is not a hexadecimal number"},
	{"decode irte 000000F100002A81 0000000123456041", 0, "GAPPI: vector 0xf1", NULL},
	{"decode irte 000000F100002A81 41", 0, "wrong: GuestMode=1 but the vAPIC page root is 0",
	 NULL},
	{"compare --modes gapi", 2, NULL, "unknown mode 'gapi' (did you mean 'gappi'?)"},
	{"compare --modes gappi,posted-msi", 2, NULL,
	 "postern: passthrough-nvme: mode 'posted-msi' is for bare metal, but the scenario has a "
	 "[vm "
	 "NAME] with devices: passthrough (expected emulated, avic, galog, gappi or vtd-pi)"},
	{"compare sparse-bare-metal --modes emulated", 2, NULL,
	 "bare metal (expected remapped or posted-msi)"},
	{"compare ipi-storm --modes vtd-pi", 2, NULL,
	 "guest IPIs (expected ipi-exit, ipi-avic or ipi-ipiv)"},
	{"compare disks-and-ipis --duration 2ms", 0, "\nIPIs          delivered", NULL},
	{"compare disks-and-ipis --duration 2ms --modes ipi-ipiv --json", 0, "\"by_source\": {",
	 NULL},
	{"run disks-and-ipis --duration 2ms --mode gappi", 0,
	 "Latency of IPIs whose vCPU slept: ", NULL},
	{"compare disks-and-ipis --duration 1ms --modes vtd-pi,ipi-exit --sensitivity=2", 0,
	 "\nIPIs  ", NULL},
	{"compare disks-and-ipis --modes remapped", 2, NULL,
	 "the scenario has devices and an [ipi NAME]: passthrough and guest IPIs (expected "
	 "emulated"},
	{"compare disks-and-ipis --set nvme.vector=0xf0", 2, NULL,
	 "postern: --set: vector 0xf0 is that of [ipi wakeups]"},
	{"compare disks-and-ipis --set machine.x2avic=no --modes gappi", 2, NULL,
	 "expected x2apic = no too"},
	{"compare sparse-wakeups --duration 5ms --set machine.halt_poll_ns=200000", 0,
	 "\nhalt polling  polls", NULL},
	{"compare sparse-wakeups --set machine.halt_poll_ns_grw=2", 2, NULL,
	 "postern: --set: unknown key \"halt_poll_ns_grw\" in [machine] (did you mean "
	 "\"halt_poll_ns_grow\"?)"},
	{"compare ipi-storm --set machine.x2avic=no", 2, NULL, "expected x2apic = no too"},
	{"compare --modes posted-msi:loops=65", 2, NULL, "'65' of 'loops' is no number 1 .. 64"},
	{"run sparse-bare-metal --mode gappi", 2, NULL, "mode 'gappi' is for passthrough"},
	{"compare odd.ini", 3, NULL,
	 "postern: odd.ini:4: type = pingpong: vCPUs play in pairs, [vm g] has 3"},
	{"compare bare.ini", 3, NULL,
	 "postern: bare.ini:2: vm: there is no [vm NAME], so this is bare metal"},
	{"compare sparse-bare-metal --set nic.vector=0x41", 2, NULL,
	 "postern: --set: vector: there is no [vm NAME]"},
	{"compare churn.ini", 3, NULL,
	 "postern: churn.ini:2: churn_offline means nothing on bare metal"},
	{"compare sparse-bare-metal --set machine.churn_retarget=1ms", 2, NULL,
	 "postern: --set: churn_retarget means nothing on bare metal"},
	{"compare ipi-storm --set machine.churn_detach=1ms", 2, NULL,
	 "churn_detach means nothing with an [ipi NAME]"},
	{"compare ipi-storm --duration 5ms --set machine.churn_inhibit=100us", 0, "ipi-avic", NULL},
	{"compare window.ini --modes gappi,emulated", 3, NULL,
	 "postern: window.ini:3: [vm g]: inhibit = irq-window: mode 'emulated' has no interrupt "
	 "virtualization to inhibit (expected mode avic, galog or gappi)"},
	{"compare window.ini --modes vtd-pi --report inhibited.html --trace inhibited.json", 3,
	 NULL, "postern: window.ini:3: [vm g]: inhibit = irq-window: mode 'vtd-pi' has APICv"},
	{"run window.ini --mode emulated --hgrm inhibited", 3, NULL, "postern: window.ini:3: "},
	{"compare window.ini --set g.inhibit=irq-windw", 2, NULL,
	 "postern: --set: inhibit = irq-windw: expected one of none, irq-window, nested"},
	{"compare window.ini --modes emulated --set g.inhibit=blockirq", 2, NULL,
	 "postern: --set: [vm g]: inhibit = blockirq: mode 'emulated'"},
	{"compare window.ini --duration 10ms", 0,
	 "Left out: vtd-pi cannot have the inhibit that the scenario provokes.", NULL},
	{"compare window.ini --duration 10ms --json", 0, "\"left_out\": [", NULL},
	{"compare window.ini --duration 10ms --modes gappi --json", 0, "\"irq-window\": ", NULL},
	{"run window.ini --duration 10ms --mode gappi", 0,
	 "Inhibits of interrupt virtualization by cause\n  irq-window", NULL},
	{"compare off.ini --modes gappi,emulated", 3, NULL,
	 "postern: off.ini:8: [inhibit x]: reason = sev: mode 'emulated' has no interrupt "
	 "virtualization "
	 "to inhibit (expected mode avic, galog or gappi)"},
	{"compare off.ini --duration 10ms", 0,
	 "Left out: vtd-pi cannot have the inhibit that the scenario provokes.", NULL},
	{"run off.ini --duration 10ms --mode gappi", 0,
	 "Inhibits of interrupt virtualization by cause\n  sev", NULL},
	{"compare off.ini --duration 10ms --modes vtd-pi --set x.reason=HYPERV --json", 0,
	 "\"hyperv\": 1", NULL},
	{"compare off.ini --set x.reason=APICV_INHIBIT_REASON_IRQWN", 2, NULL,
	 "postern: --set: reason = APICV_INHIBIT_REASON_IRQWN: no reason of KVM's (did you mean "
	 "\"irqwin\"?)"},
	{"compare off.ini --set x.end=1ms", 2, NULL,
	 "postern: --set: reason = sev never goes away"},
	{"compare off.ini --set x.vm=h", 2, NULL, "there is no [vm h] (did you mean \"g\"?)"},
	{"compare alias.ini", 3, NULL,
	 "postern: alias.ini:3: [vm g]: inhibit = logical-id-aliased: in mode 'avic' the guest is "
	 "in x2APIC mode, where IDs are read-only (expected x2avic = no)"},
	{"compare alias.ini --duration 10ms --set machine.x2avic=no", 0, "Left out: emulated",
	 NULL},
	{"compare ipi-storm --set guest.inhibit=logical-id-aliased --set machine.x2apic=no", 2,
	 NULL,
	 "postern: --set: inhibit = logical-id-aliased: an IPI to such an ID has two targets"},
	{"compare knob.ini", 3, NULL,
	 "postern: knob.ini:2: gappi_emptiness = exact265: expected one of exact256, word32, "
	 "always "
	 "(did you mean \"exact256\"?)"},
	{"compare masked-vector --set guest.tpr=0xf0", 2, NULL, "expected at most 0xdf"},
	{"run nvme-bare-metal --mode vtd-pi", 2, NULL, "mode 'vtd-pi' is for passthrough"},
	{"run passthrough-nvme --mode remapped", 2, NULL, "mode 'remapped' is for bare metal"},
	{"run passthrough-nvme --mode ipi-ipiv", 2, NULL, "mode 'ipi-ipiv' is for guest IPIs"},
	{"run ipi-pingpong --mode posted-msi", 2, NULL, "mode 'posted-msi' is for bare metal"},
	{"run passthrough-nvme --mode vtd-pi --duration 10ms", 0, "descriptors   notifications",
	 NULL},
	{"compare --fidelity dsa", 2, NULL, "--fidelity has its own scenarios and modes"},
	{"compare --fidelity --modes posted-msi", 2, NULL, "--fidelity has its own scenarios"},
	{"compare --fidelity --duration 1s", 2, NULL, "--fidelity has its own scenarios"},
	{"compare --fidelity --set machine.pcpus=2", 2, NULL, "--fidelity has its own scenarios"},
	{"compare --fidelity --report x.html", 2, NULL, "only --costs, --seed and --json go"},
	{"compare --fidelity --trace x.json", 2, NULL, "only --costs, --seed and --json go"},
	{"compare --fidelity --hgrm x", 2, NULL, "only --costs, --seed and --json go"},
	{"compare --fidelity --costs nosuch.ini", 3, NULL, "postern: nosuch.ini: "},
	{"compare --fidelity --seed x", 2, NULL, "--seed: 'x' is not a number"},
	{"compare --fidelity --sensitivity", 2, NULL, "--fidelity has its own scenarios"},
	{"compare --sensitivity=0", 2, NULL,
	 "--sensitivity: '0' is not a number of draws (expected 1 .. 1024)"},
	{"compare --sensitivity=many", 2, NULL, "'many' is not a number of draws"},
	{"compare --sensitivity --trace x.json", 2, NULL, "--sensitivity is about many runs"},
	{"run sparse-wakeups --mode gappi --duration 12ms --steps=iommu,wake", 0, "gappi_send",
	 NULL},
	{"run sparse-wakeups --mode gappi --duration 12ms --steps", 0, "ctx_switch", NULL},
	{"run storm --mode vtd-pi --steps=iomu", 2, NULL,
	 "there is no step 'iomu' (did you mean 'iommu'?"},
	{"run storm --mode vtd-pi --steps=", 2, NULL, "there is no step ''"},
	{"run storm --mode vtd-pi --steps --json", 2, NULL, "give --steps or --json"},
	{"compare --sensitivity --hgrm x", 2, NULL, "--sensitivity is about many runs"},
	{"run sparse-wakeups --mode gappi --sensitivity", 2, NULL, "sensitivity"},
	{"compare sparse-wakeups --duration 20ms --sensitivity=3 --modes galog,gappi", 0,
	 "The same in 3 draws of the ", NULL},
	{"compare sparse-wakeups --duration 20ms --sensitivity=3 --modes galog,gappi --json", 0,
	 "\"of\": 3", NULL},
	{"bench pid_posts_per_s", 0, "pid_posts_per_s", NULL},
	{"compare --modes galog:gate=no", 2, NULL, "unknown value 'no' of 'gate'"},
	{"compare --modes galog:recover=wke", 2, NULL,
	 "unknown value 'wke' of 'recover' (did you mean 'wake'?)"},
	{"compare --modes gappi:recover=wake", 2, NULL,
	 "mode 'gappi' has no 'recover' (did you mean 'galog:recover'?"},
	{"compare --modes avic:recover=wake", 2, NULL,
	 "mode 'avic' has no 'recover' (did you mean 'galog:recover'?)"},
	{"compare storm --duration 40ms --modes galog", 1,
	 "Linux recovers no dropped entry; galog:recover=wake does", NULL},
	{"compare storm --duration 40ms --modes galog:recover=wake", 0,
	 "galog:recover=wake overflowed", NULL},
	{"compare knob.ini", 3, NULL, "postern: knob.ini:2: "},
	{"compare --set machine.overflow_restart=w1", 2, NULL, "did you mean"},
	{"compare --nonsense", 2, NULL, "--nonsense"},
	{"compare one two", 2, NULL, "one scenario at a time"},
	{"compare --seed x", 2, NULL, "--seed: 'x' is not a number"},
	{"compare --seed -1", 2, NULL, "--seed"},
	{"compare --duration 3", 2, NULL, "--duration: '3' is not a time"},
	{"compare --set pcpus=3", 2, NULL, "not SECTION.KEY=VALUE"},
	{"compare --set machine.pcpu=3", 2, NULL, "postern: --set: unknown key \"pcpu\""},
	{"compare nosuch.ini", 3, NULL, "postern: nosuch.ini: "},
	{"compare bad.ini", 3, NULL, "postern: bad.ini:2: unknown key \"pcpsu\""},
	{"compare --costs nosuch.ini", 3, NULL, "postern: nosuch.ini: "},
	{"compare --report no/such/dir/x.html", 3, NULL,
	 "postern: no/such/dir/x.html: No such file"},
	{"compare --trace /dev/full --duration 20ms", 3, "modelled, not measured",
	 "postern: /dev/full: No space left"},
	{"compare --trace-window 1ms,2ms", 2, NULL, "--trace-window is for --trace"},
	{"compare --trace x --trace-window 1ms", 2, NULL, "'1ms' is not FROM,FOR (expected 20ms,"},
	{"compare --trace x --trace-window 1ms,0", 2, NULL, "'1ms,0' is not FROM,FOR"},
	{"compare --trace x --trace-window ,1ms", 2, NULL, "',1ms' is not FROM,FOR"},
	{"compare --trace x --duration 20ms --trace-window 9s,1ms", 2, NULL,
	 "--trace-window: the simulation ends after"},
	{"compare --duration 20ms --report two --trace ./two", 3, NULL,
	 "postern: ./two is to be written twice"},
	{"compare --report=", 3, NULL, "an output file without a name"},
	{"compare window.ini --modes gappi --report ./window.ini", 2, NULL,
	 "./window.ini is the scenario itself"},
	{"run window.ini --mode gappi --trace window.ini", 2, NULL,
	 "window.ini is the scenario itself"},
	{"compare --trace .", 3, NULL, "postern: .: Is a directory"},
	{"compare --hgrm bad.ini", 3, NULL, "postern: bad.ini: Not a directory"},
	{"run passthrough-nvme", 2, NULL, "run takes one --mode"},
	{"run --mode gappi", 2, NULL, "run needs a scenario"},
	{"run bad.ini --mode gappi", 3, NULL, "bad.ini:2"},
	{"calibrate", 2, NULL, "calibrate needs a recording"},
	{"calibrate empty.txt", 2, NULL, "calibrate needs -o FILE.ini"},
	{"calibrate empty.txt -o c.ini", 3, NULL, "postern: empty.txt"},
	{"calibrate empty.txt -o c.ini --tsc-ghz x", 2, NULL, "'x' is not a rate"},
	{"replay empty.txt --tsc-ghz 0", 2, NULL, "'0' is not a rate"},
	{"replay", 2, NULL, "replay needs a recording"},
	{"calibrate empty.txt -o ./empty.txt", 2, NULL, "is the recording itself"},
	{"replay empty.txt --write-scenario ./empty.txt", 2, NULL, "is the recording itself"},
	{"replay empty.txt --write-scenario w.ini", 3, NULL, "postern: empty.txt"},
	{"replay empty.txt --write-scenario w.ini --scenario bad.ini", 2, NULL,
	 "--scenario is for a replay"},
	{"replay nosuch.txt", 3, NULL, "postern: nosuch.txt: "},
	{"replay empty.txt", 3, NULL, "postern: empty.txt"},
	{"replay bad.ini", 3, NULL, "postern: bad.ini"},
	{"replay empty.txt --scenario bad.ini", 3, NULL, "bad.ini:2"},
	{"replay empty.txt --modes ipi-exit", 2, NULL,
	 "mode 'ipi-exit' is for guest IPIs, and a recording holds interrupts of devices (expected "
	 "emulated, avic, galog, gappi or vtd-pi; remapped or posted-msi)"},
	{"bench nosuch", 2, NULL, "there is no figure 'nosuch'"},
	{"compare --duration 20ms --modes gappi", 0, "modelled, not measured", NULL},
	{"run sparse-wakeups --duration 20ms --mode galog:gate=always", 0, "VM exits by reason",
	 NULL},
	{"compare sparse-wakeups --duration 20ms --modes galog,gappi", 0, "GALOG dropped", NULL},
	{"compare sparse-wakeups --duration 20ms", 0, "VTD-PI is Intel's silicon", NULL},
	{"compare sparse-bare-metal --duration 50ms", 0, "POSTED-MSI does not pay here", NULL},
	{"compare nvme-bare-metal --duration 20ms", 0, "POSTED-MSI pays here", NULL},
	{"compare dsa --duration 5ms", 0, "POSTED-MSI pays here", NULL},
	{"run dsa --duration 5ms --mode posted-msi:loops=2", 0, "Mode posted-msi, loops=2", NULL},
	{"run dsa --duration 5ms --mode posted-msi", 0, "vectors dispatched", NULL},
	{"run dsa --duration 5ms --mode remapped", 0, "to the host's handler", NULL},
	{"compare ipi-pingpong --duration 10ms", 0, "With IPI-IPIV no IPI exited", NULL},
	{"compare ipi-pingpong --duration 10ms --set machine.x2apic=no", 0, "IPI-IPIV against",
	 NULL},
	{"compare ipi-storm --duration 20ms", 0, "Still exits: logical", NULL},
	{"run ipi-storm --duration 20ms --mode ipi-exit", 0, "VM exits by reason", NULL},
};

static bool is_one_line(const char *text)
{
	return *text && strchr(text, '\n') == text + strlen(text) - 1;
}

static void statuses_and_messages(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct run run;

		run_program(r->args, &run);
		if (run.status != r->status)
			fail_msg("postern %s: status %d\n%s", r->args, run.status, run.err);
		if (r->out && !strstr(run.out, r->out))
			fail_msg("postern %s prints\n%s", r->args, run.out);
		if (r->err && !strstr(run.err, r->err))
			fail_msg("postern %s says\n%s", r->args, run.err);
		if (r->err && !r->out && run.out[0])
			fail_msg("postern %s: an error, but it prints\n%s", r->args, run.out);
		if (!r->err && run.err[0])
			fail_msg("postern %s: no error, but it says\n%s", r->args, run.err);
		if (r->status == 2 && r->args[0] && !is_one_line(run.err))
			fail_msg("postern %s: a usage error is one line\n%s", r->args, run.err);
		run_free(&run);
	}
}

/* An inhibit that a mode cannot have is refused before any output file is opened. */
static void refused_leaves_nothing(void **state)
{
	struct run run;

	(void)state;
	run_program("compare window.ini --modes gappi,vtd-pi --duration 10ms --report refused.html "
		    "--trace refused.json --hgrm refused",
		    &run);
	assert_int_equal(run.status, 3);
	assert_string_equal(run.out, "");
	run_free(&run);
	assert_int_not_equal(access("refused.html", F_OK), 0);
	assert_int_not_equal(access("refused.json", F_OK), 0);
	assert_int_not_equal(access("refused", F_OK), 0);
}

static json_t *json_from(const char *args, int status)
{
	json_error_t e;
	struct run run;
	json_t *o;

	run_program(args, &run);
	if (run.status != status)
		fail_msg("postern %s: status %d\n%s", args, run.status, run.err);
	o = json_loads(run.out, 0, &e);
	if (!o)
		fail_msg("postern %s: %s (line %d)", args, e.text, e.line);
	run_free(&run);
	return o;
}

static void keys_are(json_t *o, const char *expected)
{
	char keys[512] = "";
	const char *key;
	json_t *value;

	json_object_foreach(o, key, value)
	{
		strcat(keys, keys[0] ? " " : "");
		strcat(keys, key);
	}
	assert_string_equal(keys, expected);
}

static long long number(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		fail_msg("%s is not an integer", key);
	return json_integer_value(v);
}

static void check_mode(json_t *m)
{
	json_object_del(m, "other_cpu_ns"); /* only where a recording has other programs */
	keys_are(
		m,
		"mode variant interrupts posts delivered coalesced lost latency_ns wake_latency_ns "
		"vm_exits host_interrupts wakeups galog gappi irt_invalidations inhibits "
		"host_cpu_ns host_cpu_ns_per_interrupt guest_throughput_per_s");
	keys_are(json_object_get(m, "latency_ns"), "min p50 p90 p99 p999 max mean");
	keys_are(json_object_get(m, "wake_latency_ns"), "min p50 p90 p99 p999 max mean");
	keys_are(json_object_get(m, "vm_exits"), "total per_interrupt by_reason");
	keys_are(json_object_get(m, "host_interrupts"), "total by_vector busiest_cpu_share");
	keys_are(json_object_get(m, "wakeups"), "needed spurious missed");
	keys_are(json_object_get(m, "galog"), "entries interrupts overflows dropped");
	keys_are(json_object_get(m, "gappi"), "notifications spurious vcpus_scanned");
	assert_true(number(m, "interrupts") > 0);
	assert_int_equal(number(m, "delivered") + number(m, "coalesced") + number(m, "lost"),
			 number(m, "interrupts"));
	assert_int_equal(number(m, "lost"), 0);
}

static void check_recording(json_t *r)
{
	keys_are(r, "format events interrupts lines switches skipped lost_events inferred load "
		    "span_ns cpus");
	keys_are(json_object_get(r, "load"), "name why cpu_share");
	assert_true(number(r, "events") > 0 && json_object_size(json_object_get(r, "interrupts")));
}

static void check_comparison(const char *args, unsigned modes)
{
	json_t *o = json_from(args, 0), *list = json_object_get(o, "modes");
	bool replay = !strncmp(args, "replay", 6);

	keys_are(o, replay ? "schema scenario seed costs duration_ns recording modes"
			   : "schema scenario seed costs duration_ns modes");
	if (replay)
		check_recording(json_object_get(o, "recording"));
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "postern.compare/1");
	assert_int_equal(json_array_size(list), modes);
	for (size_t i = 0; i < modes; i++)
		check_mode(json_array_get(list, i));
	json_decref(o);
}

static void json_of_comparisons(void **state)
{
	char args[512];

	(void)state;
	check_comparison("compare --json --duration 20ms", 5);
	check_comparison("compare nvme-bare-metal --json --duration 10ms", 2);
	check_comparison("compare ipi-storm --json --duration 10ms", 3);
	check_comparison("compare dsa --json --duration 5ms --modes "
			 "remapped,posted-msi:loops=1,posted-msi:loops=64",
			 3);
	check_comparison(
		"compare --json --duration 20ms --modes gappi:masked=none,galog:gate=always", 2);
	check_comparison("run sparse-wakeups --json --duration 50ms --mode gappi", 1);
	snprintf(args, sizeof(args), "replay %s/randread-qd1.txt.gz --json --duration 100ms",
		 recordings);
	check_comparison(args, 7);
	snprintf(args, sizeof(args),
		 "replay %s/randread-qd1.txt.gz --json --duration 100ms --modes posted-msi",
		 recordings);
	check_comparison(args, 1);
}

/* Every recording, into guests and into the host. */
static void json_of_replays(void **state)
{
	static const char *const names[] = {"randread-qd32", "randread-qd1", "bursty-write"};
	char args[512];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(args, sizeof(args),
			 "replay %s/%s.txt.gz --json --modes "
			 "vtd-pi,remapped,posted-msi,posted-msi:loops=1",
			 recordings, names[i]);
		check_comparison(args, 4);
	}
	snprintf(args, sizeof(args),
		 "replay %s/bursty-write.txt.gz --json --modes vtd-pi "
		 "--set machine.churn_inhibit=1ms",
		 recordings);
	check_comparison(args, 1);
}

/* compare takes the scenario that is made of a recording, as it is. */
static void scenario_of_a_recording(void **state)
{
	char args[512];
	struct run run;
	json_t *o;

	(void)state;
	snprintf(args, sizeof(args), "replay %s/bursty-write.txt.gz --write-scenario made.ini",
		 recordings);
	run_program(args, &run);
	assert_int_equal(run.status, 0);
	assert_non_null(strstr(run.out, "1720 interrupts"));
	assert_string_equal(run.err, "");
	run_free(&run);
	check_comparison("compare made.ini --json --modes galog,gappi", 2);
	strcat(args, " --json");
	o = json_from(args, 0);
	keys_are(o, "schema scenario recording");
	check_recording(json_object_get(o, "recording"));
	json_decref(o);
	snprintf(args, sizeof(args), "replay %s/bursty-write.txt.gz --write-scenario no/made.ini",
		 recordings);
	run_program(args, &run);
	assert_int_equal(run.status, 3);
	assert_string_equal(run.out, "");
	run_free(&run);
	unlink("made.ini");
}

/* What only the host's own interrupts have no use for. */
static void replays_refused(void **state)
{
	char args[512];
	struct run run;

	(void)state;
	snprintf(args, sizeof(args),
		 "replay %s/bursty-write.txt.gz --modes posted-msi "
		 "--set machine.churn_detach=1ms",
		 recordings);
	run_program(args, &run);
	assert_int_equal(run.status, 3);
	assert_non_null(strstr(run.err, "churn_detach mean nothing on bare metal"));
	assert_string_equal(run.out, "");
	run_free(&run);
}

static void json_of_the_bench(void **state)
{
	json_t *o = json_from("bench --json pid_posts_per_s", 0), *f;

	(void)state;
	f = json_array_get(json_object_get(o, "figures"), 0);
	keys_are(f, "name value unit peer peer_value ratio");
	assert_string_equal(json_string_value(json_object_get(f, "name")), "pid_posts_per_s");
	assert_string_equal(json_string_value(json_object_get(f, "peer")), "eventfd_write");
	assert_true(json_number_value(json_object_get(f, "value")) > 0);
	assert_true(json_number_value(json_object_get(f, "peer_value")) > 0);
	json_decref(o);
}

static void json_of_a_log(void **state)
{
	char path[] = "/tmp/postern-log-XXXXXX", args[64];
	FILE *f = fdopen(mkstemp(path), "w");
	json_t *o, *line;

	(void)state;
	assert_non_null(f);
	fprintf(f, "usb 1-1: new device\n\n[1.5] DMAR: DRHD: handling fault status reg 2\n"
		   "IRT[0000] 0000000000000031 0000000000000141\n");
	fclose(f);
	snprintf(args, sizeof(args), "decode --json --log %s", path);
	o = json_from(args, 0);
	keys_are(o, "schema lines unknown");
	assert_string_equal(json_string_value(json_object_get(o, "schema")),
			    "postern.decode-log/1");
	assert_int_equal(json_array_size(json_object_get(o, "lines")), 2);
	line = json_array_get(json_object_get(o, "lines"), 0);
	keys_are(line, "line kind fields errors reading");
	assert_int_equal(json_integer_value(json_object_get(line, "line")), 3);
	assert_string_equal(json_string_value(json_object_get(line, "kind")), "dmar-status");
	assert_int_equal(json_integer_value(json_object_get(o, "unknown")), 1);
	json_decref(o);
	unlink(path);
}

static void json_of_the_rest(void **state)
{
	json_t *o = json_from("decode --json galog 0x1000084100012345", 0), *f;

	(void)state;
	keys_are(o, "kind words fields errors");
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "words"), 0)),
			    "0x1000084100012345");
	f = json_array_get(json_object_get(o, "fields"), 0);
	keys_are(f, "name bits value meaning");
	assert_string_equal(json_string_value(json_object_get(f, "bits")), "31:0");
	assert_string_equal(json_string_value(json_object_get(f, "value")), "0x12345");
	assert_int_equal(json_array_size(json_object_get(o, "errors")), 0);
	json_decref(o);
	o = json_from("list modes --json", 0);
	assert_int_equal(json_array_size(json_object_get(o, "items")), 10);
	f = json_array_get(json_object_get(o, "items"), 6);
	keys_are(f, "name description workload");
	assert_string_equal(json_string_value(json_object_get(f, "workload")), "bare metal");
	json_decref(o);
	o = json_from("run dsa --json --duration 5ms --mode posted-msi:loops=2", 0);
	f = json_array_get(json_object_get(o, "modes"), 0);
	f = json_object_get(f, "variant");
	assert_string_equal(json_string_value(json_object_get(f, "loops")), "2");
	json_decref(o);
	o = json_from("bench --json post_ns", 0);
	keys_are(o, "schema machine figures");
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "postern.bench/1");
	f = json_array_get(json_object_get(o, "figures"), 0);
	keys_are(f, "name value unit peer peer_value ratio");
	json_decref(o);
}

static json_t *case_of(json_t *o, size_t i)
{
	return json_array_get(json_object_get(o, "cases"), i);
}

static void text_is(json_t *o, const char *key, const char *expected)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (!text || strcmp(text, expected))
		fail_msg("%s is %s, not %s", key, text ? text : "no text", expected);
}

static void json_of_explorations(void **state)
{
	static const char *const keys = "case variant memory_model overflow_restart expected "
					"found property executions transitions blocked replayed "
					"states depth exhaustive "
					"seconds trace";
	json_t *o = json_from("explore block-without-fence --json", 0), *c;

	(void)state;
	keys_are(o, "schema cases");
	text_is(o, "schema", "postern.explore/1");
	assert_int_equal(json_array_size(json_object_get(o, "cases")), 2);
	c = case_of(o, 0);
	keys_are(c, keys);
	text_is(c, "case", "block-without-fence");
	text_is(c, "variant", "broken");
	text_is(c, "memory_model", "x86-tso");
	text_is(c, "expected", "violation");
	text_is(c, "found", "violation");
	text_is(c, "property", "P1");
	assert_true(number(c, "transitions") > 0);
	keys_are(json_array_get(json_object_get(c, "trace"), 0),
		 "agent text where buffered doing shared");
	c = case_of(o, 1);
	keys_are(c, keys);
	text_is(c, "variant", "fixed");
	text_is(c, "found", "held");
	assert_true(json_is_null(json_object_get(c, "property")));
	assert_true(json_is_true(json_object_get(c, "exhaustive")));
	assert_int_equal(json_array_size(json_object_get(c, "trace")), 0);
	json_decref(o);
	o = json_from("explore block-without-fence --memory sc --json", 0);
	text_is(case_of(o, 0), "memory_model", "sc");
	text_is(case_of(o, 0), "expected", "held");
	text_is(case_of(o, 0), "found", "held");
	json_decref(o);
	/* A bounded search is never exhaustive, even with a large bound. */
	o = json_from("explore gappi-masked-irr --variant fixed --bound 1 --json", 0);
	text_is(case_of(o, 0), "found", "held");
	assert_true(json_is_false(json_object_get(case_of(o, 0), "exhaustive")));
	json_decref(o);
}

static void trace_of_a_counter_example(void **state)
{
	json_t *o, *e;
	struct run run;
	size_t i, slices = 0, lines = 0;

	(void)state;
	run_program("explore block-without-fence --variant broken --trace x.json", &run);
	assert_int_equal(run.status, 0);
	run_free(&run);
	o = json_load_file("x.json", 0, NULL);
	assert_non_null(o);
	json_array_foreach(json_object_get(o, "traceEvents"), i, e)
	{
		if (!strcmp(json_string_value(json_object_get(e, "ph")), "X")) {
			assert_int_equal(number(e, "ts"), slices++);
			assert_int_equal(number(e, "dur"), 1);
		} else {
			lines += !strcmp(json_string_value(json_object_get(e, "name")),
					 "thread_name");
		}
	}
	assert_true(slices > 10);
	assert_true(lines >= 2);
	json_decref(o);
}

/* Never "held". */
static void out_of_memory_is_not_finished(void **state)
{
	struct run run;
	json_t *o;

	(void)state;
	if (NO_MEMORY_LIMIT)
		skip();
	run_program("explore gappi-masked-irr --variant fixed --memory-limit 1 --json", &run);
	assert_int_equal(run.status, 3);
	assert_non_null(strstr(run.err, "not finished: "));
	o = json_loads(run.out, 0, NULL);
	text_is(case_of(o, 0), "found", "not finished");
	assert_true(json_is_false(json_object_get(case_of(o, 0), "exhaustive")));
	json_decref(o);
	run_free(&run);
}

static void same_bytes(const char *a, const char *b, bool same)
{
	struct run x, y;

	run_program(a, &x);
	run_program(b, &y);
	assert_int_equal(x.status, 0);
	assert_int_equal(y.status, 0);
	if ((x.out_size == y.out_size && !memcmp(x.out, y.out, x.out_size)) != same)
		fail_msg("\"%s\" and \"%s\": %s", a, b, same ? "different" : "the same");
	run_free(&x);
	run_free(&y);
}

static void a_seed_fixes_the_bytes(void **state)
{
	(void)state;
	same_bytes("compare --duration 20ms --json", "compare --duration 20ms --json --seed 1",
		   true);
	same_bytes("compare --duration 20ms", "compare --duration 20ms --seed 2", false);
	/* The order and the number of threads make no difference. */
	same_bytes("compare --duration 20ms --json",
		   "compare --duration 20ms --json --trace same.json", true);
	assert_int_equal(unlink("same.json"), 0);
}

static unsigned entries(const char *dir, const char *suffix)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name), end = strlen(suffix);

		n += len >= end && !strcmp(e->d_name + len - end, suffix);
	}
	closedir(d);
	return n;
}

static void output_files(void **state)
{
	json_t *o, *events, *e;
	bool pids[2] = {false, false};
	struct run run;
	size_t i;

	(void)state;
	run_program("compare --duration 5ms --modes galog,gappi --report r.html --trace t.json "
		    "--trace-window 10ms,500us --hgrm h",
		    &run);
	assert_int_equal(run.status, 0);
	assert_int_equal(entries(".", ".tmp"), 0);
	assert_int_equal(entries("h", ".hgrm"), 4);
	assert_int_equal(access("r.html", R_OK), 0);
	o = json_load_file("t.json", 0, NULL);
	assert_non_null(o);
	events = json_object_get(o, "traceEvents");
	assert_true(json_array_size(events) > 10);
	json_array_foreach(events, i, e)
	{
		long long pid = number(e, "pid");

		assert_true(pid == 0 || pid == 1);
		pids[pid] = true;
		assert_non_null(json_string_value(json_object_get(e, "ph")));
	}
	assert_true(pids[0] && pids[1]);
	json_decref(o);
	run_free(&run);
}

/* A failure leaves no incomplete file. */
static void failures_leave_nothing(void **state)
{
	struct run run;

	(void)state;
	run_program("compare bad.ini --report left.html --trace left.json --hgrm left", &run);
	assert_int_equal(run.status, 3);
	run_free(&run);
	run_program("compare --report left.html --trace no/such/dir/left.json", &run);
	assert_int_equal(run.status, 3);
	assert_int_equal(entries(".", ".tmp"), 0);
	assert_int_not_equal(access("left.html", F_OK), 0);
	assert_int_not_equal(access("left.json", F_OK), 0);
	assert_int_not_equal(access("left", F_OK), 0);
	run_free(&run);
}

static void a_file_too_large_leaves_nothing(void **state)
{
	struct rlimit old, small;
	struct run run;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 100000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	run_program("compare --duration 20ms --modes gappi --trace large.json", &run);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(run.status, 3);
	assert_non_null(strstr(run.err, "postern: large.json: "));
	assert_int_equal(entries(".", ".tmp"), 0);
	assert_int_not_equal(access("large.json", F_OK), 0);
	run_free(&run);
}

static void a_closed_pipe_is_no_drama(void **state)
{
	int p[2];
	struct run run;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	close(p[0]);
	pid = start_program("list decoders", p[1], &run);
	close(p[1]);
	finish_program(pid, &run);
	assert_int_equal(run.status, 0);
	assert_string_equal(run.err, "");
	run_free(&run);
}

/* Short outputs fail in the last flush, long ones before it. */
static void a_full_disk_is_said(void **state)
{
	static const char *const outputs[] = {"list decoders", "compare --duration 5ms --json",
					      "run storm --mode gappi --duration 5ms --steps"};
	struct run run;

	(void)state;
	for (unsigned i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
		int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
		pid_t pid;

		if (fd < 0)
			skip();
		pid = start_program(outputs[i], fd, &run);
		close(fd);
		finish_program(pid, &run);
		assert_int_equal(run.status, 3);
		assert_string_equal(run.err, "postern: standard output: No space left on device\n");
		run_free(&run);
	}
}

/* Ctrl-C after @seconds: the results so far, marked as partial. How many interrupts they have. */
static long long part_after(time_t seconds)
{
	const struct timespec wait = {.tv_sec = seconds};
	long long interrupts = 0;
	json_t *o, *m;
	struct run run;
	pid_t pid;

	pid = start_program("run passthrough-nvme --mode gappi --duration 1000s --json", -1, &run);
	nanosleep(&wait, NULL);
	kill(pid, SIGINT);
	finish_program(pid, &run);
	if (run.status == 130) {
		o = json_loads(run.out, 0, NULL);
		assert_non_null(o);
		m = json_array_get(json_object_get(o, "modes"), 0);
		assert_true(json_is_true(json_object_get(m, "partial")));
		interrupts = number(m, "interrupts");
		json_decref(o);
	}
	run_free(&run);
	return interrupts;
}

/* A machine under load may not have begun after a second. */
static void ctrl_c_gives_a_part(void **state)
{
	time_t seconds = 1;

	(void)state;
	while (part_after(seconds) <= 0 && seconds < 60)
		seconds *= 2;
	assert_true(seconds < 60);
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Works in a directory of its own. */
static int set_up(void **state)
{
	static char dir[] = "/tmp/postern-cli-XXXXXX";

	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	*state = dir;
	write_file("knob.ini", "[machine]\noverflow_restart = w1\n[vm g]\nvcpus = 1\n");
	write_file("bad.ini", "[machine]\npcpsu = 3\n");
	write_file("odd.ini", "[vm g]\nvcpus = 3\n[ipi i]\ntype = pingpong\n");
	write_file("bare.ini", "[device d]\nvm = g\n[load l]\ntype = poisson\nrate = 1/s\n");
	write_file("churn.ini", "[machine]\nchurn_offline = 1ms\n[device d]\n[load l]\n"
				"type = poisson\nrate = 1/s\n");
	write_file("window.ini", "[vm g]\nvcpus = 2\ninhibit = irq-window\ninhibit_period = 1ms\n"
				 "inhibit_time = 50us\n[device d]\n[load l]\ntype = poisson\n"
				 "rate = 10k/s\n");
	write_file("off.ini",
		   "[vm g]\nvcpus = 2\n[device d]\n[load l]\ntype = poisson\nrate = 10k/s\n"
		   "[inhibit x]\nreason = SEV\n");
	write_file("alias.ini", "[vm g]\nvcpus = 2\ninhibit = logical-id-aliased\n[device d]\n"
				"[load l]\ntype = poisson\nrate = 10k/s\n");
	write_file("knob.ini", "[machine]\ngappi_emptiness = exact265\n[vm g]\nvcpus = 2\n"
			       "[device d]\n[load l]\ntype = poisson\nrate = 1/s\n");
	write_file("empty.txt", "");
	return 0;
}

static int remove_all(const char *dir)
{
	char path[600];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d)) != NULL) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (unlink(path))
			remove_all(path);
	}
	if (d)
		closedir(d);
	return rmdir(dir);
}

static int tear_down(void **state)
{
	return chdir("/") || remove_all(*state);
}

/* The tests change the directory. */
static const char *absolute(const char *path)
{
	return path ? realpath(path, NULL) : NULL;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_and_messages),
		cmocka_unit_test(refused_leaves_nothing),
		cmocka_unit_test(json_of_comparisons),
		cmocka_unit_test(json_of_replays),
		cmocka_unit_test(scenario_of_a_recording),
		cmocka_unit_test(replays_refused),
		cmocka_unit_test(json_of_the_bench),
		cmocka_unit_test(json_of_a_log),
		cmocka_unit_test(json_of_the_rest),
		cmocka_unit_test(json_of_explorations),
		cmocka_unit_test(trace_of_a_counter_example),
		cmocka_unit_test(out_of_memory_is_not_finished),
		cmocka_unit_test(a_seed_fixes_the_bytes),
		cmocka_unit_test(output_files),
		cmocka_unit_test(failures_leave_nothing),
		cmocka_unit_test(a_file_too_large_leaves_nothing),
		cmocka_unit_test(a_closed_pipe_is_no_drama),
		cmocka_unit_test(a_full_disk_is_said),
		cmocka_unit_test(ctrl_c_gives_a_part),
	};

	program = absolute(argc > 1 ? argv[1] : getenv("POSTERN"));
	recordings = absolute(argc > 2 ? argv[2] : getenv("POSTERN_RECORDINGS"));
	if (!program || !recordings) {
		fprintf(stderr, "usage: test_cli PATH/postern PATH/scenarios/recordings\n");
		return 99;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
