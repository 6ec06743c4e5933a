"""The tables that other people's code may read.

in:  parts of each table
out: <results>/tables/{table}.parquet
"""


rule gather:
    input:
        parts=parts_of,
        code=closure("workflow/scripts/gather.py"),
    output:
        table="<results>/tables/{table}.parquet",
    log:
        "<logs>/gather/{table}.log",
    benchmark:
        "<benchmarks>/gather/{table}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=stamp("workflow/scripts/gather.py"),
    script:
        "../scripts/gather.py"


rule limits:
    input:
        code=closure("workflow/scripts/limits.py"),
    output:
        limits="<results>/tables/limits.parquet",
    log:
        "<logs>/limits.log",
    benchmark:
        "<benchmarks>/limits.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=stamp("workflow/scripts/limits.py"),
        settings=CONFIG.limits.model_dump(mode="json"),
    script:
        "../scripts/limits.py"


rule claims:
    input:
        ledger=own("config/claims.yaml"),
        cells="<results>/tables/cells.parquet",
        curves="<results>/tables/curves.parquet",
        classifiers="<results>/tables/classifiers.parquet",
        measured=[f"<results>/measured/{study}/{batch}" for study, batch in BATCHES],
        jpeg=[
            f"<results>/tables/{table}.parquet"
            for table in TABLES
            if table in ("jpeg_images", "jpeg_rate")
        ],
        code=closure("workflow/scripts/claims.py"),
    output:
        claims="<results>/tables/claims.parquet",
    log:
        "<logs>/claims.log",
    benchmark:
        "<benchmarks>/claims.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=stamp("workflow/scripts/claims.py"),
        datasets={name: CONFIG.studies[name].dataset for name in sorted(CONFIG.studies)},
        sources={name: dataset.source for name, dataset in CONFIG.datasets.items()},
        papers=sorted([*CONFIG.studies, *(["luo"] if CONFIG.jpeg.studies else [])]),
    script:
        "../scripts/claims.py"


rule tables:
    input:
        expand(
            "<results>/tables/{table}.parquet",
            table=[
                *TABLES,
                *(["limits", "claims"] if CONFIG.studies else []),
                *(["jpeg_savings"] if CONFIG.jpeg.studies else []),
            ],
        ),
