/* SPDX-License-Identifier: MIT */
/*
 * The protocol of the case block-without-fence, written by hand for SPIN, as the peer of
 * `postern bench explore_block_without_fence_s`:
 *
 *   spin -a -DFENCE block-without-fence.pml; gcc -O2 -DSAFETY -o pan pan.c; ./pan
 *
 * Without -DFENCE the assertion is violated, with it there are no errors.
 *
 * One IOMMU posts two vectors; one vCPU takes what it sees, blocks, and re-blocks after a wake-up.
 * The vCPU's store of IsRun goes through a store buffer of one entry. What is abstracted away: the
 * IRTE (one bit of it is left), lists, locks, the second IRTE, host code in between.
 */
#define POSTS 2

byte irr = 0;		 /* a bit for each vector */
bit is_run = 1;		 /* of the IRTE, in memory */
bit asleep = 0;
bit notification = 0;	 /* GAPPI on its way to the handler */
byte posted = 0, taken = 0;

/* the vCPU's store buffer */
bit buffered = 0, value;

proctype flush()
{
end:	do
	:: atomic { buffered -> is_run = value; buffered = 0 }
	od
}

/* GAPPI: only if the IRR was empty, IsRun sampled after the IRR bit is set. */
proctype iommu()
{
	bit was_empty, running;
	byte i;

	for (i : 0 .. POSTS - 1) {
		atomic { was_empty = (irr == 0); irr = irr | (1 << i); posted = posted | (1 << i) }
		running = is_run;
		if
		:: !running && was_empty -> notification = 1
		:: else			 -> skip /* the doorbell: no vCPU is in the guest, so it has no effect */
		fi
	}
}

/* The wakeup handler: wakes each vCPU that has a bit in its IRR. */
proctype handler()
{
	byte seen;

end:	do
	:: atomic { notification -> notification = 0 }
	   seen = irr;
	   if
	   :: seen != 0 -> asleep = 0
	   :: else	-> skip
	   fi
	od
}

inline store(v)
{
	atomic { !buffered -> buffered = 1; value = v }
}

proctype vcpu()
{
	byte seen;

guest:	atomic { taken = taken | irr; irr = 0 }	/* in the guest */
	store(0);				/* blocks: IsRun = 0 */
look:
#ifdef FENCE
	!buffered;
#endif
	asleep = 1;
	seen = irr;
	if
	:: seen != 0 ->
		asleep = 0;
		store(1);
		goto guest
	:: else -> skip
	fi;
end:	!asleep;				/* sleeps */
	goto look
}

init {
	atomic { run flush(); run iommu(); run handler(); run vcpu() }
	/* No process can continue: no vCPU may sleep on a posted vector. */
	timeout -> assert(!(asleep && irr != 0))
}
