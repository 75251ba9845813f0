/* SPDX-License-Identifier: MIT */
/* The encoding of Protocol Buffers, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire.h"

/* Examples of the encoding's documentation: 150 in field 1, "testing" in field 2. */
static void bytes_of_messages(void **state)
{
	static const uint8_t want[] = {0x08, 0x96, 0x01, 0x12, 0x07, 't',  'e',	 's',  't', 'i',
				       'n',  'g',  0x1A, 0x03, 0x08, 0x96, 0x01, 0x21, 1,   0,
				       0,    0,	   0,	 0,    0,    0x80, 0x3A, 0x00};
	static struct pn_wire w, inner;

	(void)state;
	pn_wire_varint(&inner, 1, 150);
	pn_wire_varint(&w, 1, 150);
	pn_wire_text(&w, 2, "testing");
	pn_wire_message(&w, 3, &inner);
	pn_wire_fixed64(&w, 4, 1ull << 63 | 1);
	pn_wire_text(&w, 7, "");
	assert_int_equal(w.len, sizeof(want));
	assert_memory_equal(w.byte, want, sizeof(want));
	while (pn_wire_fits(&w))
		pn_wire_text(&w, 2, "testing");
	pn_wire_clear(&inner);
	pn_wire_message(&inner, 1, &w);
	assert_false(pn_wire_fits(&inner));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
