/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_VENDOR_H
#define POSTERN_BARE_VENDOR_H

#define GUEST_END  vmcall
#define FUZZ_FETCH 0 /* Bochs stops at a fetch from the APIC page */

#define ENTRY_PAUSES 20000000 /* until a guest on the other processor must have run */

#endif
