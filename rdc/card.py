"""A model card for each trained codec: what it was trained on, what it reaches, and what it is not for."""

import json

from rdc.cells import Cell

CARD = "card.md"


def written(cell: Cell, test: dict, validation: dict, cost: dict) -> str:
    """Markdown from a cell and its rows of the tables ``cells`` (test, validation) and ``costs``."""
    weights = ", ".join(
        f"{term} × {weight}" for term, weight in json.loads(test["weights"]).items()
    )
    lam = "" if test["lam"] != test["lam"] else f" (λ = {test['lam']:g})"
    kind = (
        f"a codebook of {cell.levels**cell.dim} codewords"
        if cell.moves == "codebook"
        else f"an autoencoder, {test['dim']} latents of {test['levels']} levels, "
        f"{'with' if test['dither'] else 'without'} dither, width {test['width']:g}"
    )
    numbers = [
        ("rate, bits an image: nominal", f"{test['rate_bits']:.3f}", f"{validation['rate_bits']:.3f}"),
        ("... as coded, header and all", f"{test['coded_bits']:.3f}", f"{validation['coded_bits']:.3f}"),
        ("MSE per pixel, levels in [0, 1]", f"{test['mse']:.5f}", f"{validation['mse']:.5f}"),
        ("PSNR, dB", f"{test['psnr']:.2f}", f"{validation['psnr']:.2f}"),
        (f"read right by {test['classifier']}", f"{test['accuracy']:.2%}", f"{validation['accuracy']:.2%}"),
        ("read right by the judge", f"{test['accuracy_judge']:.2%}", f"{validation['accuracy_judge']:.2%}"),
        ("clean images, read right", f"{test['accuracy_clean']:.2%}", f"{validation['accuracy_clean']:.2%}"),
    ]  # fmt: skip
    rows = "\n".join(f"| {name} | {here} | {there} |" for name, here, there in numbers)
    arithmetic = f" in {test['precision']}" if test.get("precision") else ""
    base = f"- encoder: frozen, from `{test['encoder_from']}`\n" if test["encoder_from"] else ""
    return f"""# {test["study"]}/{test["cell"]}

{kind[0].upper()}{kind[1:]}, of method `{test["method"]}`.

- minimises: {weights}{lam}
{base}- trained on: {test["dataset"]}, 28 × 28 grey; {test["epochs"]} epochs, {test["steps"]} steps, recipe `{test["recipe"]}`{arithmetic}, seed {test["seed"]}
- cost: {cost["train_seconds"]:.0f} s on {cost["device"]}, torch {cost["torch_version"]}
- key: `{test["cell_key"]}` (settings, data, training code, versions)

| | test, {test["n_images"]} images | validation, {validation["n_images"]} |
| --- | --- | --- |
{rows}

Use: `python -m rdc.bitstream encode results/{test["run"]} '{test["study"]}/{test["cell"]}' IMAGES STREAM`,
or `rdc.load_codec(path)`.

Limits: it knows nothing but pictures like those it was trained on, of that size and in grey; the rate is
fixed, whatever the picture. Where the judge reads much fewer right than {test["classifier"]} does, the codec
has learned to please that one classifier. Choices were made on validation images, never on test images.
"""
