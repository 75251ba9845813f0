# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The machine of boot/compare: it counts instructions, and one thread runs all of its processors.
# shellcheck disable=SC2154 # boot/compare reads the command line into word, plan and limit

COMPARE_MODES=(baseline remapped posting gappi)
# shellcheck disable=SC2034 # boot/compare reads it
COMPARE_TABLES=(path last other each log listed entries interrupts steps)

# Those of the command line; without any, all that the kernel has.
compare_modes()
{
	if [[ " ${modes[*]} " = *" gappi "* && $word != *-gappi* ]]; then
		say "the mode gappi needs a kernel with the series, $SERIES-gappi; not $word"
		exit 2
	fi
	[ ${#modes[@]} -eq 0 ] || return 0
	modes=("${COMPARE_MODES[@]}")
	[[ $word = *-gappi* ]] || modes=(baseline remapped posting)
}

# One instruction is 2 ns of virtual time, which stands still when all processors are idle. The clock
# of the day and the seeds are the same in every run.
compare_machine()
{
	# shellcheck disable=SC2054,SC2034 # the commas are the arguments; machine.sh reads them
	MACHINE_ACCEL=(-accel "tcg,thread=single" -icount "shift=1,sleep=off"
		-rtc "base=2026-01-01T00:00:00,clock=vm" -seed 1)
	# shellcheck disable=SC2034
	MACHINE_CPUS=9 MACHINE_MEMORY=2048
	cp "$plan" "$SCRATCH/plan"
	job_archive "$BOOT/l1/job-compare" "$SCRATCH/plan" "$BOOT/l1/job-plan" >"$SCRATCH/job.gz"
}

# mode, number of the run
compare_boot()
{
	local name=$1-$2
	# shellcheck disable=SC2034
	MACHINE_DEVICES=(-device
		"postern-meter,trace=$SCRATCH/$name.trace,profile=$SCRATCH/$name.profile")
	machine_boot "$1" "$word" "$SCRATCH/job.gz" "$limit" "$SCRATCH" "$name"
}
