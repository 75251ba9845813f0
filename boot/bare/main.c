/* SPDX-License-Identifier: MIT */
/* Command line "directed", "fuzz count=1000000 seed=1", or another of the vendor's. */
#include "row.h"

static void all_rows(void)
{
	directed();
	row_end();
	print("bare: %u passed, %u failed\n", rows_passed, rows_failed);
	end(rows_failed ? END_FAILED : END_PASSED);
}

void main(void);

void main(void)
{
	cpu_init();
	vendor_need();
	vm_init();
	if (!second_start())
		broken("the second processor does not start");
	if (option_is("fuzz"))
		end(fuzz(option("count", 1000000), option("seed", 1)) ? END_PASSED : END_FAILED);
	if (option_is("directed"))
		all_rows();
	end(vendor_other() ? END_PASSED : END_FAILED);
}
