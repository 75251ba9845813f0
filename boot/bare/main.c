/* SPDX-License-Identifier: MIT */
/* -append "directed", "fuzz count=1000000 seed=1", or "stepped" under a debugger. */
#include "fuzz.h"
#include "row.h"

static void need_avic(void)
{
	if (!svm_has(SVM_AVIC) || !svm_has(SVM_X2AVIC) || !svm_has(SVM_NPT))
		broken("this processor has no AVIC, x2AVIC or nested paging");
}

static void directed(void)
{
	directed_vmrun();
	directed_access();
	directed_x2();
	directed_interrupts();
	directed_exits();
	directed_gif();
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
	if (option_is("stepped"))
		end(stepped() ? END_PASSED : END_FAILED);
	directed();
}
