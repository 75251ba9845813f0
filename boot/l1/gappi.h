/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_GAPPI_H
#define POSTERN_L1_GAPPI_H

#include <stdint.h>
#include <stdio.h>

/*
 * The IOMMU's posted interrupt that notifies by a physical interrupt (GAPPI; 48882 rev 3.11,
 * 2.2.5.4), which the host kernel does not use: the remapping entry that it made for the device's
 * MSI is turned into a guest-mode one that raises the very vector the kernel gave to the device,
 * on the CPU it gave it to. So the kernel's handler counts the notifications. On every CPU but the
 * first: each rule once, then @count notifications and as many MSIs that must not notify. (The
 * specification allows notifications that are not needed; the model's default sends none.)
 * Prints one line of JSON. 0: all of it is as it should be, or the IOMMU has no GAPPI.
 */
int gappi_run(const char *name, uint32_t count, FILE *out);

#endif
