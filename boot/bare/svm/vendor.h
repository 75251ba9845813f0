/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_VENDOR_H
#define POSTERN_BARE_VENDOR_H

#define GUEST_END  vmmcall
#define FUZZ_FETCH 1 /* guests may fetch from the APIC page */

#define ENTRY_PAUSES 100000000 /* until a guest on the other processor must have run */

#endif
