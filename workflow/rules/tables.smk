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
    script:
        "../scripts/gather.py"


rule tables:
    input:
        expand("<results>/tables/{table}.parquet", table=TABLES),
