# SPDX-License-Identifier: MIT
"""Chromium without a window, through chromedriver: what a page shows, and a picture of it."""
import base64
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import urllib.request
import zlib


def skip_without():
    for program in 'chromium', 'chromedriver':
        if not shutil.which(program):
            print(f'SKIPPED: {program} is not installed')
            sys.exit(77)


def pixels(path):
    """The rows of an 8-bit PNG: (width, height, channels, rows)."""
    data = path.read_bytes()
    at, body = 8, b''
    while at < len(data):
        size, kind = struct.unpack('>I4s', data[at:at + 8])
        chunk = data[at + 8:at + 8 + size]
        if kind == b'IHDR':
            width, height, _, colour = struct.unpack('>IIBB', chunk[:10])
        if kind == b'IDAT':
            body += chunk
        at += 12 + size
    step = {2: 3, 6: 4}[colour]
    raw, rows, before = zlib.decompress(body), [], bytearray(width * step)
    for y in range(height):
        kind, *line = raw[y * (width * step + 1):(y + 1) * (width * step + 1)]
        line = bytearray(line)
        for x in range(len(line)):
            a = line[x - step] if x >= step else 0
            b = before[x]
            c = before[x - step] if x >= step else 0
            near = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[x] = (line[x] + (0, a, b, (a + b) // 2, near)[kind]) & 255
        rows.append(bytes(line))
        before = line
    return width, height, step, rows


class Browser:
    """A window of @width by @height pixels; @dark: as people who prefer dark pages have it."""

    def __init__(self, width, height, dark=False):
        self.driver = subprocess.Popen(['chromedriver', '--port=0'], stdout=subprocess.PIPE, text=True)
        for line in self.driver.stdout:
            port = re.search(r'on port (\d+)', line)
            if port and port[1] != '0':
                break
        self.base = f'http://127.0.0.1:{port[1]}'
        self.folder = tempfile.TemporaryDirectory(prefix='postern-browser-')
        args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--disable-dev-shm-usage',
                f'--user-data-dir={self.folder.name}']
        if dark:
            args += ['--blink-settings=preferredColorScheme=0']
        options = {'goog:chromeOptions': {'args': args, 'binary': shutil.which('chromium')}}
        self.session = self.ask('POST', '/session', {'capabilities': {'alwaysMatch': options}})['sessionId']
        # the width of a window has a least value, that of an emulated screen has none
        self.command('Emulation.setDeviceMetricsOverride',
                     {'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': False})

    def ask(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + path, data, {'Content-Type': 'application/json'}, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)['value']

    def command(self, name, params):
        return self.ask('POST', f'/session/{self.session}/goog/cdp/execute', {'cmd': name, 'params': params})

    def open(self, path):
        self.ask('POST', f'/session/{self.session}/url', {'url': f'file://{path}'})

    def run(self, script, *args):
        return self.ask('POST', f'/session/{self.session}/execute/sync', {'script': script, 'args': list(args)})

    def text(self):
        """What is rendered."""
        return self.run('return document.body.innerText')

    def picture(self, path):
        with open(path, 'wb') as f:
            f.write(base64.b64decode(self.ask('GET', f'/session/{self.session}/screenshot')))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.ask('DELETE', f'/session/{self.session}')
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.folder.cleanup()
