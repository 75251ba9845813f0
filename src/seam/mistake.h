/* SPDX-License-Identifier: MIT */
#ifndef PN_MISTAKE_H
#define PN_MISTAKE_H

/*
 * Known mistakes of host or hardware code, each a switch at one place in the code. Only the
 * explorer's build has them: elsewhere pn_mistake() is the constant false, and the compiler removes
 * the code.
 */
enum pn_mistake {
	PN_MISTAKE_NONE,
	PN_MISTAKE_PARK_ONCE, /* gappi-second-sleep */
	PN_MISTAKE_NO_FENCE,  /* block-without-fence */
	PN_MISTAKE_LIST_AFTER_IRTE,
	PN_MISTAKE_UNLIST_FIRST,	  /* detach-unlists-first */
	PN_MISTAKE_UNLIST_EARLY,	  /* unlist-before-retarget */
	PN_MISTAKE_ATTACH_UNARMED,	  /* attach-while-blocked */
	PN_MISTAKE_OFFLINE_SILENT,	  /* cpu-offline */
	PN_MISTAKE_LIST_IRQS_ON,	  /* handler-lock-irqs-on */
	PN_MISTAKE_NO_UNREGISTER,	  /* handler-left-behind */
	PN_MISTAKE_KEXEC_KEEPS_GAPPI,	  /* gappi-over-kexec */
	PN_MISTAKE_FIRST_IOMMU_DECIDES,	  /* mixed-iommus */
	PN_MISTAKE_TOGGLE_FIRST,	  /* mode-switch */
	PN_MISTAKE_SCAN_AFTER_OR,	  /* two-iommus-one-page: hardware */
	PN_MISTAKE_SCAN_BEFORE_OR,	  /* park-against-scan: hardware */
	PN_MISTAKE_CLEARS_UNSEEN,	  /* galog-overflow-unseen */
	PN_MISTAKE_RESTART_EARLY,	  /* galog-restart-too-early */
	PN_MISTAKE_STATUS_COPIES,	  /* galog-status-latch: hardware */
	PN_MISTAKE_LOAD_WHILE_BLOCKING,	  /* isrunning-outside-guest */
	PN_MISTAKE_NO_IRT_FLUSH,	  /* stale-irte-cache */
	PN_MISTAKE_NO_IRT_WAIT,		  /* irtcachedis-no-wait */
	PN_MISTAKE_HASH_BUCKET,		  /* hash-bucket-collision */
	PN_MISTAKE_NO_DETACH,		  /* irqfd-deassign */
	PN_MISTAKE_PMSI_RETRIGGER_NO_EOI, /* posted-msi-retrigger */
	PN_MISTAKE_PMSI_NO_LAST_HARVEST,  /* posted-msi-last-harvest */
	PN_MISTAKE_SN_CLEAR_LOSES_ON,	  /* sn-clear-loses-on */
	PN_MISTAKE_NV_SWITCH_MISSES_ON,	  /* nv-switch-misses-on */
	PN_MISTAKE_PID_PLAIN_STORE,	  /* pid-plain-store */
	PN_MISTAKE_ON_AFTER_PIR,	  /* on-cleared-after-pir */
	PN_MISTAKE_DOUBLE_LIST_ADD,	  /* double-list-add */
	PN_MISTAKE_MIGRATE_WRONG_LOCK,	  /* migrate-while-blocked */
	PN_MISTAKE_PI_OFFLINE_SILENT,	  /* pi-cpu-offline */
	PN_MISTAKE_TRUST_ON,		  /* ipiv-two-step */
	PN_MISTAKE_SELF_IPI_LATE,
	PN_MISTAKE_ROUTE_NOT_DECIDED,  /* route-to-several, pi-route-to-several */
	PN_MISTAKE_NO_BLOCK_AGAIN,     /* pi-route-back */
	PN_MISTAKE_SCAN_FORGETS,       /* ioapic-scan-forgets */
	PN_MISTAKE_PREEMPTED_STALE,    /* preempted-flag-stale */
	PN_MISTAKE_URG_SUPPRESSED,     /* urgent-while-suppressed: hardware */
	PN_MISTAKE_IPIV_NOT_ARMED,     /* ipiv-nv-not-switched */
	PN_MISTAKE_DOORBELL_OLD_CPU,   /* doorbell-to-old-cpu */
	PN_MISTAKE_IPI_LOOKS_EARLY,    /* ipi-isrunning-early: hardware */
	PN_MISTAKE_INJECT_LOOKS_EARLY, /* inject-looks-early */
	PN_MISTAKE_RING_INHIBITED,     /* doorbell-while-inhibited */
	PN_MISTAKE_SCAN_FIRST_ONLY,    /* wakeup-first-only */
	PN_MISTAKE_OFFLINE_FIRST_ONLY,
	PN_MISTAKE_RECOVER_FIRST_ONLY, /* overflow-first-only */
	PN_MISTAKE_IPI_FIRST_ONLY,
	PN_MISTAKE_UNPARK_SHORT,     /* park-every-word */
	PN_MISTAKE_CAUSES_FIRST,     /* inhibit-request-lost */
	PN_MISTAKE_INHIBIT_SILENT,   /* inhibit-while-blocked */
	PN_MISTAKE_INHIBIT_NO_KICK,  /* inhibit-in-guest */
	PN_MISTAKE_INHIBIT_NO_FENCE, /* inhibit-without-fence */
	PN_MISTAKE_LIST_OF_DEAD_CPU, /* attach-offline-cpu, block-offline-cpu */
	PN_MISTAKE_AFFINITY_NO_FLUSH,
	PN_MISTAKE_AFFINITY_FORGOTTEN, /* affinity-while-posted */
	PN_MISTAKE_DETACH_NO_FLUSH,    /* detach-without-flush */
	PN_MISTAKE_REMAPEN_WINDOW,
	PN_MISTAKE_IRTE_TORN,
	PN_MISTAKE_NO_REMAPEN,		/* guest-mode-not-enabled */
	PN_MISTAKE_STATUS_ONCE,		/* status-w1c-race */
	PN_MISTAKE_KEXEC_KEEPS_ENTRIES, /* guest-entries-over-kexec */
	PN_MISTAKE_ROUTE_UNLOCKED,	/* producer-during-route-update */
	PN_MISTAKE_NO_ENTRY,		/* affinity-without-entry */
	PN_MISTAKE_LINK_STAYS,		/* link-on-previous-vcpu */
	PN_MISTAKE_SAVE_FORGETS,	/* pending-left-at-save */
	PN_MISTAKE_PARK_CLEARS_FIRST,	/* pending-seen-outside */
	PN_MISTAKE_TAG_OF_DEAD_VM,	/* destroy-while-logged */
	PN_MISTAKE_OR_SKIPPED,		/* set-without-or: hardware */
	PN_MISTAKE_ENTRY_OLD_CPU,	/* ipi-to-old-cpu */
	PN_MISTAKE_ENTRIES_FIRST,	/* uninhibit-entries-first */
	PN_MISTAKE_ENTER_NO_SYNC,	/* pi-entry-takes-no-pir */
	PN_MISTAKE_ENTER_NO_FENCE,	/* pi-mode-without-fence */
	PN_MISTAKE_NDST_STALE,		/* pi-ndst-stale */
	PN_MISTAKE_PI_WAKE_FIRST,	/* pi-wakes-the-first */
	PN_MISTAKE_PI_OFFLINE_FIRST,	/* pi-offline-wakes-the-first */
	PN_MISTAKE_SYNC_SKIPS_WORD,	/* pir-word-forgotten */
	PN_MISTAKE_SYNC_IF_APICV,	/* inhibited-on-one-vcpu */
	PN_MISTAKE_INHIBIT_EARLY,	/* pi-inhibit-read-early */
	PN_MISTAKE_PI_INHIBIT_SILENT,	/* pi-inhibit-silent */
	PN_MISTAKE_LEAVE_KEEPS_MODE,	/* pi-mode-left-behind */
	PN_MISTAKE_PROCESS_ON_LATE,	/* pi-process-on-late: hardware */
	PN_MISTAKE_IPIV_ON_FIRST,	/* ipiv-on-first: hardware */
	PN_MISTAKE_INJECT_IRR_FIRST,	/* inject-leaves-irr-first */
	PN_MISTAKE_UNASSIGN_BLIND,	/* pi-detach-without-look */
	PN_MISTAKE_BLOCK_AGAIN_ONE,	/* pi-first-attach-asks-one */
	PN_MISTAKE_IEC_NO_FLUSH,	/* pi-stale-entry, posted-msi-stale-entry */
	PN_MISTAKE_IEC_NO_WAIT,		/* pi-flush-not-waited */
	PN_MISTAKE_IEC_NOT_AT_SETUP,	/* iec-not-flushed-at-setup */
	PN_MISTAKE_PI_IRTE_TORN,	/* pi-irte-torn */
	PN_MISTAKE_PIR_CHECK_BY_UNIT,	/* pir-check-by-wrong-ability */
	PN_MISTAKE_VTD_KEEPS_IRE,	/* posted-entries-over-kexec */
	PN_MISTAKE_NO_ENTRY_CHECK,	/* pi-affinity-without-entry */
	PN_MISTAKE_DRAIN_ON_LATE,	/* posted-msi-drain-late */
	PN_MISTAKE_SCAN_NOT_AWAITED,	/* ioapic-old-bitmap */
	PN_MISTAKE_VMX_EXIT_NO_WAIT,	/* wakeup-handler-left-behind */
	PN_MISTAKE_EOI_KEEPS_PPR,	/* guest-registers: hardware */
	PN_MISTAKE_LOWEST_TO_ALL,	/* ipi-lowest-to-all */
	PN_MISTAKE_IPI_ONE_BIT,		/* ipi-logical-skips: hardware */
	PN_MISTAKE_FAULT_SILENT,	/* fault-without-event: hardware */
	PN_MISTAKE_DROP_FIRST_ONLY,	/* invalidate-first-only: hardware */
	PN_MISTAKE_HEAD_STAYS,		/* galog-head-stays */
	PN_MISTAKE_ICR_HALVES,		/* ipi-exit-half-icr */
	PN_MISTAKE_VTD_AFFINITY_LOST,	/* vtd-affinity-forgotten */
	PN_MISTAKE_FAULT_FIRST_ONLY,	/* vtd-fault-first-only */
	PN_MISTAKE_SAVE_NO_PIR,		/* pi-pending-left-at-save */
	PN_MISTAKE_PUT_SHOWS_NOTHING,
	PN_MISTAKE_LOG_NOT_ASKED,
	PN_MISTAKE_ALIAS_UNSEEN, /* ids-aliased */
	PN_MISTAKE_WINDOW_FIRST, /* window-first-closes */
	PN_MISTAKE_HINT_TO_ALL,
	PN_MISTAKE_DTE_NO_FLUSH,      /* dte-not-flushed */
	PN_MISTAKE_SOURCE_UNCHECKED,  /* vtd-requests-refused: hardware */
	PN_MISTAKE_IEC_FIRST_ONLY,    /* vtd-invalidate-first-only: hardware */
	PN_MISTAKE_VID_EOI_KEEPS_PPR, /* vid-eoi-keeps-ppr: hardware */
	PN_MISTAKE_LOG_OLD_CPU,	      /* log-interrupt-old-cpu, log-msi-old-cpu */
	PN_MISTAKE_TMR_STAYS,	      /* msg-trigger-mode-stays */
	PN_MISTAKE_NR
};

#endif
