"""Versions of data/ and of a run's artifacts, by DVC: put them together, send them, bring them back.

    python -m workflow.versions version --config config/mnist.yaml   # make version CONFIG=...
    python -m workflow.versions push
    python -m workflow.versions pull --config config/mnist.yaml      # make pull CONFIG=...

Several config files, as Snakemake takes them, are one run: later ones lie over earlier ones.

Git holds what .gitignore lets through; all else of a run that is up to date goes into bundles,
one for each batch of cells, under artifacts/{run}. Each bundle carries Snakemake's records. A pull
puts an artifact's record back only if all that it was made from is here unchanged.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePath

from rdc import bundles, machine, provenance, vouching
from rdc import cells as grid
from rdc import config as configs
from rdc.bundles import Manifest, fingerprint
from rdc.training import Folder
from workflow.records import RecordError, Records, Vouching, made_from, outputs, times

REMOTE_HINT = (
    "Where these files are kept is named by the DVC remote (see docs/versions.md). Another one, for "
    "this checkout alone:\n  dvc remote add --local --default NAME ../a/folder    (or s3://bucket/path)"
)


class VersionError(RuntimeError):
    """What kept a version from being made, sent or brought back, and what to do."""


class Run:
    """One config's run: where its files lie and which of them belong together."""

    def __init__(self, *paths: str):
        self.paths, self.config = paths, configs.load(*paths)
        self.folder = Path("results", self.config.run)
        self.artifacts = Path("artifacts", self.config.run)
        self.cells, self.batches = grid.expand(self.config), grid.batches(self.config)
        self.key_fault = partial(vouching.key_fault, cells=self.cells, folder=Folder(self.folder))
        self.made_with = provenance.versions(*provenance.MEASURED_WITH, *provenance.CODED_WITH)

    def batch_of(self, output: str) -> tuple[str, str] | None:
        """The batch of cells that an output belongs to, if any."""
        path = PurePath(output)
        found = path.parent.name, path.name.removesuffix(".parquet")
        return found if found in self.batches else None

    def bundle_of(self, output: str) -> Path:
        """The file that holds an output, or its record if something else holds the output."""
        path = PurePath(output)
        if batch := self.batch_of(output):
            return self.artifacts / batch[0] / f"{batch[1]}.tar"
        if not path.is_relative_to(self.folder):
            return self.artifacts / f"{path.parts[0]}.tar"
        return self.artifacts / f"{path.relative_to(self.folder).parts[0].split('.')[0]}.tar"

    def entries(self, held: set[str]) -> dict[Path, set[Path]]:
        """The store's entries by bundle: of outputs, and of cells whose batch is not finished."""
        found: dict[Path, set[Path]] = defaultdict(set)
        folder = Folder(self.folder)
        by_content = vouching.entries_by_content(folder.store.root)
        for output in held:
            found[self.bundle_of(output)] |= vouching.entries_of(Path(output), by_content)
        for (study, batch), cells in self.batches.items():
            trained = vouching.trained(cells, self.cells, folder)
            if trained:
                found[self.artifacts / study / f"{batch}.tar"] |= trained
        return found


def make(run: Run) -> None:
    """Bundles what is up to date, and has DVC note the bundles and data/."""
    whole = _manifest(run)
    judge = Vouching(whole, run.made_with, run.key_fault)
    faults = {output: judge.fault(output) for output in whole.records}
    _tell("left out", faults)
    good = {output for output, fault in faults.items() if not fault}
    held = {path for path in _ignored_by_git(good) if not _in_data(path)}
    entries = run.entries(held)
    if not good and not entries:
        raise VersionError(
            f"{run.folder}: nothing in it is up to date or trained; run it first: snakemake --cores all "
            f"--configfile {' '.join(run.paths)}"
        )
    members: dict[Path, set[str]] = defaultdict(set)
    for output in good:
        members[run.bundle_of(output)].add(output)
    for bundle in sorted({*members, *entries}):
        files = [*map(Path, held & members[bundle]), *entries[bundle]]
        bundles.pack(bundle, _part(whole, members[bundle]), files)
    for stale in {*run.artifacts.rglob("*.tar")} - {*members, *entries}:
        stale.unlink()
    tracked = [str(path) for path in (Path("data"), run.artifacts) if path.is_dir()]
    _dvc("add", "--quiet", *tracked)
    print(
        f"{run.folder}: {len(good)} outputs in {len({*members, *entries})} bundles under {run.artifacts}"
    )
    noted = " ".join(["data.dvc"] * ("data" in tracked) + ["artifacts", str(run.folder)])
    print(f"Commit it: git add {noted}")


def _manifest(run: Run) -> Manifest:
    """Of all outputs that Snakemake takes for up to date."""
    kept = Records()
    found = {output: kept.of(output) for output, good in outputs(*run.paths).items() if good}
    records = {output: record for output, record in found.items() if record}
    sums = {path: fingerprint(path) for path in _concerned(records)}
    return Manifest(run.made_with, sums, records)


def _part(whole: Manifest, chosen: set[str]) -> Manifest:
    """Of a manifest, what concerns some outputs."""
    records = {output: whole.records[output] for output in chosen}
    sums = {path: whole.sums[path] for path in _concerned(records)}
    return Manifest(whole.made_with, sums, records)


def _concerned(records: dict[str, dict]) -> set[str]:
    """Outputs and the files that they were made from."""
    return {*records, *(path for record in records.values() for path in made_from(record))}


def push() -> None:
    _dvc("push", hint=REMOTE_HINT)


def pull(run: Run) -> None:
    """Brings data/ and a run's bundles, puts their files in place and vouches for what it can."""
    noted = Path(f"{run.artifacts}.dvc")
    if not noted.is_file():
        raise VersionError(
            f"{noted}: no such file, so no version of {run.folder} is noted in this checkout; "
            f"make version CONFIG={shlex.quote(' '.join(run.paths))} makes one"
        )
    _dvc("pull", str(noted), hint=REMOTE_HINT)
    if Path("data.dvc").is_file():
        try:
            _dvc("pull", "data.dvc")
        except VersionError:  # a run may need none of it
            print(
                "data/ could not be brought back, see above; what a run needs of it is fetched from its "
                "source, or from RDC_MIRROR",
                file=sys.stderr,
            )
    restore(run)


def restore(run: Run) -> None:
    """What ``pull`` does once the bundles are here."""
    scratch, store, records = run.folder / ".unpacking", Folder(run.folder).store, Records()
    recorded: dict[str, dict] = {}
    judges: dict[str, Vouching] = {}
    for bundle in sorted(run.artifacts.rglob("*.tar")):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        manifest = bundles.unpack(bundle, scratch, run.folder)
        for output in manifest.records:
            if _put(scratch / output, Path(output)):
                records.forget(output)  # of an older file of this name
                records.disown(output)  # until it is vouched for
        for entry in sorted((scratch / run.folder / "store").glob("*")):
            if not store.holds(entry.name):
                _put(entry, store.entry(entry.name))
        recorded |= manifest.records
        judges |= dict.fromkeys(manifest.records, Vouching(manifest, run.made_with, run.key_fault))
    shutil.rmtree(scratch, ignore_errors=True)

    faults = {output: judges[output].fault(output) for output in recorded}
    vouched = {output: recorded[output] for output, fault in faults.items() if not fault}
    new = {output: record for output, record in vouched.items() if records.of(output) != record}
    for output, time in times(new):
        records.keep(output, new[output], time)
    for output in {*recorded, *outputs(*run.paths)}:
        if Path(output).exists() and not _in_data(output) and records.of(output) is None:
            records.disown(output)
    _tell("not vouched for", faults)
    print(f"{run.folder}: {len(vouched)} of {len(recorded)} recorded outputs are up to date")
    print(f"See what is left to do: snakemake -n --configfile {' '.join(run.paths)}")


def _tell(verdict: str, faults: dict[str, str]) -> None:
    for output, fault in sorted(faults.items()):
        if fault:
            print(f"{verdict}, {output}: {fault}")


def _put(source: Path, target: Path) -> bool:
    """Moves a file or folder to its place, if nothing is there yet."""
    if not source.exists() or target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    return True


def _in_data(path: str) -> bool:
    """Whether data.dvc holds it; what is fetched to there is checked as it comes."""
    return PurePath(path).is_relative_to("data")


def _ignored_by_git(paths: Iterable[str]) -> set[str]:
    """Those that git leaves out, so that DVC must hold them."""
    asked = subprocess.run(
        ["git", "check-ignore", "--stdin"], input="\n".join(paths), capture_output=True, text=True
    )
    if asked.returncode > 1:
        raise VersionError(f"versions are noted in git: {asked.stderr.strip()}")
    return {*asked.stdout.splitlines()}


def _dvc(*arguments: str, hint: str = "") -> None:
    if subprocess.run([sys.executable, "-m", "dvc", *arguments]).returncode:
        raise VersionError(f"dvc {' '.join(arguments)} failed, see above. {hint}".strip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (
        ("version", "bundle a run's artifacts and note them and data/ for git"),
        ("push", "send all that is noted"),
        ("pull", "bring data/ and a run's artifacts back"),
    ):
        command = commands.add_parser(name, help=does)
        if name != "push":
            command.add_argument(
                "--config", required=True, nargs="+", help="such as config/mnist.yaml"
            )
    options = parser.parse_args()
    try:
        if options.command == "push":
            push()
        else:
            {"version": make, "pull": pull}[options.command](Run(*options.config))
    except (VersionError, RecordError, bundles.BundleError, configs.ConfigError) as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        fault = machine.disk_fault(str(error), "artifacts")
        if not fault:
            raise
        sys.exit(f"error: {fault}")


if __name__ == "__main__":
    main()
