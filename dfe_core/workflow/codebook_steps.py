"""Steps of a study that learn the codebook and encode the recordings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dfe_core.artefact_names import CONFIG, METRICS_FILE, MODELS, TOKENS, tokens_name
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Listener
from dfe_core.store import artefact_path, read_json
from dfe_core.tokenizer.config import Config
from dfe_core.workflow.recording_steps import RecordingSteps, StudyConflict, whole

_ADAPTED = ("codewords", "rate_weight")
"""Fields of a tokenizer that training adapts to the face."""


class CodebookSteps(RecordingSteps):
    """Training, encoding, evaluation and pictures."""

    def has_codebook(self, root: Path) -> bool:
        """Whether the codebook is there, of this dataset and configuration. Raises `StudyConflict` where it is not
        of them."""
        folder = artefact_path(MODELS, self.settings.codebook, root)
        if not (folder / CONFIG).is_file():
            return False
        config = read_json(folder / CONFIG)
        differs = _config_differs(config, self.settings.config)
        if config["dataset"]["key"] != Dataset.open(self.settings.name, root).stored_key:
            differs.insert(0, "another dataset")
        if differs:
            raise StudyConflict(
                self.settings.codebook,
                f"a codebook of this name exists and was trained otherwise ({', '.join(differs)})",
                f"another --name, or `dfe rm {MODELS}/{self.settings.codebook}` and the same command again",
            )
        return whole(f"{MODELS}/{self.settings.codebook}", root)

    def train(self, root: Path, progress: Listener) -> object:
        """Train the codebook, from its last checkpoint where there is one."""
        from dfe_core.training.fit import train_model

        asked = self.settings
        return train_model(asked.name, asked.codebook, config=asked.config, resume=True, root=root, progress=progress)

    def has_tokens(self, root: Path) -> bool:
        from dfe_core.tokens.cache import TokenCache
        from dfe_core.tokens.intervals import open_runs

        model, data = self.settings.codebook, self.settings.name
        tokens = TokenCache.open(model, data, root)
        keys = (tokens.manifest.get("model_key"), tokens.manifest.get("dataset_key"))
        now = (read_json(artefact_path(MODELS, model, root) / CONFIG)["key"], Dataset.open(data, root).stored_key)
        return keys == now and whole(f"{TOKENS}/{tokens_name(model, data)}", root) and open_runs(tokens) is not None

    def encode(self, root: Path, progress: Listener) -> object:
        """Tokens of every frame, and the index of their intervals."""
        from dfe_core.tokens.cache import TokenCache
        from dfe_core.tokens.encoding import encode_dataset
        from dfe_core.tokens.intervals import build_runs

        report = encode_dataset(self.settings.codebook, self.settings.name, root=root, progress=progress)
        return build_runs(TokenCache(report.path), progress)

    def has_metrics(self, root: Path) -> bool:
        folder = artefact_path(MODELS, self.settings.codebook, root)
        return (folder / METRICS_FILE).stat().st_mtime >= (folder / CONFIG).stat().st_mtime

    def evaluate(self, root: Path, progress: Listener) -> object:
        """Figures on held-out people, beside the baselines."""
        from dfe_core.evaluation.evaluate import evaluate_model

        return evaluate_model(self.settings.codebook, self.settings.name, root=root, progress=progress)

    def has_pictures(self, root: Path) -> bool:
        from dfe_core.faces import open_face
        from dfe_core.render.pictures import thumbnail_folder, thumbnails_ready
        from dfe_core.tokenizer.codebook import Codebook

        codebook = Codebook.open(self.settings.codebook, root)
        return thumbnails_ready(thumbnail_folder(codebook, open_face(codebook.face_id, root), root))

    def draw(self, root: Path, progress: Listener) -> object:
        """A picture of every codeword."""
        from dfe_core.faces import open_face
        from dfe_core.render.pictures import ensure_thumbnails
        from dfe_core.tokenizer.codebook import Codebook

        codebook = Codebook.open(self.settings.codebook, root)
        return ensure_thumbnails(codebook, open_face(codebook.face_id, root), root, progress=progress)


def _config_differs(config: dict[str, Any], asked: Config) -> list[str]:
    """Fields of a codebook's configuration that are not as asked for."""
    wanted = asdict(asked)
    found = [f"seed {config['seed']}"] if config["seed"] != wanted["seed"] else []
    for part in ("tokenizer", "train"):
        for name, value in wanted[part].items():
            held = config[part].get(name)
            if name in _ADAPTED or held == value:
                continue
            if name == "start" and value in ("auto", config["started_from"]):
                continue
            found.append(f"{name} {held}")
    if config["tokenizer"]["codewords"] > wanted["tokenizer"]["codewords"]:
        found.append(f"codewords {config['tokenizer']['codewords']}")
    return found
