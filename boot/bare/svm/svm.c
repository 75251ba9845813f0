/* SPDX-License-Identifier: MIT */
/* AMD: all rows, and the check of an exit. */
#include "svm.h"

void expect_exit(struct vm *vm, uint64_t code, uint64_t info1, uint64_t info2, const char *rip)
{
	struct vmcb *v = vm->vmcb;

	if (!expect("exit code", v->exit_code, code))
		return;
	expect("EXITINFO1", v->exit_info1, info1);
	expect("EXITINFO2", v->exit_info2, info2);
	if (rip)
		expect("RIP", v->rip, address(rip));
}

void expect_end(struct vm *vm)
{
	expect("exit code", vm->vmcb->exit_code, EXIT_VMMCALL);
}

void vendor_need(void)
{
	if (!svm_has(SVM_AVIC) || !svm_has(SVM_X2AVIC) || !svm_has(SVM_NPT))
		broken("this processor has no AVIC, x2AVIC or nested paging");
}

bool vendor_other(void)
{
	if (option_is("stepped"))
		return stepped();
	broken("neither directed nor fuzz nor stepped");
}

void directed(void)
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
}
