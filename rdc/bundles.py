"""A run's files in few tar files, each with a manifest of what they are and what they came from.

The same files give the same bytes, so that a bundle that did not change is not sent again.
"""

import hashlib
import io
import json
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path

from rdc.atomic import replacing
from rdc.store import sha256

MANIFEST = "manifest.json"
TIMESTAMP = ".snakemake_timestamp"  # Snakemake's mark in a folder: says when, not what

# ns: the date of everything unpacked, until it is vouched for. Snakemake takes 0 for no date.
LONG_AGO = 86_400 * 10**9


class BundleError(RuntimeError):
    """A bundle that is missing, damaged or holds what it must not: names the file."""


@dataclass(frozen=True)
class Manifest:
    """What a bundle vouches for.

    ``made_with`` holds versions of libraries; ``sums`` the fingerprint of every recorded output and
    of every file that it was made from, by path; ``records`` what the workflow noted of an output.
    """

    made_with: dict[str, str]
    sums: dict[str, str]
    records: dict[str, dict]


def fingerprint(path: str | Path) -> str:
    """SHA-256 of a file, or of a folder's names and their SHA-256; empty where neither is there."""
    path = Path(path)
    if path.is_dir():
        listed = [(str(file.relative_to(path)), fingerprint(file)) for file in files_in(path)]
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()
    if not path.is_file():
        return ""
    return sha256(path)


def files_in(path: Path) -> list[Path]:
    """A file, or all files of a folder, in order."""
    if path.is_file():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_file() and p.name != TIMESTAMP)


def pack(target: Path, manifest: Manifest, paths: list[Path]) -> None:
    """Writes a tar of a manifest, files and folders; equal files are stored once, as hard links."""
    first: dict[str, str] = {}
    with replacing(target) as scratch, tarfile.open(scratch, "w") as tar:
        content = json.dumps(asdict(manifest), indent=1, sort_keys=True).encode()
        _add(tar, MANIFEST, len(content), io.BytesIO(content))
        for file in sorted({file for path in paths for file in files_in(path)}):
            known = first.setdefault(fingerprint(file), str(file))
            if known == str(file):
                with open(file, "rb") as stream:
                    _add(tar, str(file), file.stat().st_size, stream)
            else:
                _add(tar, str(file), 0, None, link=known)


def _add(tar: tarfile.TarFile, name: str, size: int, stream, link: str = "") -> None:
    """A member without its time, owner and mode: those are not what a bundle is about."""
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o644, LONG_AGO // 10**9
    if link:
        member.type, member.linkname = tarfile.LNKTYPE, link
    tar.addfile(member, stream)


def unpack(source: Path, scratch: Path, allowed: Path) -> Manifest:
    """Extracts a bundle below an empty scratch folder, and returns its manifest.

    Args:
        allowed: the folder, as named in the bundle, in which all its files must lie.

    Raises:
        BundleError: missing, damaged, or with a file elsewhere.
    """
    try:
        with tarfile.open(source) as tar:
            for member in tar.getmembers():
                path = Path(member.name)
                inside = path.is_relative_to(allowed) and ".." not in path.parts
                if member.name != MANIFEST and not inside:
                    raise BundleError(f"{source}: holds {member.name}, which is not in {allowed}")
            tar.extractall(scratch, filter="data")
        return Manifest(**json.loads((scratch / MANIFEST).read_text()))
    except FileNotFoundError:
        raise BundleError(f"{source}: no such bundle") from None
    except (tarfile.TarError, ValueError, TypeError) as error:
        raise BundleError(
            f"{source}: not a bundle of this project, or damaged ({error}); delete it and pull again"
        ) from None
