/* SPDX-License-Identifier: MIT */
#ifndef PN_HOST_VECTORS_H
#define PN_HOST_VECTORS_H

/* Host interrupt vectors, as Linux assigns them on x86-64. */
#define PN_VEC_DEVICE_FIRST 0x30
#define PN_VEC_DEVICE_LAST  0xEA
#define PN_VEC_POSTED_MSI   0xEB /* POSTED_MSI_NOTIFICATION_VECTOR */
#define PN_VEC_TIMER	    0xEC
#define PN_VEC_GA_LOG	    0xEE /* the IOMMU's own interrupts get an ordinary vector there */
#define PN_VEC_DMAR_FAULT   0xEF /* likewise */
#define PN_VEC_NESTED	    0xF0 /* POSTED_INTR_NESTED_VECTOR */
#define PN_VEC_WAKEUP	    0xF1 /* POSTED_INTR_WAKEUP_VECTOR */
#define PN_VEC_POSTED	    0xF2 /* POSTED_INTR_VECTOR */
#define PN_VEC_RESCHED	    0xFD /* reschedule; also kicks a vCPU out of the guest */

#endif
