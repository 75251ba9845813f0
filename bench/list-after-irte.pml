/* SPDX-License-Identifier: MIT */
/*
 * The protocol of the case list-after-irte, written by hand for SPIN, as the peer of
 * `postern bench explore_list_after_irte_s`:
 *
 *   spin -a -DLIST_FIRST list-after-irte.pml; gcc -O2 -DSAFETY -o pan pan.c; ./pan
 *
 * Without -DLIST_FIRST the assertion is violated, with it there are no errors. As in the case, the
 * mistake is that the list comes second, and that nothing looks at the IRR afterwards.
 *
 * One vCPU takes what it sees, blocks, looks, sleeps, and does so again after each wake-up. Another
 * thread begins to have its interrupt posted, at any time. The device raises the interrupt twice.
 * The wakeup handler takes the lock of the list, and wakes the vCPU only if it is on the list.
 * vCPU and thread have store buffers; an unlock is a store that may wait there. What is abstracted
 * away: one list with room for one vCPU, one bit of the IRR, three bits of the IRTE, one CPU to
 * wake up on, no doorbell, no parked bits, no remapping cache, host code in between.
 */
#define POSTS 2
#define VCPU  0
#define ATTACH 1

/* places in memory that store buffers can hold */
#define IR_LOCK	  0
#define WAKE_LOCK 1
#define IS_RUN	  2 /* of the IRTE */
#define POSTED	  3 /* of the IRTE: else the host takes the interrupt */
#define ASLEEP	  4
#define PLACES	  5

byte mem[PLACES];
chan buffer[2] = [4] of { byte, byte };
byte irr = 0;
bit on_list = 0, blocking = 0, attached = 0; /* under a lock */
bit notification = 0;

proctype flush(byte who)
{
	byte place, value;

end:	do
	:: atomic { buffer[who]?place,value -> mem[place] = value; place = 0; value = 0 }
	od
}

inline store(who, place, value)
{
	buffer[who]!place,value
}

inline fence(who)
{
	len(buffer[who]) == 0
}

inline lock(who, place)
{
	atomic { len(buffer[who]) == 0 && mem[place] == 0 -> mem[place] = 1 }
}

inline unlock(who, place)
{
	store(who, place, 0)
}

inline list(who, member)
{
	lock(who, WAKE_LOCK);
	on_list = member;
	unlock(who, WAKE_LOCK)
}

/* Writes the IRTE: one bit at a time would not be what a 16-byte store does. */
inline irte(who, value)
{
	atomic { len(buffer[who]) == 0 -> mem[IS_RUN] = value; mem[POSTED] = 1 }
}

proctype iommu()
{
	byte i;
	bit was_empty;

	for (i : 1 .. POSTS) {
		if
		:: mem[POSTED] == 0 ->
			irr = 1;	/* the host's interrupt handler does it */
			mem[ASLEEP] = 0
		:: else ->
			atomic { was_empty = (irr == 0); irr = 1 }
			if
			:: mem[IS_RUN] == 0 && was_empty -> notification = 1
			:: else -> skip
			fi
		fi
	}
}

/* Its buffer is empty when it looks: it does not store before. */
proctype handler()
{
end:	do
	:: atomic { notification -> notification = 0 }
	   atomic { mem[WAKE_LOCK] == 0 -> mem[WAKE_LOCK] = 1 }
	   if
	   :: on_list ->
		if
		:: irr != 0 -> mem[ASLEEP] = 0
		:: else -> skip
		fi
	   :: else -> skip
	   fi;
	   mem[WAKE_LOCK] = 0
	od
}

proctype attach()
{
	lock(ATTACH, IR_LOCK);
	attached = 1;
	if
	:: blocking ->
#ifdef LIST_FIRST
		list(ATTACH, 1);
		irte(ATTACH, 0);
		fence(ATTACH);
		if	/* what was in the IRR already notifies no more */
		:: irr != 0 -> mem[ASLEEP] = 0
		:: else -> skip
		fi
#else
		irte(ATTACH, 0);
		list(ATTACH, 1)
#endif
	:: else -> irte(ATTACH, 1)
	fi;
	unlock(ATTACH, IR_LOCK)
}

proctype vcpu()
{
guest:	atomic { len(buffer[VCPU]) == 0 -> irr = 0 }
	lock(VCPU, IR_LOCK);
	blocking = 1;
	if
	:: attached -> list(VCPU, 1); irte(VCPU, 0)
	:: else -> skip
	fi;
	unlock(VCPU, IR_LOCK);
look:	store(VCPU, ASLEEP, 1);
	fence(VCPU);
	if
	:: irr != 0 -> goto wakes
	:: else -> skip
	fi;
end:	mem[ASLEEP] == 0;
	if
	:: irr == 0 -> goto look	/* woken for nothing */
	:: else -> skip
	fi;
wakes:	mem[ASLEEP] = 0;
	lock(VCPU, IR_LOCK);
	blocking = 0;
	if
	:: on_list -> list(VCPU, 0); irte(VCPU, 1)
	:: else -> skip
	fi;
	unlock(VCPU, IR_LOCK);
	goto guest
}

init {
	atomic {
		run flush(VCPU);
		run flush(ATTACH);
		run iommu();
		run handler();
		run attach();
		run vcpu()
	}
	/* No process can continue: no vCPU may sleep on an interrupt. */
	timeout -> assert(!(mem[ASLEEP] && irr != 0))
}
