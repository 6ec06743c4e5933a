"""Where the files of each public dataset come from, and bringing them to ``data/`` by checksum."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from rdc.atomic import replacing
from rdc.datasets.labelled import DataError

MIRROR = "RDC_MIRROR"
RETRIES = 3


@dataclass(frozen=True)
class File:
    """One file of a source: its name there, size in bytes and SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """Files that belong together; ``urls`` are folders that hold all of them."""

    files: tuple[File, ...]
    urls: tuple[str, ...]


SOURCES = {
    "mnist": Source(
        files=(
            File(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            File(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            File(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            File(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        urls=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
    ),
    # Repacked zip files of public images: no public address serves these bytes.
    "kodak": Source(
        files=(
            File(
                "kodak.zip",
                15_396_967,
                "d89a465c9d0f1eec1f3a8acf07d4df1471644e6215cc10f532301dc993e4c3bc",
            ),
        ),
        urls=(),
    ),
    "cifar10": Source(
        files=(
            File(
                "cifar10-subset.zip",
                24_361_397,
                "b27a817460efdfa9e18d2ce54b608999f12289a92b95a4213da666a82341d134",
            ),
        ),
        urls=(),
    ),
    # Y. Idelbayev's pretrained CIFAR-10 networks (BSD licence), as He et al. describe them.
    "cifar10-resnets": Source(
        files=(
            File(
                "resnet20-12fca82f.th",
                1_099_231,
                "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8",
            ),
            File(
                "resnet56-4bfd9763.th",
                3_471_733,
                "4bfd97631478d6b638d2764fd2baff3edb1d7d82252d54439343b6596b9b5367",
            ),
        ),
        urls=("https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/",),
    ),
    # Ship inside scikit-learn and scikit-image: nothing to fetch.
    "digits": Source(files=(), urls=()),
    "photographs": Source(files=(), urls=()),
}


def fetch(source: str, file: str, target: str | Path) -> Path:
    """Brings one file of a source to ``target``, checked, whole or not at all.

    Looks at ``target`` itself first, then under the folder in the environment variable RDC_MIRROR
    (``<mirror>/<source>/<file>``, then ``<mirror>/<file>``), then at the public URLs, three times
    each.

    Raises:
        DataError: names the file, every place that was tried and what was wrong there.
    """
    described = _described(source, file)
    target = Path(target)
    if target.is_file() and not _fault(target, described):
        return target
    tried = []
    mirror = os.environ.get(MIRROR)
    if mirror:
        for candidate in (Path(mirror) / source / file, Path(mirror) / file):
            fault = _fault(candidate, described)
            if not fault:
                with replacing(target) as scratch:
                    shutil.copyfile(candidate, scratch)
                return target
            tried.append(f"{candidate} ({MIRROR}): {fault}")
    for url in SOURCES[source].urls:
        try:
            _download(url + file, described, target)
            return target
        except Exception as error:  # pooch and requests raise many kinds; each is told below
            tried.append(f"{url}{file}: {_first_line(error)}")
    hint = "" if mirror else f"; without a network, set {MIRROR} to a folder that has it"
    if not SOURCES[source].urls:
        tried.append("no public address: these bytes are a repacked copy")
    raise DataError(f"{target}: cannot be had{hint}. Tried:\n  " + "\n  ".join(tried))


def _described(source: str, file: str) -> File:
    if source not in SOURCES:
        raise DataError(f"unknown source {source!r}, allowed are {', '.join(SOURCES)}")
    for described in SOURCES[source].files:
        if described.name == file:
            return described
    names = ", ".join(described.name for described in SOURCES[source].files) or "none"
    raise DataError(f"source {source!r} has no file {file!r}; its files: {names}")


def _fault(path: Path, described: File) -> str:
    """What is wrong with a file, empty if nothing is."""
    if not path.is_file():
        return "no such file"
    size = path.stat().st_size
    if size != described.size:
        return f"{size} bytes, should be {described.size} (truncated?)"
    with open(path, "rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != described.sha256:
            return "wrong SHA-256 (damaged, or another version)"
    return ""


def _download(url: str, described: File, target: Path) -> None:
    import pooch  # only here: training on a machine that has the files does without it

    with replacing(target) as scratch:
        pooch.create(
            path=scratch.parent,
            base_url="",
            registry={scratch.name: f"sha256:{described.sha256}"},
            urls={scratch.name: url},
            retry_if_failed=RETRIES,
        ).fetch(scratch.name, downloader=pooch.HTTPDownloader(progressbar=True, timeout=30))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
