#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of a sweep in a browser, light and dark, wide and narrow: sweep_page.py POSTERN [PICTURES]

PICTURES: a folder for the screenshots. Skipped without Chromium.
"""
import pathlib
import subprocess
import sys
import tempfile

from browser import Browser, pixels, skip_without

SWEEP = """# More and more packets <for> idle vCPUs
[sweep]
scenario = sparse-wakeups
modes = avic, galog, gappi
seeds = 1 .. 3
figures = cpu, wake
[set]
machine.duration = 20ms
[axes]
packets.rate = 1k/s .. 100k/s log 5
machine.pcpus = 16, 32
"""
failures = []


def check(what, true, more=''):
    if not true:
        failures.append(what)
        print(f'FAILED: {what} {more}')


def look(page, width, dark, folder):
    name = f'{"dark" if dark else "light"} {width}'
    b = Browser(width, 900, dark)
    try:
        b.open(page)
        text = b.text()
        for words in ('Postern: sweep', 'More and more packets <for> idle vCPUs', 'modelled, not measured',
                      'machine.pcpus=16', 'machine.pcpus=32', 'host CPU time per interrupt', 'wake latency p99',
                      'mean of 3 seeds', '31.62k/s', 'avic is below galog up to'):
            check(f'{name}: says "{words}"', words in text, text[:400])
        check(f'{name}: no word of a broken figure', not any(w in text for w in ('nan', 'inf ', '-0 ')), text)
        svg = b.run('return [...document.querySelectorAll("svg")].map(s => [s.textContent, s.getBoundingClientRect().width])')
        check(f'{name}: four charts', len(svg) == 4)
        check(f'{name}: charts fit', all(0 < w <= width for _, w in svg), svg)
        check(f'{name}: a break-even point is marked and named', 'avic = galog at ' in svg[0][0], svg[0][0])
        lines = b.run('return [...document.querySelectorAll("svg .line")].map(p => p.getTotalLength())')
        check(f'{name}: three lines in each', len(lines) == 12 and all(n > 100 for n in lines), lines)
        bands = b.run('return document.querySelectorAll("svg .band").length')
        check(f'{name}: and their bands', bands == 12, bands)
        over = b.run('return document.documentElement.scrollWidth')
        check(f'{name}: nothing sticks out', over <= width, over)
        small = b.run('return Math.min(...[...document.querySelectorAll("svg text")].filter(t => '
                      'getComputedStyle(t).display != "none").map(t => t.getBoundingClientRect().height))')
        check(f'{name}: text in charts is legible', small >= 8, small)
        asked = b.run('return performance.getEntriesByType("resource").map(e => e.name)')
        check(f'{name}: asks nobody for anything', asked == [], asked)
        picture = folder / f'sweep-{name.replace(" ", "-")}.png'
        b.picture(picture)
        w, h, step, rows = pixels(picture)
        corner = sum(rows[2][:3])
        check(f'{name}: the picture has the size of the window', (w, h) == (width, 900), (w, h))
        check(f'{name}: and its colour', corner < 150 if dark else corner > 700, corner)
        seen = {tuple(r[x * step:x * step + 3]) for r in rows for x in range(0, w, 3)}
        check(f'{name}: something is drawn', len(seen) > 50, len(seen))
    finally:
        b.close()


def main():
    skip_without()
    with tempfile.TemporaryDirectory(prefix='postern-page-') as name:
        tmp = pathlib.Path(name)
        (tmp / 'sweep.ini').write_text(SWEEP)
        page = tmp / 'sweep.html'
        subprocess.run([sys.argv[1], 'sweep', tmp / 'sweep.ini', '--report', page], check=True, stdout=subprocess.DEVNULL)
        html = page.read_text()
        check('no address in the page', not any(w in html for w in ('http:', 'https:', '//', 'url(', '@import')))
        folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else tmp
        for width in 1280, 400:
            for dark in False, True:
                look(page, width, dark, folder)
    if failures:
        sys.exit(f'{len(failures)} failed')


main()
