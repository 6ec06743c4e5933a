"""From public files, or a user's folder, to arrays.

in:  nothing, or the folder that the config names
out: data/{source}/{file}, <results>/datasets/{dataset}.npz
"""


rule fetch:
    output:
        file="data/{source}/{file}",
    log:
        "logs/fetch/{source}/{file}.log",
    benchmark:
        "benchmarks/fetch/{source}/{file}.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    script:
        "../scripts/fetch.py"


rule prepare:
    input:
        files=source_files,
        code=closure("workflow/scripts/prepare.py"),
    output:
        dataset="<results>/datasets/{dataset}.npz",
    log:
        "<logs>/prepare/{dataset}.log",
    benchmark:
        "<benchmarks>/prepare/{dataset}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=stamp("workflow/scripts/prepare.py"),
        source=dataset_settings("source"),
        folder=dataset_settings("folder"),
    script:
        "../scripts/prepare.py"
