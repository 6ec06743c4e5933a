"""The page.

in:  tables, figures, saved reconstructions, quantization tables
out: <results>/report.html
"""


rule report:
    input:
        tables=[
            f"<results>/tables/{table}.parquet"
            for table in [*TABLES, *(["claims"] if CONFIG.studies else [])]
            if table != "jpeg_rate"
        ]
        + (rules.jpeg_savings.output if CONFIG.jpeg.studies else []),
        measured=[f"<results>/measured/{study}/{batch}" for study, batch in BATCHES],
        sets=[
            f"<results>/jpeg/{study}/{name}_{sampling}.json"
            for study, name, sampling in jpeg_sets()
        ],
        figures=[path for path in rules.figures.input if str(path).endswith(".svg")],
        captions=[
            own(f"rdc/figures/captions/{paper}_{name}.rst")
            for paper, names in FIGURES.items()
            for name in names
        ],
        parts=PAGE_PARTS,
        published=PUBLISHED if any(map(CONFIG.on_mnist, CONFIG.studies)) else [],
        code=closure("workflow/scripts/report.py"),
    output:
        report=report(
            "<results>/report.html",
            caption="../report/page.rst",
            category="The atlas",
            labels={"what": "the page: planes, JPEG, ledger, cost"},
        ),
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=stamp("workflow/scripts/report.py"),
        run=CONFIG.run,
        arguments=ARGUMENTS,
        benchmarks=f"benchmarks/{CONFIG.run}",
        studies=CONFIG.jpeg.compared(),
    script:
        "../scripts/report.py"
