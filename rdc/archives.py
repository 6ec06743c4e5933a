"""Zip archives of others: what torch writes is one, and unpacked before its sizes are looked at."""

import zipfile
from pathlib import Path


def check(path: Path) -> None:
    """Raises BadZipFile for an archive that torch did not write as it is.

    ``torch.load`` looks at no checksum, and unpacks whatever a few bytes are said to be.
    """
    with zipfile.ZipFile(path) as archive:
        files = archive.infolist()
        packed = any(file.compress_type != zipfile.ZIP_STORED for file in files)
        if packed or sum(file.file_size for file in files) > path.stat().st_size:
            raise zipfile.BadZipFile("it holds more than its length")
        if archive.testzip():
            raise zipfile.BadZipFile("a checksum does not fit")
