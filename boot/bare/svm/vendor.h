/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_VENDOR_H
#define POSTERN_BARE_VENDOR_H

#define GUEST_END  vmmcall
#define FUZZ_FETCH 1 /* guests may fetch from the APIC page */

#endif
