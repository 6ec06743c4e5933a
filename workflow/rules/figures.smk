"""One rule per paper: its figures, from the tables and the saved reconstructions.

in:  <results>/tables/, <results>/measured/{study}/
out: <results>/figures/{paper}_{figure}.svg and .png
"""

FIGURES = {
    "atlas": ["planes", "rates", "jpeg"],
    "le": ["haar", "table3", "plane", "classes"],
    "limits": ["bernoulli", "binary", "gaussian"],
    "luo": [
        "rate",
        "distortion",
        "accuracy",
        "tables",
        "savings",
        "ablation",
        "examples",
    ],
    "nguyen": [
        "classification",
        "universal",
        "perception",
        "reconstructions",
        "critics",
    ],
    "zhang": ["losses", "reconstructions", "plane", "space", "rates"],
}
PAPERS = {
    "atlas": "All papers",
    "le": "Le, Haar WGAN",
    "limits": "Theoretical limits",
    "luo": "Luo, JPEG tables",
    "nguyen": "Nguyen, universal representations",
    "zhang": "Zhang, RDC",
}


rule figures_atlas:
    input:
        cells="<results>/tables/cells.parquet",
        confusion="<results>/tables/confusion.parquet",
        jpeg="<results>/tables/jpeg.parquet" if CONFIG.jpeg.studies else [],
        published=PUBLISHED if any(map(CONFIG.on_mnist, CONFIG.studies)) else [],
        code=closure("workflow/scripts/figures_atlas.py"),
    output:
        **drawings("atlas"),
    log:
        "<logs>/figures/atlas.log",
    benchmark:
        "<benchmarks>/figures/atlas.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=stamp("workflow/scripts/figures_atlas.py"),
    script:
        "../scripts/figures_atlas.py"


rule figures_le:
    input:
        cells="<results>/tables/cells.parquet",
        confusion="<results>/tables/confusion.parquet",
        published=own("config/published/le-table3.csv"),
        measured=[
            f"<results>/measured/{study}/{batch}"
            for study, batch in BATCHES
            if study == "le"
        ],
        code=closure("workflow/scripts/figures_le.py"),
    output:
        **drawings("le"),
    log:
        "<logs>/figures/le.log",
    benchmark:
        "<benchmarks>/figures/le.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=stamp("workflow/scripts/figures_le.py"),
        study="le",
        comparable=CONFIG.on_mnist("le"),
    script:
        "../scripts/figures_le.py"


rule figures_limits:
    input:
        limits="<results>/tables/limits.parquet",
        code=closure("workflow/scripts/figures_limits.py"),
    output:
        **drawings("limits"),
    log:
        "<logs>/figures/limits.log",
    benchmark:
        "<benchmarks>/figures/limits.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=stamp("workflow/scripts/figures_limits.py"),
    script:
        "../scripts/figures_limits.py"


rule figures_luo:
    input:
        jpeg="<results>/tables/jpeg.parquet",
        images="<results>/tables/jpeg_images.parquet",
        rate="<results>/tables/jpeg_rate.parquet",
        savings="<results>/tables/jpeg_savings.parquet",
        sets=[
            f"<results>/jpeg/{study}/{name}_{sampling}.json"
            for study, name, sampling in jpeg_sets()
        ],
        examples=[
            f"<results>/jpeg/{study}/examples_{sampling}.npz"
            for study, sampling in jpeg_pairs()
        ],
        code=closure("workflow/scripts/figures_luo.py"),
    output:
        **drawings("luo"),
    log:
        "<logs>/figures/luo.log",
    benchmark:
        "<benchmarks>/figures/luo.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=stamp("workflow/scripts/figures_luo.py"),
        studies=CONFIG.jpeg.compared(),
        pairs=[
            [study, SAMPLINGS[sampling], *pair]
            for (study, sampling), pair in jpeg_pairs().items()
        ],
        absent=[
            tables.program
            for tables in CONFIG.jpeg.tables.values()
            if machine.missing(tables.program)
        ],
    script:
        "../scripts/figures_luo.py"


rule figures_nguyen:
    input:
        cells="<results>/tables/cells.parquet",
        published=own("config/published/nguyen-figures.csv"),
        measured=[
            f"<results>/measured/{study}/{batch}"
            for study, batch in BATCHES
            if study == "nguyen"
        ],
        code=closure("workflow/scripts/figures_nguyen.py"),
    output:
        **drawings("nguyen"),
    log:
        "<logs>/figures/nguyen.log",
    benchmark:
        "<benchmarks>/figures/nguyen.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=stamp("workflow/scripts/figures_nguyen.py"),
        study="nguyen",
        comparable=CONFIG.on_mnist("nguyen"),
    script:
        "../scripts/figures_nguyen.py"


rule figures_zhang:
    input:
        cells="<results>/tables/cells.parquet",
        curves="<results>/tables/curves.parquet",
        measured=[
            f"<results>/measured/{study}/{batch}"
            for study, batch in BATCHES
            if study == "zhang"
        ],
        code=closure("workflow/scripts/figures_zhang.py"),
    output:
        **drawings("zhang"),
    log:
        "<logs>/figures/zhang.log",
    benchmark:
        "<benchmarks>/figures/zhang.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=stamp("workflow/scripts/figures_zhang.py"),
        study="zhang",
    script:
        "../scripts/figures_zhang.py"


rule figures:
    input:
        [
            f"<results>/figures/{paper}_{name}.{kind}"
            for paper, names in FIGURES.items()
            if (paper in ("atlas", "limits", *CONFIG.studies) and CONFIG.studies)
            or (paper == "luo" and CONFIG.jpeg.studies)
            for name in names
            for kind in ("svg", "png")
        ],
