/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_H
#define POSTERN_H

#include "postern/agent.h"
#include "postern/amdvi.h"
#include "postern/apicv.h"
#include "postern/avic.h"
#include "postern/bus.h"
#include "postern/pid.h"
#include "postern/vtd.h"
#include "postern/x86.h"

#pragma GCC visibility push(default)

/* Version of the library, "0.1.0". */
const char *pn_version(void);

#pragma GCC visibility pop

#endif
