"""Puts pip from the registry into the virtual environment whose Python runs this file."""

import hashlib
import html
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

INDEX = os.environ.get("PIP_INDEX_URL", "").rstrip("/")
MINOR = sys.version_info.minor
LINK = re.compile(r"<a ([^>]*)>")
WHEEL = re.compile(r'href="([^"#]*/pip-([0-9.]+)-py3-none-any\.whl)#sha256=([0-9a-f]{64})"')
NEEDS = re.compile(r'data-requires-python="&gt;=3\.([0-9]+)')


def fetch(url: str) -> bytes:
    """Read one address, with the certificates that pip would trust."""
    trusted = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=60, context=trusted) as answer:
        return answer.read()


def newest(page: str) -> tuple[str, str]:
    """Return address and SHA-256 of the newest pip on the index page that runs on this Python."""
    found = []
    for link in LINK.findall(page):
        wheel, needs = WHEEL.search(link), NEEDS.search(link)
        if wheel and "data-yanked" not in link and int(needs[1] if needs else 0) <= MINOR:
            version = [int(number) for number in wheel[2].split(".")]
            found.append((version, html.unescape(wheel[1]), wheel[3]))
    if not found:
        sys.exit(f"{INDEX} offers no wheel of pip")
    _, address, digest = max(found)
    return address, digest


def main() -> None:
    """Download, verify, and let the wheel install itself."""
    if not INDEX:
        sys.exit("there is no pip here: set PIP_INDEX_URL to your package index, or install pip")
    page_url = f"{INDEX}/pip/"
    address, digest = newest(fetch(page_url).decode())
    content = fetch(urllib.parse.urljoin(page_url, address))
    if hashlib.sha256(content).hexdigest() != digest:
        sys.exit("the wheel of pip is not what the index says")
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder) / address.rsplit("/", 1)[-1]
        wheel.write_bytes(content)
        install = [sys.executable, f"{wheel}/pip", "install", "--quiet", "--no-index", str(wheel)]
        subprocess.run(install, check=True)


if __name__ == "__main__":
    main()
