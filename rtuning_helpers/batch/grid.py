"""GRID.yaml: which runs a batch has. Read and checked by hand, so that every complaint names file, line and key."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

import yaml

from rtuning_helpers.data.registry import find_dataset
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt, read_text
from rtuning_helpers.run.artifacts import results_folder
from rtuning_helpers.run.local_paths import absolute, absolute_model
from rtuning_helpers.run.profiles import RunConfig, default_out
from rtuning_helpers.tuning.registry import method_names, paper_methods

MAX_RUNS = 10_000
METHOD, OUT, NOTEBOOKS, GRIDS = "method", "out", "notebooks", "grids"
SETTINGS = tuple(field.name for field in fields(RunConfig) if field.name != OUT)
NOT_HERE = ("force", "methods")  # parameters of notebooks that a batch sets itself

Declared = Mapping[str, Mapping[str, Any]]
"""Name of each notebook, such as ``01_probe_knowledge``, and its parameters with their defaults."""


@dataclass(frozen=True)
class Group:
    """Runs that differ by their method only: they share a probe, and their notebooks.

    Attributes:
        config: All other settings.
        methods: Their methods.
        extra: Parameters that only some notebooks have.
        lines: Of every key that was set: the line of its value.
    """

    config: RunConfig
    methods: tuple[str, ...]
    extra: Mapping[str, Any]
    lines: Mapping[str, int]

    @property
    def name(self) -> str:
        """Its folder below that of the batch, and its seed."""
        folder = results_folder(self.config)
        return f"{folder.parent.name}/{folder.name}/seed{self.config.seed}"

    def run(self, method: str) -> str:
        """The name of one of its runs: where that lies below the folder of the batch."""
        folder, _, seed = self.name.rpartition("/")
        return f"{folder}/{method}/{seed}"

    @property
    def runs(self) -> tuple[str, ...]:
        """The names of all its runs."""
        return tuple(map(self.run, self.methods))


@dataclass(frozen=True)
class Grid:
    """A checked GRID.yaml."""

    path: Path
    out: Path
    notebooks: tuple[str, ...]
    groups: tuple[Group, ...]

    @property
    def runs(self) -> list[str]:
        """The names of all runs."""
        return [run for group in self.groups for run in group.runs]

    def error(self, group: Group, message: str) -> InputError:
        """A complaint about a group, with the place in the file that it is about."""
        named = re.search(r"\bparameter ([a-z_]+)|--([a-z-]+)|\blacks ([a-z_]+), which", message)
        key = next(filter(None, named.groups())).replace("-", "_").replace("methods", METHOD) if named else "dataset"
        lines = group.lines
        line = lines.get(key) or lines.get("dataset") or min(lines.values(), default=1)
        words = re.sub(r"(\bparameter |--)(?=[a-z])", "key ", message)
        shown = key if key in lines else "dataset"
        return InputError(f"{self.path}, line {line}, key {shown}: {words.removeprefix(f'key {shown} ')}")


@dataclass(frozen=True)
class _Value:
    value: Any
    line: int


def read_grid(path: Path, declared: Declared, main_line: Sequence[str]) -> Grid:
    """Read a grid and work out its runs.

    Args:
        path: The YAML file.
        declared: All notebooks there are.
        main_line: Those that are executed if the file names none.

    Raises:
        InputError: Anything in it is not as it should be, see the message.
    """
    reader = _Reader(path, declared)
    top = reader.mapping(_parsed(path))
    out = reader.text(top.pop(OUT)) if OUT in top else None
    notebooks = reader.notebooks(top.pop(NOTEBOOKS)) if NOTEBOOKS in top else tuple(main_line)
    blocks = reader.blocks(top.pop(GRIDS)) if GRIDS in top else [{}]
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-") or "batch"
    folder = Path(absolute(out) or default_out() / "runs" / stem)
    grid = Grid(path, folder, notebooks, ())
    groups: list[Group] = []
    for block in blocks:
        axes = {key: reader.values(key, node, notebooks) for key, node in (top | block).items()}
        groups += _groups(grid, axes)
        if sum(len(group.methods) for group in groups) > MAX_RUNS:
            raise InputError(f"{path}: more than {MAX_RUNS:,} runs; expected fewer")
    _check_names(grid, groups)
    return replace(grid, groups=tuple(groups))


def _groups(grid: Grid, axes: Mapping[str, Sequence[_Value]]) -> Iterator[Group]:
    asked = axes.get(METHOD) or [_Value(name, 1) for name in paper_methods()]
    others = {key: values for key, values in axes.items() if key != METHOD}
    for chosen in product(*others.values()):
        point = dict(zip(others, chosen, strict=True))
        lines = {key: value.line for key, value in point.items()} | ({METHOD: asked[0].line} if METHOD in axes else {})
        settings = {key: value.value for key, value in point.items() if key in SETTINGS}
        extra = {key: value.value for key, value in point.items() if key not in SETTINGS}
        group = Group(RunConfig(out=str(grid.out)), (), extra, lines)
        try:
            config = RunConfig(**settings, out=str(grid.out))
            config = replace(config, data_dir=absolute(config.data_dir), model=absolute_model(config.model))
            find_dataset(config.dataset)
            if config.tune_on is not None:
                find_dataset(config.tune_on, "tune_on")
        except InputError as error:
            raise grid.error(group, str(error)) from None
        for value in asked:
            if value.value not in method_names():
                where = f"{grid.path}, line {value.line}, key {METHOD}"
                expected = f"expected some of {', '.join(method_names())}"
                raise InputError(f"{where}: {excerpt(value.value)} is unknown; {expected}")
        yield replace(group, config=config, methods=tuple(value.value for value in asked))


def _check_names(grid: Grid, groups: Sequence[Group]) -> None:
    seen: dict[str, int] = {}
    for group in groups:
        line = min(group.lines.values(), default=1)
        for run in group.runs:
            if run in seen:
                where = f"{grid.path}, line {line}, key {'seed' if 'seed' in group.lines else 'dataset'}"
                problem = f"two runs have the folder {run} (the other is of line {seen[run]})"
                raise InputError(f"{where}: {problem}; expected each run once")
            seen[run] = line


def _parsed(path: Path) -> yaml.Node:
    text = read_text(path, "a grid of runs in YAML")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or str(error).split("\n")[0]
        raise InputError(f"{path}{where}: not valid YAML ({what}); expected keys and values") from None
    if node is None:
        raise InputError(f"{path}: is empty; expected keys and values, such as `seed: [0, 1, 2]`")
    return node


class _Reader:
    """Looks at YAML nodes; what it raises names the place."""

    def __init__(self, path: Path, declared: Declared) -> None:
        self.path, self.declared = path, declared
        self.loader = yaml.SafeLoader("")

    def fail(self, node: yaml.Node, key: str, problem: str) -> NoReturn:
        where = f"{self.path}, line {node.start_mark.line + 1}"
        raise InputError(f"{where}, key {key}: {problem}" if key else f"{where}: {problem}")

    def mapping(self, node: yaml.Node) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, "", "no keys here; expected keys and values, such as `seed: [0, 1, 2]`")
        found: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else excerpt(key_node.tag)
            if key in found:
                self.fail(key_node, key, "stands here for the second time; expected it once")
            if key not in self.known():
                near = difflib.get_close_matches(key, self.known(), 1)
                hint = f"{near[0]}?" if near else f"one of {', '.join(self.known())}"
                self.fail(key_node, key, f"is unknown; expected {hint}")
            found[key] = value
        return found

    def known(self) -> list[str]:
        parameters = [name for notebook in self.declared.values() for name in notebook]
        own = (OUT, NOTEBOOKS, GRIDS, METHOD, *SETTINGS)
        return [name for name in dict.fromkeys((*own, *parameters)) if name not in NOT_HERE]

    def blocks(self, node: yaml.Node) -> list[dict[str, yaml.Node]]:
        found = [self.mapping(item) for item in self.items(node, GRIDS)]
        for block in found:
            for key in (OUT, NOTEBOOKS, GRIDS):
                if key in block:
                    self.fail(block[key], key, f"is one for the whole file; expected it outside of {GRIDS}")
        return found

    def items(self, node: yaml.Node, key: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            return [node]
        if not node.value:
            self.fail(node, key, "is an empty list; expected at least one value")
        return node.value

    def values(self, key: str, node: yaml.Node, notebooks: Sequence[str]) -> list[_Value]:
        """What a key may be, of the right kind."""
        found = [_Value(self.value(key, item), item.start_mark.line + 1) for item in self.items(node, key)]
        if key in (*SETTINGS, METHOD):
            return found
        own = {name: self.declared[name][key] for name in notebooks if key in self.declared[name]}
        if not own:
            self.fail(node, key, f"no such parameter in {', '.join(notebooks)}; expected one that they have")
        kinds = {type(default) for default in own.values() if default is not None}
        for value in found:
            if kinds and value.value is not None and type(value.value) not in kinds:
                expected = " or ".join(sorted(kind.__name__ for kind in kinds))
                self.fail(node, key, f"{excerpt(value.value)} is of the wrong kind; expected {expected}")
        return found

    def value(self, key: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.SequenceNode) and key not in (*SETTINGS, METHOD):
            return [self.value(key, item) for item in node.value if not isinstance(item, yaml.SequenceNode)]
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, key, "neither a value nor a list of values; expected one of them")
        try:
            value = self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self.fail(node, key, f"cannot be read ({node.tag} {excerpt(node.value)}); expected text or a number")
        if not isinstance(value, (str, int, float, bool, type(None))):
            self.fail(node, key, f"{node.value} is a {type(value).__name__}; expected text (in quotes) or a number")
        return value

    def text(self, node: yaml.Node) -> str:
        value = self.value(OUT, node) if isinstance(node, yaml.ScalarNode) else None
        if not isinstance(value, str):
            self.fail(node, OUT, "is no text; expected the name of a folder")
        return value

    def notebooks(self, node: yaml.Node) -> tuple[str, ...]:
        """Notebooks by the beginnings of their names, such as ``05``."""
        chosen = []
        for item in self.items(node, NOTEBOOKS):
            wanted = str(item.value) if isinstance(item, yaml.ScalarNode) else ""  # as typed: 05 is no number
            found = [name for name in self.declared if wanted and name.startswith(wanted)]
            if len(found) != 1:
                self.fail(
                    item, NOTEBOOKS, f"{excerpt(wanted)} names none or several; expected {', '.join(self.declared)}"
                )
            chosen += found
        return tuple(sorted(dict.fromkeys(chosen)))
