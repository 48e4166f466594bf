"""How readable familiarity is: a linear probe on the hidden state at the question's end, before any answer."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from rtuning_helpers.confidence.estimators.p_ik import PROBE
from rtuning_helpers.data.questions import TRAIN, Question
from rtuning_helpers.miniworld.question_files import subjects
from rtuning_helpers.model.hidden_states import hidden_states
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.probe.probing import Probe

WELL_READ = 16  # documents from which a fact counts as read often; "read" is told against those never read
FOLDS = 5
FEWEST = 2 * FOLDS  # rows of each class, below which no number is given
CONFIDENCE = "answer confidence"


def readability(
    lm: LanguageModel, asked: dict[str, list[Question]], probes: dict[str, list[Probe]], batch_size: int = 256
) -> list[dict]:
    """AUROCs of telling right from wrong, and read often from never read, before and after the answer.

    Probes are trained on the train split. There they are cross-validated with subjects apart; the other splits ask
    about other subjects anyway, and ``ood`` about other relations too.

    Args:
        asked: The questions of each split, with exposures.
        probes: What the model made of them, in the same order.

    Returns:
        Rows of ``reader`` ("layer 0" for the embeddings and so on, or the answer confidence), ``target`` ("right" or
        "read"), ``split``, ``n`` and ``auroc`` (None where a class has fewer than ten questions).
    """
    rows = []
    targets = {split: _targets(found) for split, found in probes.items()}
    groups = pd.factorize(pd.Series(subjects(asked[TRAIN])))[0]
    for layer in range(lm.layer_count + 1):
        states = {split: hidden_states(lm, questions, layer, batch_size) for split, questions in asked.items()}
        for target in ("right", "read"):
            kept, truth = targets[TRAIN][target]
            x, y = states[TRAIN][kept], truth[kept]
            if not _enough(y):
                continue
            fitted = clone(PROBE).fit(x, y)
            for split in asked:
                kept, truth = targets[split][target]
                if split == TRAIN:
                    folds = GroupKFold(FOLDS)
                    scores = cross_val_predict(PROBE, x, y, groups=groups[kept], cv=folds, method="predict_proba")
                else:
                    scores = fitted.predict_proba(states[split][kept]) if kept.any() else np.zeros((0, 2))
                rows.append(_row(f"layer {layer}", target, split, truth[kept], scores[:, 1]))
    for split, found in probes.items():
        confidence = np.array([p.confidence for p in found])
        for target, (kept, truth) in targets[split].items():
            rows.append(_row(CONFIDENCE, target, split, truth[kept], confidence[kept]))
    return rows


def best_layer(rows: Sequence[Mapping], target: str = "right") -> str | None:
    """The layer that reads best in the train split (cross-validated), so that the others need not choose."""
    found = [r for r in rows if r["reader"] != CONFIDENCE and r["target"] == target and r["split"] == TRAIN]
    found = [r for r in found if r["auroc"] is not None]
    return max(found, key=lambda r: r["auroc"])["reader"] if found else None


def summary(rows: Sequence[Mapping]) -> list[dict]:
    """The best layer and the answer confidence only: rows of ``target``, ``reader`` and the AUROC of each split."""
    result = []
    for target in ("right", "read"):
        for reader in filter(None, (best_layer(rows, target), CONFIDENCE)):
            part = {r["split"]: r["auroc"] for r in rows if (r["reader"], r["target"]) == (reader, target)}
            result.append({"target": target, "reader": reader, **part})
    return result


def _targets(found: Sequence[Probe]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each target which rows count and what is true of every row."""
    exposure, correct = np.array([p.exposure for p in found]), np.array([p.correct for p in found])
    return {
        "right": (np.full(len(found), True), correct),
        "read": ((exposure == 0) | (exposure >= WELL_READ), exposure >= WELL_READ),
    }


def _enough(truth: np.ndarray) -> bool:
    return min(int(truth.sum()), int((~truth).sum())) >= FEWEST


def _row(reader: str, target: str, split: str, truth: np.ndarray, scores: np.ndarray) -> dict:
    auroc = float(roc_auc_score(truth, scores)) if _enough(truth) else None
    return {"reader": reader, "target": target, "split": split, "n": len(truth), "auroc": auroc}
