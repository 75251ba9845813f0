/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_VENDOR_H
#define POSTERN_BARE_VENDOR_H

#define GUEST_END  vmcall
#define FUZZ_FETCH 0 /* Bochs stops at a fetch from the APIC page */

#endif
