"""Have a model on this machine before it is loaded on one without a connection."""

from pathlib import Path

from rtuning_helpers.data.downloads import quiet_hub
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.libraries import reason
from rtuning_helpers.model.model_files import commit_of, model_location

# Weights and whatever may belong to configuration and tokenizer, all of it small.
_WANTED = ["*.safetensors", "*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja", "tokenizer*", "vocab*"]


def fetch_model(name: str, revision: str | None = None) -> None:
    """Fetch a model of the hub into its library's cache; convert one that has to be converted.

    Raises:
        InputError: As `model_location` and `commit_of`, or its files cannot be fetched.
    """
    location = model_location(name)
    if Path(location).is_dir():
        return
    commit = commit_of(location, revision)

    from huggingface_hub import snapshot_download

    try:
        with quiet_hub():  # what lies in subfolders is the same in other formats
            snapshot_download(location, revision=commit, allow_patterns=_WANTED, ignore_patterns=["*/*"])
    except Exception as error:  # of the hub's library or of the one it fetches with
        raise InputError(
            f"parameter model {location}: cannot be fetched whole ({reason(error)}); expected a hub name that can be "
            "reached, and room in the cache (HF_HOME)"
        ) from None
