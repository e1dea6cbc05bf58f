"""A zip whose bytes depend on its files only: fixed times, fixed rights, files in the order given."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from hashlib import sha256

_EPOCH = (1980, 1, 1, 0, 0, 0)
_OWNER_ONLY = 0o600 << 16
_UNIX = 3
SUMS = "SHA256SUMS"
"""Name of the file with the hashes of all others, as `sha256sum -c` reads it."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """The files by their path in the zip, and their hashes at its end."""
    sums = "".join(f"{sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in {**files, SUMS: sums.encode()}.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr, entry.create_system = _OWNER_ONLY, _UNIX
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 6)
    return stream.getvalue()
