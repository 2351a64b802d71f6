"""From features to styles: K-means in every class (Wang et al. 2018, Sec. 3.4), by scikit-learn."""

from collections.abc import Mapping

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from img2img.inference.styles.book import Example, Style
from img2img.inference.styles.collecting import Collection

K = 10  # styles of a class, as published
HARMLESS = str.maketrans("=/", "--")  # what a style's name must not hold
AUTO = 0  # a number of styles: found by the silhouette
RESTARTS = 10
EXAMPLES = 8  # of a style, kept in the book
SILHOUETTE_SAMPLE = 2000  # its cost grows with the square
# Below it, clusters are taken for one cloud: uniform and normal clouds of up to 3 dimensions cut
# in two stay under it, and two clouds apart by more than about 5 times their spread are above.
ONE_CLOUD = 0.65


def cluster(
    collection: Collection,
    class_names: Mapping[int, str],
    picture_names: Mapping[int, str],
    *,
    k: int = K,
    k_of: Mapping[int, int] | None = None,
    seed: int = 0,
) -> dict[int, tuple[Style, ...]]:
    """The styles of every class that occurs.

    Args:
        class_names: of the classes to cluster.
        picture_names: by position.
        k: styles of a class, at most one for each of its different objects; `AUTO`: by the
            silhouette.
        k_of: the same for single classes.
    """
    styles = {}
    for cls, name in class_names.items():
        rows = np.flatnonzero(collection.classes == cls)
        if len(rows):
            labels, centres = assign(collection.features[rows], (k_of or {}).get(cls, k), seed)
            styles[cls] = _styles(name, collection, rows, labels, centres, picture_names)
    return styles


def assign(features: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cluster of every row, and the clusters' centres (k, C), float32.

    Args:
        features: (n, C), n at least 1.
        k: clusters, fewer where there are fewer different rows; `AUTO`: 1 to 10, the number with
            the best silhouette.
    """
    distinct = len(np.unique(features, axis=0))
    if k != AUTO:
        return _kmeans(features, min(k, distinct), seed)
    best, chosen = ONE_CLOUD, _kmeans(features, 1, seed)
    order = np.random.default_rng(seed).permutation(len(features))
    sample = np.sort(order[:SILHOUETTE_SAMPLE])
    for number in range(2, min(K, distinct - 1, len(features) - 1) + 1):
        labels, centres = _kmeans(features, number, seed)
        of_sample = labels[sample]
        if len(np.unique(of_sample)) < 2:
            continue  # all but a few stray objects are in one cluster
        score = silhouette_score(features[sample], of_sample)
        if score > best:
            best, chosen = score, (labels, centres)
    return chosen


def _kmeans(features: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    # float64: sums of many float32 would depend on the number of threads in their last digits.
    model = KMeans(k, n_init=RESTARTS, random_state=seed).fit(features.astype(np.float64))
    return model.labels_, model.cluster_centers_.astype(np.float32)


def _styles(
    name: str,
    collection: Collection,
    rows: np.ndarray,
    labels: np.ndarray,
    centres: np.ndarray,
    picture_names: Mapping[int, str],
) -> tuple[Style, ...]:
    """The clusters of one class as styles, the commonest first."""
    counts = np.bincount(labels, minlength=len(centres))
    styles = []
    for number, cluster_ in enumerate(np.argsort(-counts, kind="stable").tolist()):
        members = rows[labels == cluster_]
        distances = np.linalg.norm(collection.features[members] - centres[cluster_], axis=1)
        # Examples are for people: of a quarter that is typical, the largest.
        typical = members[np.argsort(distances, kind="stable")][: max(EXAMPLES, len(members) // 4)]
        shown = typical[np.argsort(-collection.sizes[typical], kind="stable")][:EXAMPLES]
        styles.append(
            Style(
                name=f"{name.translate(HARMLESS)}-{number}",
                centre=centres[cluster_],
                count=int(counts[cluster_]),
                spread=float(np.sqrt(np.mean(distances**2))),
                examples=tuple(_example(collection, row, picture_names) for row in shown.tolist()),
            )
        )
    return tuple(styles)


def _example(collection: Collection, row: int, names: Mapping[int, str]) -> Example:
    picture = int(collection.pictures[row])
    x, y, width, height = map(int, collection.boxes[row])
    return Example(picture, names[picture], int(collection.ids[row]), (x, y, width, height))
