"""What JPEG's rules need: the arms that are measured, and functions that name inputs and settings."""


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
