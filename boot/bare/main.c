/* SPDX-License-Identifier: MIT */
/* -append "directed", or "fuzz count=1000000 seed=1". */
#include "fuzz.h"
#include "row.h"

static void need_avic(void)
{
	uint32_t r[4];

	cpuid(0x8000000a, r);
	if (!(r[3] >> 13 & 1) || !(r[3] >> 18 & 1) || !(r[3] & 1))
		broken("this processor has no AVIC, x2AVIC or nested paging: CPUID %x", r[3]);
}

static void directed(void)
{
	directed_vmrun();
	directed_access();
	directed_x2();
	directed_interrupts();
	directed_ipi();
	directed_off();
	directed_smp();
	directed_code();
	row_end();
	print("bare: %u passed, %u failed\n", rows_passed, rows_failed);
	end(rows_failed ? END_FAILED : END_PASSED);
}

void main(void);

void main(void)
{
	cpu_init();
	need_avic();
	vm_init();
	if (!second_start())
		broken("the second processor does not start");
	if (option_is("fuzz"))
		end(fuzz(option("count", 1000000), option("seed", 1)) ? END_PASSED : END_FAILED);
	directed();
}
