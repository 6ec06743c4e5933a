"""What the rules share: the checked config, the grid, and functions that name their inputs.

Nothing here imports torch: a Snakefile is parsed again for every job on a cluster.
"""

import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

sys.path.insert(0, str(Path(workflow.current_basedir).parents[1]))

from rdc import cells as grid
from rdc import config as configs
from rdc import config_files, machine, progress
from rdc.datasets import folders
from rdc.datasets.sources import SOURCES, DataError
from rdc.jpeg import memory
from rdc.provenance import CODED_WITH, MEASURED_WITH, closure, stamp

try:
    if workflow.is_main_process:  # jobs parse this file again
        for file in workflow.configfiles:
            config_files.read(file)  # Snakemake takes a key that stands twice
    CONFIG = configs.parse(config)
    CELLS = grid.expand(CONFIG)
except configs.ConfigError as error:
    files = ", ".join(os.path.relpath(file) for file in workflow.configfiles)
    raise WorkflowError(f"the config ({files}) cannot be run:\n{error}") from None

for folder in (
    f"results/{CONFIG.run}",
    f"logs/{CONFIG.run}",
    f"benchmarks/{CONFIG.run}",
):
    if fault := machine.unwritable(folder):
        raise WorkflowError(fault)

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

# One line at a terminal; a file or CI gets Snakemake's own lines.
if workflow.is_main_process and not workflow.dryrun and sys.stderr.isatty():
    progress.attach(logger, sys.stderr)

machine.use_this_checkout()
machine.let_waiting_threads_sleep()
# As the user would name it from here, for the commands that the page shows.
CONFIG_FILE = os.path.relpath(workflow.configfiles[-1])
BATCHES = grid.batches(CONFIG)
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
PAGE_PARTS = sorted(
    str(path)
    for path in Path("rdc/report").iterdir()
    if path.suffix in (".css", ".js", ".j2")
)
PUBLISHED = ["config/published/le-table3.csv", "config/published/nguyen-figures.csv"]
SHIPPED_TABLES = sorted(map(str, Path("rdc/jpeg/tables").glob("*.qtables")))
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


def jpeg_arms():
    """(study, tables, sampling) of everything that JPEG is measured with."""
    return [
        (study, name, sampling)
        for study, settings in CONFIG.jpeg.studies.items()
        for name in settings.tables
        for sampling, written in SAMPLINGS.items()
        if written in settings.subsampling
        and not machine.missing(CONFIG.jpeg.tables[name].program)
    ]


def jpeg_sets():
    """Those of them that have one set of tables for all pictures."""
    return [arm for arm in jpeg_arms() if not CONFIG.jpeg.tables[arm[1]].adapts]


def jpeg_shown():
    """Those of them that the page shows at work: not the variations on others."""
    return [
        arm for arm in jpeg_sets() if arm[1] not in CONFIG.jpeg.studies[arm[0]].ablation
    ]


def jpeg_pairs():
    """(study, sampling) to the tables that examples show: the reference and the first tuned ones."""
    found = {}
    for study, name, sampling in jpeg_sets():
        settings = CONFIG.jpeg.studies[study]
        tuned = CONFIG.jpeg.tables[name].objective and name not in settings.ablation
        if tuned and settings.dataset is None:
            found.setdefault((study, sampling), (settings.reference, name))
    return found


def jpeg_example_tables(position):
    """Of a study and a sampling, the file of one of those two tables."""
    return lambda wildcards: (
        f"<results>/jpeg/{wildcards.jpeg_study}/"
        f"{jpeg_pairs()[wildcards.jpeg_study, wildcards.sampling][position]}_{wildcards.sampling}.json"
    )


def jpeg_memory(wildcards):
    """MB; of a rule without tables, to estimate rates."""
    name = wildcards.jpeg_study
    tables = CONFIG.jpeg.tables.get(wildcards.get("tables"))
    return memory.needed(CONFIG.jpeg.studies[name], tables, JPEG_FOLDERS.get(name, []))


def jpeg_start(wildcards):
    """The file of tables that pictures are coded with; none where each has its own."""
    settings = CONFIG.jpeg.tables[wildcards.tables]
    name = wildcards.tables
    if settings.adapts:
        if not settings.per_image or settings.start not in CONFIG.jpeg.tables:
            return []
        name = settings.start
    return f"<results>/jpeg/{wildcards.jpeg_study}/{name}_{wildcards.sampling}.json"


def jpeg_files(wildcards):
    """Every file that a study's pictures and classifiers come from."""
    study = CONFIG.jpeg.studies[wildcards.jpeg_study]
    places = jpeg_places(wildcards)
    found = [
        f"data/{source}/{file}"
        for source, file in CONFIG.jpeg.sources(wildcards.jpeg_study)
    ]
    if study.folder is not None:
        found += [*JPEG_FOLDERS[wildcards.jpeg_study], places["catalogue"]]
        for role in places["own"]:
            settings = CONFIG.jpeg.classifiers[getattr(study, role)]
            found += [str(file) for file in settings.files()]
    if study.dataset is not None:
        found += [places["dataset"], *places["trained"].values()]
    return found


def jpeg_places(wildcards):
    """Where a study's images and classifiers lie, as ``rdc.jpeg.readers.Files`` takes it."""
    study = CONFIG.jpeg.studies[wildcards.jpeg_study]
    roles = {
        role: getattr(study, role)
        for role in ("classifier", "judge")
        if getattr(study, role)
    }
    places = {"own": {}}
    if study.dataset is not None:
        results = f"results/{CONFIG.run}"
        places["dataset"] = f"{results}/datasets/{study.dataset}.npz"
        places["trained"] = {
            role: f"{results}/classifiers/{study.dataset}/{name}.safetensors"
            for role, name in roles.items()
        }
    elif study.folder is not None:
        places["catalogue"] = (
            f"results/{CONFIG.run}/parts/jpeg_pictures/{wildcards.jpeg_study}.json"
        )
        places["own"] = {
            role: CONFIG.jpeg.classifiers[name].model_dump(mode="json")
            for role, name in roles.items()
        }
    return places


def jpeg_study_settings(wildcards):
    """Of a study, what its tables and rows depend on; which other tables it has is none of it."""
    study = CONFIG.jpeg.studies[wildcards.jpeg_study].model_dump(mode="json")
    own = {"tables": [wildcards.tables], "reference": wildcards.tables, "ablation": []}
    return {**study, **own}


def jpeg_pictures_settings(wildcards):
    """Of a study, what its pictures depend on."""
    study = CONFIG.jpeg.studies[wildcards.jpeg_study].model_dump(mode="json")
    own = {"tables": ["none"], "reference": "none", "ablation": [], "qualities": [50]}
    return {**study, **own}


def jpeg_table_settings(wildcards):
    return CONFIG.jpeg.tables[wildcards.tables].model_dump(mode="json")


def jpeg_subsampling(wildcards):
    return SAMPLINGS[wildcards.sampling]


def jpeg_objective(wildcards):
    settings = CONFIG.jpeg.tables[wildcards.tables]
    return settings.objective or settings.search or settings.encoder or "published"


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
