# SPDX-License-Identifier: MIT
"""The page of boot/compare: one HTML file without anything from outside, its curves in SVG."""

import html

COLOURS = {"baseline": "#8a8a8a", "remapped": "#c77c11", "posting": "#1f6fb2", "gappi": "#2a8f4f"}
NAMES = {"baseline": "baseline (no AVIC)", "remapped": "remapped (AVIC)",
         "posting": "posting, GA log", "gappi": "posting, GAPPI"}

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62em; margin: 2em auto;
       padding: 0 1em; }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
svg { display: block; max-width: 100%; height: auto }
svg text { font: 12px system-ui, sans-serif; fill: #333 }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }
td, th { border-bottom: 1px solid #ddd; padding: .2em .8em; text-align: right }
td:first-child, th:first-child { text-align: left }
.key span { display: inline-block; margin-right: 1.5em }
.key i { display: inline-block; width: 1em; height: .8em; margin-right: .4em }
small { color: #555 }
"""

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 800, 320, 70, 46, 12


def number(n):
    return f"{n:,.0f}".replace(",", "\u202f")


def nice(top):
    """The first round number that is not below @top."""
    step = 1
    while True:
        for m in (1, 2, 3, 4, 5, 6, 8):
            if step * m >= top:
                return step * m
        step *= 10


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'


def frame(top, label):
    out = []
    for i in range(5):
        y = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * i / 4
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(text(LEFT - 6, y + 4, number(top * i / 4), "end"))
    out.append(text((LEFT + WIDTH) / 2, HEIGHT - 6, label))
    return out


def svg(parts, label):
    return f'<svg viewBox="0 0 {WIDTH + 10} {HEIGHT}" role="img" aria-label="{html.escape(label)}">' + \
        "".join(parts) + "</svg>"


def y_of(value, top):
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top


def places(xs, straight):
    """Where the values of x stand: to scale, or at equal distances."""
    share = [(x - xs[0]) / max(1, xs[-1] - xs[0]) if straight else i / max(1, len(xs) - 1)
             for i, x in enumerate(xs)]
    return {x: LEFT + 30 + (WIDTH - LEFT - 60) * s for x, s in zip(xs, share)}


def curves(series, xs, label, straight):
    """series: mode -> {x: value}."""
    top = nice(max((v for points in series.values() for v in points.values()), default=1))
    place = places(xs, straight)
    out = frame(top, label)
    out += [text(place[x], HEIGHT - BOTTOM + 18, str(x)) for x in xs]
    for mode, points in series.items():
        at = [(place[x], y_of(points[x], top), points[x]) for x in xs if x in points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in at)
        out.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[mode]}" '
                   'stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[mode]}">'
                f'<title>{NAMES[mode]}: {number(v)}</title></circle>' for x, y, v in at]
    return svg(out, label)


def bars(groups, label):
    """groups: (name, [(mode, path, other)]): the path is solid, the rest is pale on top of it."""
    top = nice(max((p + o for _, g in groups for _, p, o in g), default=1))
    out = frame(top, label)
    room = (WIDTH - LEFT) / max(1, len(groups))
    for n, (name, group) in enumerate(groups):
        wide = room * .8 / max(1, len(group))
        out.append(text(LEFT + room * (n + .5), HEIGHT - BOTTOM + 18, name))
        for i, (mode, path, other) in enumerate(group):
            x = LEFT + room * (n + .1) + wide * i
            low, high, base = y_of(path, top), y_of(path + other, top), y_of(0, top)
            tip = f"<title>{NAMES[mode]}: path {number(path)}, other {number(other)}</title>"
            out.append(f'<rect x="{x:.1f}" y="{low:.1f}" width="{wide * .9:.1f}" '
                       f'height="{base - low:.1f}" fill="{COLOURS[mode]}">{tip}</rect>')
            out.append(f'<rect x="{x:.1f}" y="{high:.1f}" width="{wide * .9:.1f}" '
                       f'height="{low - high:.1f}" fill="{COLOURS[mode]}" opacity=".35">{tip}</rect>')
    return svg(out, label)


def key(modes):
    return '<p class="key">' + "".join(
        f'<span><i style="background:{COLOURS[m]}"></i>{NAMES[m]}</span>' for m in modes) + "</p>"


def median(s, what):
    return s["instructions"][what]["median"]


def rows(mode, prefix):
    return [s for s in mode["situations"]
            if s["situation"].startswith(prefix) and "instructions" in s]


def curve_of(result, prefix, x, value, label, straight=False):
    series = {m["mode"]: {s[x]: value(s) for s in rows(m, prefix)} for m in result["modes"]}
    xs = sorted({n for points in series.values() for n in points})
    return curves(series, xs, label, straight) if xs else "<p>Not measured.</p>"


def bars_of(result):
    names = ["running", "running-away", "sleeping", "sleeping-away", "preempted"]
    groups = []
    for name in names:
        group = [(m["mode"], median(s, "path"), median(s, "other"))
                 for m in result["modes"] for s in rows(m, name) if s["situation"] == name]
        if group:
            groups.append((name, group))
    return bars(groups, "situation of the vCPU") if groups else "<p>Not measured.</p>"


def table_of(result):
    head = "".join(f"<th>{h}</th>" for h in (
        "mode, situation", "vCPUs", "at once", "path", "path of the last", "other", "all"))
    out = [f"<table><tr>{head}</tr>"]
    for m in result["modes"]:
        for s in rows(m, ""):
            cells = [f"{m['mode']}, {s['situation']}", s["vcpus"], s["at_once"]]
            cells += [number(median(s, w)) for w in ("path", "path_last", "other", "total")]
            out.append("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in cells) + "</tr>")
    return "".join(out) + "</table>"


def page(result):
    modes = [m["mode"] for m in result["modes"]]
    kernel = result["modes"][0]["kernel"] if result["modes"] else "?"
    parts = [
        "<h1>Instructions of Linux for one interrupt of a device</h1>",
        f"<p>Linux {html.escape(str(kernel))} ({html.escape(result['kernel'])}), "
        f"{html.escape(result['emulator'])}, {result['cpus']} processors. "
        "Counted on an emulator: not time on silicon. Medians.</p>",
        key(modes),
        "<h2>For a vCPU that runs, sleeps, is preempted</h2>",
        "<p>Solid: the path, from the device's write to the guest's handler. Pale: what else the "
        "host executes because of it, until all is quiet. <i>away</i>: a vector that the host takes "
        "is on another CPU than the vCPU's.</p>", bars_of(result),
        "<h2>One sleeper is woken, among others on its CPU</h2>",
        "<p>Path against the number of sleeping vCPUs with a device on that CPU.</p>",
        curve_of(result, "listed-", "vcpus", lambda s: median(s, "path"), "sleeping vCPUs on the CPU",
                 straight=True),
        "<h2>Sleepers woken at once, on eight CPUs</h2>",
        "<p>Path of the last one.</p>",
        curve_of(result, "at-once-", "at_once", lambda s: median(s, "path_last"),
                 "sleepers woken at once"),
        "<p>What the CPU executes that runs no guest, and takes the log's interrupt.</p>",
        curve_of(result, "at-once-", "at_once", lambda s: median(s, "log_cpu"),
                 "sleepers woken at once", straight=True),
        "<p>All host instructions, for each one that is woken.</p>",
        curve_of(result, "at-once-", "at_once", lambda s: median(s, "total") / s["at_once"],
                 "sleepers woken at once"),
        "<h2>All numbers</h2>", table_of(result)]
    return ('<!doctype html><html lang="en"><meta charset="utf-8">'
            "<title>Instructions for an interrupt</title>"
            f"<style>{STYLE}</style><body>" + "\n".join(parts) + "</body></html>\n")
