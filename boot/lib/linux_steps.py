# SPDX-License-Identifier: MIT
"""Steps of the simulator's hosts, as instructions of Linux's functions.

A step is a sum of functions, each with all that it calls, in a mode and a situation of boot/compare.
Only steps that are a piece of Linux's code are here. Those whose time is an access to the hardware's
registers, a write of an MSR, or a world switch are not: instructions say nothing about them.
"""

# step: (mode, situation, functions with their signs)
STEPS = {
    "exit_handle": ("remapped", "running", ["+path", "-asm_common_interrupt", "-__common_interrupt"]),
    "irqfd_inject": ("remapped", "running-away", ["+eventfd_signal_mask", "-avic_ring_doorbell"]),
    "entry_inject": ("baseline", "running", ["+kvm_cpu_get_interrupt", "+svm_inject_irq"]),
    "eoi_exit": ("baseline", "running", ["+kvm_lapic_reg_write"]),
    "galog_irq": ("posting", "sleeping", ["+handle_edge_irq", "-wake_up_state"]),
    "tag_lookup": ("posting", "sleeping", ["+avic_ga_log_notifier", "-kvm_vcpu_wake_up"]),
    "block_check": ("gappi", "sleeping", ["+kvm_vcpu_check_block"]),
    "irte_write": ("gappi", "sleeping", ["+amd_iommu_update_ga"]),
    "wake": ("gappi", "sleeping", ["+kvm_vcpu_wake_up"]),
    "wake_spurious": ("remapped", "running", ["+kvm_vcpu_wake_up"]),
    "ctx_switch": ("gappi", "sleeping", ["+__schedule"]),
    "host_tick": ("gappi", "preempted", ["+__sysvec_apic_timer_interrupt"]),
}

# step: (mode, shorter list, longer list): growth of the path for each further vCPU
SLOPES = {
    "list_scan": ("gappi", "listed-1", "listed-256"),
}

# step: (function, the mode that has the step, the mode that has not), in "sleeping"
DIFFERENCES = {
    "list_add": ("avic_vcpu_blocking", "gappi", "posting"),
    "list_del": ("avic_vcpu_unblocking", "gappi", "posting"),
}


def functions():
    """The functions that the steps are made of."""
    names = {term[1:] for _, _, terms in STEPS.values() for term in terms}
    return names | {d[0] for d in DIFFERENCES.values()}


def _value(s, name):
    if name == "path":
        return s["instructions"]["path"]["median"]
    return s.get("functions", {}).get(name, {}).get("all")


def _summed(rows, mode, situation, terms):
    s = rows.get((mode, situation))
    values = [_value(s, term[1:]) for term in terms] if s else [None]
    if None in values:
        return None
    return {"instructions": sum(v if t[0] == "+" else -v for t, v in zip(terms, values)),
            "how": f"{' '.join(terms).lstrip('+').replace('+', 'and ').replace('-', 'without ')}; "
                   f"{mode}, {situation}"}


def _slope(rows, mode, short, long):
    a, b = rows.get((mode, short)), rows.get((mode, long))
    if not a or not b or "instructions" not in a or "instructions" not in b:
        return None
    n = (_value(b, "path") - _value(a, "path")) / (b["vcpus"] - a["vcpus"])
    return {"instructions": round(n, 1), "how": f"growth of the path, {mode}, {short} to {long}"}


def _difference(rows, function, has, lacks):
    a, b = (rows.get((mode, "sleeping")) for mode in (has, lacks))
    if not a or not b or _value(a, function) is None or _value(b, function) is None:
        return None
    return {"instructions": _value(a, function) - _value(b, function),
            "how": f"{function}, {has} more than {lacks}, sleeping"}


def steps(modes):
    """step -> instructions and how they were found; a step that was not measured is not there."""
    rows = {(m["mode"], s["situation"]): s for m in modes for s in m["situations"]
            if "instructions" in s}
    found = {name: _summed(rows, *what) for name, what in STEPS.items()}
    found |= {name: _slope(rows, *what) for name, what in SLOPES.items()}
    found |= {name: _difference(rows, *what) for name, what in DIFFERENCES.items()}
    return {name: step for name, step in sorted(found.items()) if step}
