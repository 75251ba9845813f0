#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The page of compare in a browser: wide and narrow, light and dark, what it says and draws.

    page.py POSTERN [FOLDER]        FOLDER keeps page and screenshots
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from browser import Browser, pixels, skip_without

FAILURES = []
UNITS = {'ns': 1, 'us': 1e3, 'ms': 1e6, 's': 1e9}


def check(good, what):
    if not good:
        FAILURES.append(what)
        print(f'FAILED: {what}')


def ns(text):
    value, unit = text.split()
    return float(value) * UNITS[unit]


def drawn(path, dark):
    """There is a page: its ground, and in it lines of the modes' colours."""
    width, _, size, rows = pixels(path)
    ground = rows[2][:3]
    check((sum(ground) < 150) == dark, f'{path.name}: the ground is {list(ground)}')
    colours = {r[x * size:x * size + 3] for r in rows for x in range(width)}
    check(len(colours) > 40, f'{path.name}: {len(colours)} colours')


# Sizes of text as they are on the screen; what overlaps; what is wider than the window.
LOOK = '''
const seen = e => e.checkVisibility() && e.textContent.trim();
const small = [...document.querySelectorAll('svg text')].filter(seen)
    .map(e => [e.getBoundingClientRect().height, e.textContent]).filter(([h]) => h < 10);
const overlaps = [], outside = [];
for (const svg of document.querySelectorAll('svg')) {
    const boxes = [...svg.querySelectorAll('text')].filter(seen).map(e => [e.getBoundingClientRect(), e.textContent]);
    const frame = svg.getBoundingClientRect();
    for (const [i, [a, s]] of boxes.entries()) {
        if (a.left < frame.left - 1 || a.right > frame.right + 1)
            outside.push(s);
        for (const [b, t] of boxes.slice(i + 1))
            if (a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom)
                overlaps.push(s + ' and ' + t);
    }
}
return {small, overlaps, outside, wide: document.documentElement.scrollWidth - innerWidth,
        asked: performance.getEntriesByType('resource').map(e => e.name)};
'''

HOVER = '''
const svg = document.querySelector('svg.chart'), box = svg.getBoundingClientRect();
svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2, bubbles: true}));
const figure = svg.closest('figure');
return [figure.querySelector('figcaption').innerText, figure.querySelector('.legend').innerText];
'''

CHOOSE = '''
for (const [of, value] of Object.entries(arguments[0])) {
    const c = document.querySelector(`select[data-of=${of}]`);
    c.value = value;
    c.dispatchEvent(new Event('change'));
}
const shown = [...document.querySelectorAll('.choice')].filter(e => e.checkVisibility());
const figure = shown.find(e => e.dataset.mode);
const rect = figure.querySelector('rect[data-say^=irr_set], rect[data-say^=pir_set], rect[data-say^=remap_send]');
rect.dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));
return {shown: shown.map(e => e.innerText), caption: figure.querySelector('figcaption').innerText,
        said: figure.querySelector('.said').innerText, rows: [...figure.querySelectorAll('svg text')].map(e => e.textContent),
        parts: [...shown.find(e => !e.dataset.mode).querySelectorAll('tr')].map(r => [...r.cells].map(c => c.innerText))};
'''


def look(page, folder, width, dark):
    name = f'{width}-{"dark" if dark else "light"}'
    with Browser(width, 900, dark) as b:
        b.open(page)
        seen = b.run(LOOK)
        check(not seen['small'], f'{name}: text that is too small: {seen["small"][:5]}')
        check(not seen['overlaps'], f'{name}: text over text: {seen["overlaps"][:5]}')
        check(not seen['outside'], f'{name}: text that is cut off: {seen["outside"][:5]}')
        check(seen['wide'] <= 0, f'{name}: the page is {seen["wide"]} px wider than the window')
        check(not seen['asked'], f'{name}: asks for {seen["asked"]}')
        b.run('document.querySelector("select.choose").scrollIntoView()')
        b.picture(folder / f'{name}.png')
    drawn(folder / f'{name}.png', dark)


def wakeups(b, result):
    modes = [m['mode'] for m in result['modes']]
    for i, m in enumerate(result['modes']):
        for k, percentile in enumerate(('p50', 'p99', 'max')):
            got = b.run(CHOOSE, {'wake': str(k), 'mode': str(i)})
            what = f'{m["mode"]}, {percentile}'
            check(len(got['shown']) == 2 and got['caption'].startswith(m['mode']),
                  f'{what}: {len(got["shown"])} are shown, {got["caption"]}')
            total = ns(got['caption'].split(', ')[-1])
            want = m['wake_latency_ns'][percentile]
            check(abs(total - want) < 0.1 * want, f'{what}: {total} ns, and it is {want}')
            check(got['parts'][0][1:] == modes, f'{what}: columns {got["parts"][0]}')
            parts = [ns(row[1 + i]) for row in got['parts'][1:]]
            check(len(parts) == 7 and abs(sum(parts) - total) < 0.01 * total + 10,
                  f'{what}: the parts {parts} are not {total}')
            check({'device', 'IOMMU 0'} & set(got['rows']) and any('CPU' in r for r in got['rows']),
                  f'{what}: rows {got["rows"]}')
            check(re.match(r'(irr_set|pir_set|remap_send), \d+ ns, after ', got['said']),
                  f'{what}: at the pointer: {got["said"]}')
    # The log's thread is another task that has to run before the vCPU is woken.
    host = [ns(got['parts'][4][1 + modes.index(m)]) for m in ('galog', 'gappi')]
    check(host[0] > host[1], f'the host wakes the vCPU: galog {host[0]}, gappi {host[1]}')


def without_script(page, folder):
    """Everything but the choice is there."""
    plain = folder / 'plain.html'
    plain.write_text(re.sub(r'<script>.*</script>', '', page.read_text(), flags=re.S))
    with Browser(1280, 900) as b:
        b.open(plain)
        text = b.text()
        check('Where the time of a wakeup goes' in text and 'gappi, median: vector' in text,
              'without script: the medians are there')
        check('slowest: vector' not in text and not b.run('return document.querySelector("select").checkVisibility()'),
              'without script: nothing to choose')


def with_script(page, result):
    with Browser(1280, 900) as b:
        b.open(page)
        caption, legend = b.run(HOVER)
        check(re.search(r' at \d+(\.\d+)? %$', caption), f'at the pointer: {caption}')
        check(len(re.findall(r'[\d.]+ us', legend)) == len(result['modes']), f'at the pointer: {legend}')
        text = b.text()
        for what in ('Modelled, not measured', 'Nothing on this page was measured', 'vtd-pi',
                     'Cost table: default'):
            check(what in text, f'the page says "{what}"')
        wakeups(b, result)


def main():
    skip_without()
    with tempfile.TemporaryDirectory(prefix='postern-page-') as temp:
        folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else temp)
        folder.mkdir(exist_ok=True)
        page = folder / 'r.html'
        r = subprocess.run([sys.argv[1], 'compare', 'sparse-wakeups', '--duration', '200ms', '--json',
                            '--report', page], capture_output=True, text=True)
        check(r.returncode == 0, r.stderr)
        result = json.loads(r.stdout)
        for width in 1280, 400:
            for dark in False, True:
                look(page, folder, width, dark)
        with_script(page, result)
        without_script(page, folder)
    return bool(FAILURES)


if __name__ == '__main__':
    sys.exit(main())
