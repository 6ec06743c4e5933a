"""What the rules share: the checked config, the grid, and functions that name their inputs.

Nothing here imports torch: a Snakefile is parsed again for every job on a cluster.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger


def checkout(rules):
    """The folder of this checkout, from that of this file.

    Where another workflow takes this one from a Git host (``module``, ``github(...)``), Snakemake
    fetches single files out of a bare clone: the library and its data are unpacked from that.
    """
    repository = getattr(rules, "repo_path", None)
    if repository is None and not hasattr(rules, "hosted_repo"):
        return Path(rules).parents[1]
    git = ["git", "-C", str(repository or rules.hosted_repo.repo_clone)]
    commit = subprocess.check_output(
        [*git, "rev-parse", f"{rules.ref}^{{commit}}"], text=True
    ).strip()
    target = Path(".snakemake", "checkouts", commit).absolute()
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.mkdtemp(dir=target.parent)
        content = subprocess.check_output(
            [*git, "archive", commit, "Snakefile", "rdc", "workflow", "config"]
        )
        subprocess.run(["tar", "-x", "-C", scratch], input=content, check=True)
        try:
            os.rename(scratch, target)
        except OSError:  # another process was faster
            shutil.rmtree(scratch)
    return target


sys.path.insert(0, str(checkout(workflow.current_basedir)))

from rdc import cells as grid
from rdc import config as configs
from rdc import config_files, durations, locks, machine, plan, progress, provenance
from rdc.datasets import folders
from rdc.datasets.sources import SOURCES, DataError
from rdc.jpeg import memory
from rdc.machine import own
from rdc.provenance import CODED_WITH, MEASURED_WITH, stamp

if fault := machine.unusable_path(sys.executable):
    raise WorkflowError(fault)

# Or else this is a module of another workflow, whose Snakefile names its config itself.
OURS = Path(workflow.main_snakefile).resolve() in (
    provenance.ROOT / "Snakefile",
    provenance.ROOT / "workflow" / "Snakefile",
)

try:
    if OURS and workflow.is_main_process:  # jobs parse this file again
        for file in workflow.configfiles:
            config_files.read(file)  # Snakemake takes a key that stands twice
    nested = {
        key: config_files.typed(value)
        for key, value in workflow.config_settings.config.items()
        if key in config and not isinstance(value, str)
    }
    CONFIG = configs.parse(config_files.laid_over(config, nested))
    CELLS = grid.expand(CONFIG)
except configs.ConfigError as error:
    files = [os.path.relpath(file) for file in workflow.configfiles]
    said = ", ".join(
        [*files, *(["--config"] if workflow.config_settings.config else [])]
    )
    raise WorkflowError(f"the config ({said}) cannot be run:\n{error}") from None

for folder in (
    f"results/{CONFIG.run}",
    f"logs/{CONFIG.run}",
    f"benchmarks/{CONFIG.run}",
):
    if fault := machine.unwritable(folder):
        raise WorkflowError(fault)

for where, chosen in [
    *((f"datasets.{name}", dataset) for name, dataset in CONFIG.datasets.items()),
    *((f"jpeg.studies.{name}", study) for name, study in CONFIG.jpeg.studies.items()),
]:
    if chosen.folder is not None and (fault := machine.holds_own(chosen.folder)):
        raise WorkflowError(f"{where}.folder: {fault}")

for name, study in list(CONFIG.jpeg.studies.items()):
    if study.optional and not study.folder.is_dir():
        logger.warning(
            f"jpeg.studies.{name}: left out, since {study.folder} is missing"
        )
        del CONFIG.jpeg.studies[name]


def as_inputs(files):
    """A user's files as Snakemake can name them."""
    files = list(files)
    for file in files:
        if "{" in str(file):
            raise WorkflowError(
                f"{file}: found '{{' in its name, where a wildcard would begin; rename it"
            )
    return [str(file) for file in files]


try:
    JPEG_FOLDERS = {
        name: as_inputs(
            file
            for part in folders.parts_of(
                study.folder, study.at_most, study.classifier is not None
            )[0].values()
            for file in part.files
        )
        for name, study in CONFIG.jpeg.studies.items()
        if study.folder is not None
    }
except DataError as error:
    raise WorkflowError(str(error)) from None

if workflow.is_main_process:
    HELD, killed = locks.hold(CONFIG.run)
    if killed:
        logger.info(
            f"results/{CONFIG.run}: an earlier run was killed and nobody holds its lock; going on from there"
        )

BATCHES = grid.batches(CONFIG)


def job_seconds():
    """What a job of each rule is expected to take."""
    return durations.expected(CONFIG, BATCHES, f"benchmarks/{CONFIG.run}")


# One line at a terminal; a file or CI gets Snakemake's own lines.
if workflow.is_main_process:
    dry = workflow.logger_manager.settings.dryrun  # workflow.dryrun is not known yet
    if dry and os.environ.get(plan.ASKED):
        cores = workflow.resource_settings.cores or os.cpu_count()
        plan.attach(logger, plan.Plan(CONFIG.run, cores, job_seconds))
    elif not dry and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        progress.attach(logger, sys.stderr, job_seconds())

machine.use_this_checkout()
machine.let_waiting_threads_sleep()
# For the commands that the page shows.
ARGUMENTS = machine.arguments(
    workflow.main_snakefile,
    workflow.configfiles if OURS else workflow.overwrite_configfiles,
    workflow.config_settings.config,
)
# Where a cell is by study and name, so that no job looks through all of them.
PLACE_OF = {(cell.study, cell.name): place for place, cell in enumerate(CELLS)}
BATCH_OF = {
    (cell.study, cell.name): key for key, cells in BATCHES.items() for cell in cells
}
MOST_EPOCHS = max(
    (
        sum(cell.training.epochs for cell in cells if cell.moves == "networks")
        for cells in BATCHES.values()
    ),
    default=0,
)
# Jobs ask for a GPU only where there is one; profiles/default says how many share it.
GPU = machine.gpu_per_job()
TABLES = []
if CONFIG.studies:
    TABLES += ["cells", "costs", "curves", "confusion", "classifiers"]
if CONFIG.jpeg.studies:
    TABLES += ["jpeg", "jpeg_images", "jpeg_samples", "jpeg_rate"]


def closure(script):
    """A script's modules, as inputs of its rule."""
    return [own(module) for module in provenance.closure(script)]


def ours(folder, *suffixes):
    """Of a folder of this checkout the files of some kinds."""
    found = (provenance.ROOT / folder).iterdir()
    return sorted(own(f"{folder}/{p.name}") for p in found if p.suffix in suffixes)


PAGE_PARTS = ours("rdc/report", ".css", ".js", ".j2")
PUBLISHED = [own(f"config/published/{n}.csv") for n in ("le-table3", "nguyen-figures")]
SHIPPED_TABLES = ours("rdc/jpeg/tables", ".qtables")
SAMPLINGS = {"420": "4:2:0", "444": "4:4:4"}  # chroma subsampling, as files are named

WILDCARDS = {
    "dataset": "|".join(CONFIG.datasets),
    "classifier": "|".join(CONFIG.classifiers),
    "study": "|".join(CONFIG.studies),
    "source": "|".join(SOURCES),
    "file": "[^/]+",
    "batch": "[^/]+",
    "table": "|".join(TABLES),
    "jpeg_study": "|".join(CONFIG.jpeg.studies),
    "tables": "|".join(CONFIG.jpeg.tables),
    "sampling": "|".join(SAMPLINGS),
}


def source_files(wildcards):
    """The files that a dataset is made of."""
    dataset = CONFIG.datasets[wildcards.dataset]
    if dataset.folder is not None:
        try:
            return as_inputs(folders.every_file(dataset.folder))
        except DataError as error:
            raise WorkflowError(
                f"datasets.{wildcards.dataset}.folder: {error}"
            ) from None
    return [
        f"data/{dataset.source}/{file.name}" for file in SOURCES[dataset.source].files
    ]


def dataset_settings(key):
    """Of the dataset in the wildcards, one setting."""
    return lambda wildcards: getattr(CONFIG.datasets[wildcards.dataset], key)


def classifier_settings(wildcards):
    return CONFIG.classifiers[wildcards.classifier].model_dump(mode="json")


def dataset_of(wildcards):
    return f"<results>/datasets/{CONFIG.studies[wildcards.study].dataset}.npz"


def classifier_of(wildcards):
    study = CONFIG.studies[wildcards.study]
    return f"<results>/classifiers/{study.dataset}/{study.classifier}.safetensors"


def readers_of(wildcards):
    """All classifiers of a study's dataset: a codec is measured by every one of them."""
    dataset = CONFIG.studies[wildcards.study].dataset
    return [
        f"<results>/classifiers/{dataset}/{name}.safetensors"
        for name in used_classifiers(dataset)
    ]


def members_of(wildcards):
    """A batch's cells."""
    batch = wildcards.study, wildcards.batch
    if batch not in BATCHES:
        raise WorkflowError(
            f"{'/'.join(batch)}: this config has no such batch of cells; `snakemake -n` lists those it has"
        )
    return BATCHES[batch]


def cells_of(wildcards):
    """A batch's cells, as plain data: a change of one reruns the batch."""
    return [grid.as_json(cell) for cell in members_of(wildcards)]


def encoder_names(wildcards):
    """Of a batch, the cells whose encoders it keeps frozen: their study and name."""
    members = members_of(wildcards)
    return {(cell.study, cell.encoder_from) for cell in members if cell.encoder_from}


def bases_of(wildcards):
    """Those cells, as plain data."""
    places = sorted(PLACE_OF[name] for name in encoder_names(wildcards))
    return [grid.as_json(CELLS[place]) for place in places]


def base_codecs(wildcards):
    """The batches that train them."""
    batches = sorted({BATCH_OF[name] for name in encoder_names(wildcards)})
    return [f"<results>/codecs/{study}/{batch}" for study, batch in batches]


def tier_priority(wildcards):
    """Lower tiers first."""
    return -min(cell.tier for cell in members_of(wildcards))


def minutes_to_train(wildcards, attempt):
    """A generous limit for a cluster, twice as long if retried, a day at the most.

    The same for all batches, since the tasks of a Slurm array share the first one's. A training
    that is cut off goes on from its checkpoint when it is retried.
    """
    return min(24 * 60, max(30, 4 * MOST_EPOCHS) * attempt)


def parts_of(wildcards):
    """The parts that one table is gathered from."""
    if wildcards.table == "classifiers":
        return [
            f"<results>/parts/classifiers/{dataset}/{classifier}.parquet"
            for dataset in used_datasets()
            for classifier in used_classifiers(dataset)
        ]
    if wildcards.table == "jpeg_rate":
        return [
            f"<results>/parts/jpeg_rate/{study}/{sampling}.parquet"
            for study, sampling in dict.fromkeys((s, c) for s, _, c in jpeg_arms())
        ]
    if wildcards.table == "jpeg_samples":
        return [
            f"<results>/parts/jpeg_samples/{study}/{name}_{sampling}.parquet"
            for study, name, sampling in jpeg_shown()
        ]
    if wildcards.table.startswith("jpeg"):
        return [
            f"<results>/parts/{wildcards.table}/{study}/{name}_{sampling}.parquet"
            for study, name, sampling in jpeg_arms()
        ]
    return [
        f"<results>/parts/{wildcards.table}/{study}/{batch}.parquet"
        for study, batch in BATCHES
    ]


def used_datasets():
    return list(dict.fromkeys(study.dataset for study in CONFIG.studies.values()))


def used_classifiers(dataset):
    readers = [s.classifier for s in CONFIG.studies.values() if s.dataset == dataset]
    return list(dict.fromkeys([*readers, configs.JUDGE]))


def drawings(paper):
    """A paper's figures: name_svg and name_png; the SVG goes into Snakemake's own report too."""
    found = {}
    for name in FIGURES[paper]:
        path = f"<results>/figures/{paper}_{name}"
        found[f"{name}_png"] = f"{path}.png"
        found[f"{name}_svg"] = report(
            f"{path}.svg",
            caption=f"../../rdc/figures/captions/{paper}_{name}.rst",
            category="Figures",
            subcategory=PAPERS[paper],
            labels={"figure": name},
        )
    return found
