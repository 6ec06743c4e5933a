"""Training and measuring codecs, a batch of cells at a time.

in:  datasets and classifiers
out: <results>/codecs/{study}/{batch}/, <results>/measured/{study}/{batch}/, parts of the tables

Finished cells also lie in <results>/store by key: a batch that is interrupted, or that changed in
one cell, trains only what is missing.
"""


rule train:
    input:
        dataset=dataset_of,
        classifier=classifier_of,
        bases=base_codecs,
        code=closure("workflow/scripts/train.py"),
    output:
        codecs=directory("<results>/codecs/{study}/{batch}"),
        curves="<results>/parts/curves/{study}/{batch}.parquet",
    log:
        "<logs>/train/{study}/{batch}.log",
    benchmark:
        "<benchmarks>/train/{study}/{batch}.tsv"
    priority: tier_priority
    threads: 1
    resources:
        mem_mb=3000,
        runtime=minutes_to_train,
        gpu=GPU,
    params:
        code=stamp("workflow/scripts/train.py"),
        run=CONFIG.run,
        folder=subpath(input.dataset, ancestor=2),
        cells=cells_of,
        bases=bases_of,
    script:
        "../scripts/train.py"


rule evaluate:
    input:
        codecs="<results>/codecs/{study}/{batch}",
        dataset=dataset_of,
        readers=readers_of,
        code=closure("workflow/scripts/evaluate.py"),
    output:
        measured=directory("<results>/measured/{study}/{batch}"),
        cells="<results>/parts/cells/{study}/{batch}.parquet",
        confusion="<results>/parts/confusion/{study}/{batch}.parquet",
        costs="<results>/parts/costs/{study}/{batch}.parquet",
    log:
        "<logs>/evaluate/{study}/{batch}.log",
    benchmark:
        "<benchmarks>/evaluate/{study}/{batch}.tsv"
    priority: tier_priority
    threads: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 60 * attempt,
        gpu=GPU,
    params:
        code=stamp("workflow/scripts/evaluate.py", *MEASURED_WITH),
        run=CONFIG.run,
        folder=subpath(input.dataset, ancestor=2),
        cells=cells_of,
        own=lambda wildcards: CONFIG.studies[wildcards.study].classifier,
        settings=CONFIG.evaluation.model_dump(mode="json"),
    script:
        "../scripts/evaluate.py"


rule trained:
    input:
        [f"<results>/codecs/{study}/{batch}" for study, batch in BATCHES],
