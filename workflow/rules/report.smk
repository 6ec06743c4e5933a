"""The page.

in:  tables and figures
out: <results>/report.html
"""


rule report:
    input:
        cells="<results>/tables/cells.parquet",
        classifiers="<results>/tables/classifiers.parquet",
        costs="<results>/tables/costs.parquet",
        claims="<results>/tables/claims.parquet",
        figures=[path for path in rules.figures.input if str(path).endswith(".svg")],
        template="rdc/report.html.j2",
        code=closure("workflow/scripts/report.py"),
    output:
        report="<results>/report.html",
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=CONFIG.run,
    script:
        "../scripts/report.py"
