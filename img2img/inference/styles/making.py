"""Making a run's style book: its training pairs, encoded and clustered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from img2img.config import parse_config
from img2img.data.describe import describe_data
from img2img.data.loader import FolderSource, PairDataset
from img2img.data.spec import BUILT_IN
from img2img.data.transforms import JointTransform
from img2img.devices import pick_device
from img2img.distributed.sharing import ProcessGroup
from img2img.errors import ConfigError, UserError
from img2img.inference.loading import load_model
from img2img.inference.pairs import require_parts
from img2img.inference.styles.book import FILE, StyleBook
from img2img.inference.styles.clustering import AUTO, K, cluster
from img2img.inference.styles.collecting import Collection, collect
from img2img.inference.translator import Translator
from img2img.models import OPTIONS
from img2img.runs.folder import find_run, pick_checkpoint
from img2img.schema import Config


@dataclass(frozen=True)
class StyledRun:
    """A run with styles, and the pairs it was trained on.

    Attributes:
        translator: of the checkpoint that translating takes.
        pairs: the training pairs, not augmented.
    """

    path: Path
    step: int
    config: Config
    translator: Translator
    pairs: PairDataset

    @classmethod
    def load(cls, run: str | None, *, data: str | None = None, device: str = "auto") -> "StyledRun":
        """A run by name or path, the newest for None.

        Args:
            data: where the training pairs lie now, if not where they were.

        Raises:
            ConfigError: the model has no styles.
            UserError: the run or its data cannot be read.
        """
        target = pick_device(device)
        path = find_run(run)
        found = pick_checkpoint(path, None)
        model = load_model(found, target)
        translator = Translator(model, target, source=str(found.path))
        translator.require_styles()
        config = parse_config(found.meta["config"], OPTIONS, str(found.path))
        if data is not None:
            config = config.model_copy(
                update={"data": config.data.model_copy(update={"path": data})}
            )
        elif config.data.path is None and found.spec.layout != BUILT_IN:
            raise ConfigError(f"{path} was not trained here: name the training pairs, --data DIR")
        try:
            source = describe_data(config.data, seed=config.training.seed).train
        except UserError as error:
            raise ConfigError(
                f"the run's training pairs are needed: {error}\nIf they have moved: --data DIR"
            ) from error
        if isinstance(source, FolderSource):
            require_parts(source.records, found.spec)
            source = FolderSource(source.records, found.spec)
        pairs = PairDataset(source, JointTransform(config.data, found.spec, train=False))
        return cls(path, int(found.meta["step"]), config, translator, pairs)

    def collect(self, limit: int | None = None, group: ProcessGroup = ProcessGroup()) -> Collection:
        """All objects of the training pairs, or of `limit` of them, encoded by a group of processes."""
        model, device = self.translator.model, self.translator.device
        workers = self.config.training.workers
        return collect(model, self.pairs, device, workers=workers, limit=limit, group=group)

    def class_names(self) -> dict[int, str]:
        """Name by class id: the data's, else `class-26`."""
        labels = self.translator.spec.labels
        if labels is None:
            return {}
        return {number: labels.class_name(number) for number in range(labels.classes)}


def make_book(
    run: StyledRun,
    *,
    k: int = K,
    k_of: Mapping[str, int] | None = None,
    seed: int = 0,
    limit: int | None = None,
    group: ProcessGroup = ProcessGroup(),
) -> StyleBook | None:
    """Encodes and clusters; nothing is written.

    Args:
        k: styles of a class, or `AUTO`.
        k_of: the same by class name.
        limit: pictures that are encoded at most, evenly spaced.
        group: processes that encode a share each.

    Returns:
        The book; None in all processes but the main one.

    Raises:
        ConfigError: an unknown class.
    """
    names = run.class_names()
    empty = StyleBook({}, names, run.step, seed)
    single = {empty.find_class(name): number for name, number in (k_of or {}).items()}
    collection = run.collect(limit, group)
    if not group.main:
        return None
    names = names or {int(c): f"class-{c}" for c in set(collection.classes.tolist())}
    pictures = {i: run.pairs.source.name(i) for i in set(collection.pictures.tolist())}
    styles = cluster(collection, names, pictures, k=k, k_of=single, seed=seed)
    return replace(empty, styles=styles, class_names={c: names[c] for c in styles})


def parse_counts(items: Sequence[str]) -> tuple[int, dict[str, int]]:
    """`10`, `auto`, `car=4`: the number for all classes, and for single ones.

    Raises:
        ConfigError: no such number.
    """
    overall, single = K, {}
    for item in items:
        name, equals, number = item.rpartition("=")
        if number != "auto" and not (number.isdecimal() and int(number) > 0):
            raise ConfigError(f"--k {item}: expected a number from 1, auto, or CLASS=NUMBER")
        value = AUTO if number == "auto" else int(number)
        if equals:
            single[name] = value
        else:
            overall = value
    return overall, single


def check_new(run: Path, *, overwrite: bool) -> None:
    """Raises ConfigError where a book, maybe with names that people gave, would be replaced."""
    if (run / FILE).exists() and not overwrite:
        raise ConfigError(
            f"{run / FILE} exists; --overwrite makes it anew (names that you gave are lost)"
        )
