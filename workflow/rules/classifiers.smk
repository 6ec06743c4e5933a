"""The classifiers that read originals and reconstructions.

in:  <results>/datasets/{dataset}.npz
out: <results>/classifiers/{dataset}/{classifier}.safetensors, its rows of the table classifiers
"""


rule pretrain:
    input:
        dataset="<results>/datasets/{dataset}.npz",
        code=closure("workflow/scripts/pretrain.py"),
    output:
        weights="<results>/classifiers/{dataset}/{classifier}.safetensors",
        rows="<results>/parts/classifiers/{dataset}/{classifier}.parquet",
    log:
        "<logs>/pretrain/{dataset}/{classifier}.log",
    benchmark:
        "<benchmarks>/pretrain/{dataset}/{classifier}.tsv"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
        gpu=GPU,
    params:
        code=stamp("workflow/scripts/pretrain.py"),
        run=CONFIG.run,
        folder=subpath(input.dataset, ancestor=2),
        settings=classifier_settings,
        held_out=dataset_settings("held_from_classifiers"),
    script:
        "../scripts/pretrain.py"
