"""Clone, pull, nothing to do; edit one lambda, one cell trains; what does not match is remade.

All for real: a finished run, git, DVC, a folder or an S3 server as remote, Snakemake's dry runs.
"""

import copy
import json
import shutil
import tarfile

import pytest
import yaml
from checkouts import CONFIG, Checkout
from safetensors.torch import load_file
from sandbox import TINY

from rdc import bundles
from rdc.networks import weights
from rdc.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.workflow, pytest.mark.restore]

BATCH = "rdc_dim=2_levels=2_dither=yes_recipe=short_tier=1_part=0"
VQ = "vq_dim=2_levels=2_dither=no_recipe=lloyd_tier=1_part=0"
JPEG = "jpeg_study=photographs, tables=annex_k, sampling=420"
GATHERED = {("gather", f"table={t}") for t in ("cells", "costs", "curves", "confusion")}
DOWNSTREAM = {*GATHERED, ("claims", ""), ("figures_zhang", ""), ("figures_atlas", "")}
DOWNSTREAM |= {("report", "")}
ONE_BATCH = {(rule, f"study=zhang, batch={BATCH}") for rule in ("train", "evaluate")}
MEASURED = {("evaluate", f"study=zhang, batch={name}") for name in (BATCH, VQ)}
TRAINED = {("train", f"study=zhang, batch={name}") for name in (BATCH, VQ)}
EVERYTHING = {*TRAINED, *MEASURED, *DOWNSTREAM, ("limits", ""), ("figures_limits", "")}
EVERYTHING |= {("prepare", "dataset=digits"), ("gather", "table=classifiers")}
EVERYTHING |= {(f"jpeg_{what}", JPEG) for what in ("tables", "measure", "samples")}
EVERYTHING |= {("jpeg_rate", "jpeg_study=photographs, sampling=420"), ("jpeg_savings", "")}
EVERYTHING |= {
    ("gather", f"table={t}") for t in ("jpeg", "jpeg_images", "jpeg_samples", "jpeg_rate")
}
EVERYTHING |= {("jpeg_recode", ""), ("figures_luo", "")}
EVERYTHING |= {("pretrain", f"dataset=digits, classifier={name}") for name in ("zhang", "judge")}


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> Checkout:
    """A finished run called `paper`: git holds its tables and figures, DVC the rest."""
    config = copy.deepcopy(TINY)
    config["run"] = "paper"
    config["studies"]["zhang"]["grids"]["plane"]["levels"] = [2]
    config["jpeg"] = {
        "tables": {"annex_k": {"shipped": "annex_k"}},
        "studies": {
            "photographs": {
                "pictures": "photographs", "tables": ["annex_k"], "qualities": [30, 60],
            }
        },
    }  # fmt: skip
    checkout = Checkout.new(tmp_path_factory.mktemp("versions") / "origin", config)
    own = checkout.folder / "data" / "own"
    own.mkdir(parents=True)
    (own / "pixels").write_bytes(b"a user's own file")
    assert checkout.snakemake().returncode == 0
    for command in ("version", "push"):
        if command == "push":
            checkout.commit()
        done = checkout.versions(command)
        assert done.returncode == 0, done.stdout + done.stderr
    return checkout


@pytest.fixture
def clone(origin, tmp_path_factory, request):
    """A fresh clone beside the remote's folder, not pulled yet."""
    clone = origin.clone(origin.folder.parent / request.node.name.replace("[", "-").rstrip("]"))
    clone.config = copy.deepcopy(origin.config)
    return clone


@pytest.fixture
def pulled(clone):
    done = clone.versions("pull")
    assert done.returncode == 0, done.stdout + done.stderr
    return clone


def edit_lambda(checkout: Checkout) -> None:
    checkout.config["studies"]["zhang"]["grids"]["plane"]["lam"] = [0, 0.02]
    (checkout.folder / CONFIG).write_text(yaml.safe_dump(checkout.config, sort_keys=False))


def train_log(checkout: Checkout, batch: str = BATCH) -> str:
    assert checkout.snakemake("trained").returncode == 0
    return checkout.log("train", "zhang", f"{batch}.log")


def assert_one_cell_trains(checkout: Checkout) -> None:
    assert set(checkout.planned()) == {*ONE_BATCH, *DOWNSTREAM}
    log = train_log(checkout)
    assert log.count("epoch 2/2") == 1 and "lam=0.02" in log.split("epoch 2/2")[0]
    assert "lam=0_dim=2_levels=2_dither=yes_recipe=short_seed=0 is trained already" in log


def contents(checkout: Checkout) -> dict[str, str]:
    """Every file of the run by name, as SHA-256."""
    found = bundles.files_in(checkout.results)
    return {str(path.relative_to(checkout.results)): bundles.fingerprint(path) for path in found}


def repack(checkout: Checkout, name: str, change) -> None:
    """Changes a bundle of the checkout: ``change(folder of its files, manifest as a dict)``."""
    bundle = checkout.folder / "artifacts" / "paper" / f"{name}.tar"
    scratch = checkout.folder / "repacked"
    with tarfile.open(bundle) as tar:
        tar.extractall(scratch, filter="data")
    manifest = json.loads((scratch / bundles.MANIFEST).read_text())
    change(scratch, manifest)
    (scratch / bundles.MANIFEST).write_text(json.dumps(manifest))
    with tarfile.open(bundle, "w") as tar:
        for path in sorted(scratch.rglob("*")):
            if path.is_file():
                tar.add(path, str(path.relative_to(scratch)))


def unpull(checkout: Checkout) -> None:
    """Back to a clone in which only the bundles were brought, so that `restore` is what acts."""
    assert checkout.dvc("pull", "--quiet").returncode == 0


def test_git_and_dvc_hold_everything_once(origin):
    tracked = {name for name in origin.git("ls-files", "results").splitlines()}
    kinds = {name.removeprefix("results/paper/").split("/")[0] for name in tracked}
    assert kinds == {"tables", "figures", "jpeg", "report.html"}
    bundled = set()
    for path in (origin.folder / "artifacts" / "paper").rglob("*.tar"):
        with tarfile.open(path) as tar:
            names = {name for name in tar.getnames() if name != bundles.MANIFEST}
        assert not names & bundled
        bundled |= names
    assert not bundled & tracked
    working = {f"results/paper/{name}" for name in contents(origin)}
    held = {n for n in working - tracked if "/.locks/" not in n and "/.work/" not in n}
    assert bundled == held
    assert "data.dvc" in origin.git("ls-files") and "data/own/pixels" not in bundled


def test_a_fresh_clone_pulls_and_has_nothing_to_do(origin, pulled):
    assert set(pulled.planned()) == set()
    before, after = contents(origin), contents(pulled)
    assert after == {name: before[name] for name in after}
    assert {name for name in before if not name.startswith("store/.")} == set(after)
    assert (pulled.folder / "data" / "own" / "pixels").read_bytes() == b"a user's own file"
    assert pulled.changed() == []
    weights_ = next((pulled.results / "codecs" / "zhang" / BATCH).glob("*.codec.safetensors"))
    assert weights_.stat().st_nlink == 2  # shared with the store, as training leaves it
    again = pulled.versions("pull")
    assert again.returncode == 0 and set(pulled.planned()) == set()


def test_a_lambda_edited_after_the_pull_trains_one_cell(pulled):
    assert set(pulled.planned()) == set()
    edit_lambda(pulled)
    assert_one_cell_trains(pulled)


def test_a_lambda_edited_before_the_pull_trains_one_cell(clone):
    edit_lambda(clone)
    done = clone.versions("pull")
    assert done.returncode == 0
    assert f"not vouched for, results/paper/codecs/zhang/{BATCH}" in done.stdout
    assert "no such cell in the config" in done.stdout
    assert_one_cell_trains(clone)


def test_own_work_is_left_alone_by_a_second_pull(pulled):
    edit_lambda(pulled)
    assert pulled.snakemake("trained").returncode == 0
    before = contents(pulled)
    done = pulled.versions("pull")
    assert done.returncode == 0
    assert "differs from the version that was recorded" in done.stdout
    assert contents(pulled) == before
    assert not {rule for rule, _ in pulled.planned()} & {"train", "prepare", "pretrain"}


def test_edited_training_code_never_returns_old_weights(clone):
    with open(clone.folder / "rdc" / "objective.py", "a") as stream:
        stream.write("\n# edited before the pull\n")
    done = clone.versions("pull")
    assert done.returncode == 0
    assert "made from another rdc/objective.py" in done.stdout
    assert set(clone.planned()) == {*TRAINED, *MEASURED, *DOWNSTREAM}
    log = train_log(clone)
    assert log.count("epoch 2/2") == 2 and "is trained already" not in log


def test_an_edited_script_reruns_what_it_makes(clone):
    with open(clone.folder / "workflow" / "scripts" / "report.py", "a") as stream:
        stream.write("\n# edited before the pull\n")
    assert clone.versions("pull").returncode == 0
    assert set(clone.planned()) == {("report", "")}


def test_an_edited_table_of_gits_is_made_again(clone):
    path = clone.results / "tables" / "curves.parquet"
    path.write_bytes((clone.results / "tables" / "costs.parquet").read_bytes())
    done = clone.versions("pull")
    assert "tables/curves.parquet: differs from the version that was recorded" in done.stdout
    assert ("gather", "table=curves") in clone.planned()
    assert clone.snakemake(str(path.relative_to(clone.folder))).returncode == 0
    assert clone.changed() == []


def test_weights_under_another_key_are_not_vouched_for(clone):
    """Even where the manifest was made to agree with them."""
    unpull(clone)

    def another_key(folder, manifest):
        name = f"results/paper/codecs/zhang/{BATCH}"
        path = next((folder / name).glob("*lam=0_*.codec.safetensors"))
        tensors, note = load_file(path), weights.note(path)
        path.unlink()
        weights.save(tensors, {**note, "key": "0123456789abcdef"}, path)
        manifest["sums"][name] = bundles.fingerprint(folder / name)

    repack(clone, f"zhang/{BATCH}", another_key)
    done = clone.restore()
    assert done.returncode == 0, done.stderr
    assert "was trained under key 0123456789abcdef" in done.stdout
    assert ("train", f"study=zhang, batch={BATCH}") in clone.planned()


def test_a_store_entry_under_another_key_is_not_used(pulled):
    store = Store(pulled.results / "store")
    entry = next(path for path in store.root.iterdir() if (path / "codec.safetensors").is_file())
    entry.rename(store.entry("0123456789abcdef"))
    assert not store.holds("0123456789abcdef")


def test_artifacts_of_other_versions_are_not_vouched_for(clone):
    unpull(clone)
    for path in sorted((clone.folder / "artifacts" / "paper").rglob("*.tar")):
        name = str(path.relative_to(clone.folder / "artifacts" / "paper"))[: -len(".tar")]
        repack(clone, name, lambda folder, manifest: manifest["made_with"].update(torch="2.0.0"))
        shutil.rmtree(clone.folder / "repacked")
    done = clone.restore()
    assert done.returncode == 0
    assert "made with torch 2.0.0, here torch" in done.stdout and " 0 of " in done.stdout
    assert set(clone.planned()) == EVERYTHING


@pytest.mark.parametrize("fault", ["cut", "elsewhere"])
def test_a_bad_bundle_is_named_and_nothing_comes_of_it(fault, clone):
    unpull(clone)
    bundle = clone.folder / "artifacts" / "paper" / "datasets.tar"
    if fault == "cut":
        bundle.write_bytes(bundle.read_bytes()[:100_000])
    else:
        repack(clone, "datasets", lambda folder, manifest: (folder / "Snakefile").write_text(""))
    before = (clone.folder / "Snakefile").read_text()
    done = clone.restore()
    assert done.returncode != 0 and "datasets.tar" in done.stderr
    assert not (clone.results / "datasets").exists()
    assert (clone.folder / "Snakefile").read_text() == before


def test_unchanged_bundles_are_not_sent_again(pulled):
    noted = (pulled.folder / "artifacts" / "paper.dvc").read_text()
    assert pulled.versions("version").returncode == 0
    assert (pulled.folder / "artifacts" / "paper.dvc").read_text() == noted
    edit_lambda(pulled)
    assert pulled.snakemake("trained").returncode == 0
    before = {path: path.read_bytes() for path in pulled.folder.glob("artifacts/paper/**/*.tar")}
    done = pulled.versions("version")
    assert done.returncode == 0, done.stdout + done.stderr
    changed = {path.stem for path, old in before.items()
               if not path.exists() or path.read_bytes() != old}  # fmt: skip
    assert BATCH in changed
    assert not changed & {VQ, "datasets", "classifiers"}


def test_an_unfinished_batch_keeps_what_is_trained(clone):
    """Cells of the store whose batch was never finished travel too, and are not trained again."""
    done = clone.run(
        "-m", "rdc.training", "--config", CONFIG, "--cells", "rdc*lam=0_*", "--out",
        "results/paper", "--threads", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = clone.versions("version")
    assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(clone.folder / "artifacts" / "paper" / "zhang" / f"{BATCH}.tar") as tar:
        assert any(name.endswith("codec.safetensors") for name in tar.getnames())


def test_s3(origin, clone, monkeypatch):
    """Against a server that speaks S3, on loopback."""
    from moto.server import ThreadedMotoServer

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        import boto3

        url = f"http://{host}:{port}"
        bucket = boto3.client("s3", endpoint_url=url)
        bucket.create_bucket(Bucket="atlas")
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        for checkout in (origin, clone):
            added = checkout.dvc("remote", "add", "--local", "--default", "team", "s3://atlas/rdc")
            assert added.returncode == 0, added.stderr
        pushed = origin.versions("push")
        assert pushed.returncode == 0, pushed.stdout + pushed.stderr
        assert bucket.list_objects_v2(Bucket="atlas")["KeyCount"] > 5
        done = clone.versions("pull")
        assert done.returncode == 0, done.stdout + done.stderr
        assert set(clone.planned()) == set()
    finally:
        (origin.folder / ".dvc" / "config.local").unlink(missing_ok=True)
        server.stop()


def test_without_the_remote_the_message_says_how_to_name_one(clone):
    assert clone.dvc("remote", "modify", "--local", "local", "url", "../nowhere").returncode == 0
    done = clone.versions("pull")
    assert done.returncode != 0
    assert "dvc remote add --local --default" in done.stderr and "Traceback" not in done.stderr


def test_data_that_the_remote_has_not_keeps_no_artifact_back(origin, clone):
    """As of a run that needs none of the data that the project's own data.dvc notes."""
    noted = yaml.safe_load((clone.folder / "data.dvc").read_text())
    noted["outs"][0]["md5"] = "0" * 32 + ".dir"
    (clone.folder / "data.dvc").write_text(yaml.safe_dump(noted))
    done = clone.versions("pull")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "data/ could not be brought back" in done.stderr
    assert set(clone.planned()) == set()


def test_without_a_version_the_message_names_the_file(clone):
    clone.config["run"] = "another"
    done = clone.versions("pull")
    assert done.returncode != 0
    assert "artifacts/another.dvc: no such file" in done.stderr


def test_two_config_files_are_one_run(clone):
    (clone.folder / "over.yaml").write_text("run: another\n")
    command = ("-m", "workflow.versions", "pull", "--config", CONFIG, "over.yaml")
    done = clone.run(*command)
    assert done.returncode != 0
    assert "artifacts/another.dvc: no such file" in done.stderr
    assert f"make version CONFIG='{CONFIG} over.yaml' makes one" in done.stderr


def test_a_full_disk_while_a_bundle_is_unpacked_says_what_to_do(clone):
    code = (
        "import errno, os, sys\nfrom workflow import versions\n"
        "def full(run): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        f"versions.pull = full; sys.argv[1:] = ['pull', '--config', {CONFIG!r}]; versions.main()"
    )
    done = clone.run("-c", code)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "artifacts: its disk is full" in done.stderr and "Make room" in done.stderr


def test_nothing_up_to_date_is_nothing_to_version(clone):
    done = clone.versions("version")
    assert done.returncode != 0
    assert "nothing in it is up to date or trained" in done.stderr


def test_make_pull_and_clean(clone):
    done = clone.make("pull")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(clone.planned()) == set()
    (clone.folder / "benchmarks" / "another").mkdir(parents=True)
    assert clone.make("clean").returncode == 0
    assert (clone.folder / "benchmarks" / "another").is_dir()
    assert (clone.folder / "data" / "own" / "pixels").is_file()
    assert (clone.results / "store").is_dir()
