"""Data files: fetched only when asked for, checked, never left half; and the tasks that read them."""

import functools
import http.server
import io
import os
import threading
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import show
from experiments.cli import main
from ltd import data, launch
from ltd.config import ConfigError
from ltd.settings import Run
from ltd.train import Trainer
from tasks import TASKS
from tasks.images import digits8, mnist

TEXT = "From fairest creatures, we desire INCREASE!\n\nfeed'st thy light's flame\n" * 5
HELD = Path(os.environ.get("LTD_DATA", "/nowhere"))
HAS_SONNETS, HAS_MNIST = (
    pytest.mark.skipif(not (HELD / file).is_file(), reason=f"LTD_DATA names no folder with {file}")
    for file in ("sonnets.txt", "mnist.npz")
)
MNIST = [name for name in TASKS if name.startswith("mnist/")]
TEXTS = ["chars/file", "chars/sonnets28"]


def small_mnist():
    rng = np.random.default_rng(0)
    arrays = {n: rng.integers(0, 256, (size, 28, 28)).astype(np.uint8) for n, size in (("x_train", 30), ("x_test", 10))}
    arrays |= {n: (np.arange(size) % 10).astype(np.uint8) for n, size in (("y_train", 30), ("y_test", 10))}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue(), arrays


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """What the items of the tests are, and folders that are empty."""
    monkeypatch.setenv("LTD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    raw, _ = small_mnist()
    for name, content in (("sonnets", TEXT.encode()), ("mnist", raw)):
        wanted = data.ITEMS[name]
        changed = {**wanted.__dict__, "content": data.digest(wanted.read(content))}
        monkeypatch.setitem(data.ITEMS, name, data.Item(**changed))
    yield
    for cache in (data._checked, mnist):
        cache.cache_clear()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/cut.txt":  # promises more than it sends
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(TEXT.encode())
            return
        super().do_GET()


@pytest.fixture
def server(tmp_path):
    """A loopback server with good, wrong and broken files."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "sonnets.txt").write_text(TEXT)
    (folder / "wrong.txt").write_text("another text")
    (folder / "mnist.npz").write_bytes(small_mnist()[0])
    (folder / "half.npz").write_bytes(small_mnist()[0][:500])
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_is_fetched_checked_and_read(server, tmp_path, capsys):
    assert main(["data", "get", "sonnets", f"--url={server}/sonnets.txt"]) == 0
    assert everything(tmp_path / "data") == ["sonnets.txt"]
    assert "sonnets.txt" in capsys.readouterr().out
    text = data.load("sonnets")
    assert text.startswith("from fairest creatures we desire increase\n\nfeedst thy lights flame\n")
    assert main(["data", "get", "mnist", f"--url={server}/mnist.npz"]) == 0
    assert data.load("mnist")[0].shape == (30, 784)


def test_without_a_named_folder_the_cache_is_used(server, tmp_path, monkeypatch):
    monkeypatch.delenv("LTD_DATA")
    assert main(["data", "get", "sonnets", f"--url={server}/sonnets.txt"]) == 0
    assert everything(tmp_path / "cache") == ["ltd/sonnets.txt"]
    monkeypatch.setenv("LTD_DATA", str(tmp_path / "data"))  # the second place that is looked at
    assert data.load("sonnets").startswith("from fairest")


@pytest.mark.parametrize(
    ("name", "address", "message"),
    [
        ("sonnets", "{}/wrong.txt", "is not sonnets.txt: the digest of its content is"),
        ("sonnets", "{}/nothing.txt", "cannot be fetched (HTTP Error 404"),
        ("sonnets", "{}/cut.txt", "broke off after"),
        ("mnist", "{}/half.npz", "cannot be read as mnist.npz"),
        ("mnist", "{}/wrong.txt", "cannot be read as mnist.npz"),
        ("sonnets", "http://127.0.0.1:1/none", "cannot be fetched"),
        ("sonnets", "gopher://host/file", "must begin with https://"),
        ("sonnets", None, "has no address of its own"),
        ("sonets", None, "Did you mean 'sonnets'"),
    ],
)
def test_nothing_is_left_of_a_transfer_that_fails(server, tmp_path, capsys, name, address, message):
    words = ["data", "get", name, *([f"--url={address.format(server)}"] if address else [])]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert message in said.splitlines()[-1]
    assert everything(tmp_path / "data") == [] if (tmp_path / "data").exists() else True


def test_a_file_that_was_there_survives_a_failed_transfer(server, tmp_path):
    assert main(["data", "get", "sonnets", f"--url={server}/sonnets.txt"]) == 0
    assert main(["data", "get", "sonnets", f"--url={server}/wrong.txt"]) == 2
    assert data.load("sonnets").startswith("from fairest")


@pytest.mark.parametrize("words", [[], ["get"], ["put", "mnist"], ["get", "mnist", "more"], ["get", "mnist", "--to=x"]])
def test_other_words_are_refused(words, capsys):
    assert main(["data", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_missing_corrupt_and_other_files_are_named(tmp_path):
    for name in ("chars/sonnets28", "mnist/raster_lezcano2019"):
        task = TASKS[name]()
        with pytest.raises(ConfigError, match=r"is not there .* fetches it, LTD_DATA names its folder"):
            task.levels()
    (tmp_path / "some.npz").write_bytes(b"no archive")
    with pytest.raises(ConfigError, match=r"cannot be read as mnist\.npz"):
        TASKS["mnist/raster_bai2018"](path=str(tmp_path / "some.npz")).levels()
    (tmp_path / "some.txt").write_text("nobody's sonnets")
    with pytest.raises(ConfigError, match=r"is not sonnets\.txt"):
        TASKS["chars/sonnets28"](path=str(tmp_path / "some.txt")).levels()


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"abc\xff", "is not UTF-8 text"), (None, "cannot be read")]
)
def test_texts_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "own.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        launch.check_run(launch.configure(Run, {"task.type": "chars/file", "task.path": str(path)}))


def test_a_text_must_be_longer_than_its_pieces(tmp_path):
    (tmp_path / "own.txt").write_text("abcab" * 4)
    for split, most in (("train", 17), ("test", 1), ("all", 19)):
        task = TASKS["chars/file"](path=str(tmp_path / "own.txt"), length=30, split=split)
        with pytest.raises(
            ValueError, match=rf"length = 30 must be below the {most + 1} characters .* length={most}\."
        ):
            task.levels()
    with pytest.raises(ValueError, match="path is needed"):
        TASKS["chars/file"]().levels()


@pytest.mark.parametrize("words", [["run"], ["guess"], ["tasks", "show", "chars/file"]])
def test_a_text_that_is_missing_or_short_is_one_line_and_leaves_nothing(words, tmp_path, capsys):
    (tmp_path / "own.txt").write_text("abcab" * 40)
    out = f"--out={tmp_path}/runs/here"
    prefix = "--" if words[0] == "tasks" else "--task."
    kind = [] if words[0] == "tasks" else ["--task.type=chars/file"]
    for fields in ([], [f"{prefix}path={tmp_path}/own.txt", f"{prefix}length=5000"]):
        assert main([*words, *kind, *fields, out]) == 2
        said = capsys.readouterr()
        assert said.err.splitlines()[-1].startswith("ltd: ") and "Traceback" not in said.err
    assert not (tmp_path / "runs").exists()


def test_test_lengths_that_the_held_out_text_cannot_give_are_found_before_training(tmp_path):
    (tmp_path / "own.txt").write_text("abcab" * 40)
    fields = {"task.type": "chars/file", "task.path": str(tmp_path / "own.txt"), "task.length": 5}
    with pytest.raises(ConfigError, match=r"length = 500 must be below the 20 characters"):
        launch.check_run(launch.configure(Run, {**fields, "test.lengths": "5,500"}))


def test_pieces_of_a_text_are_pieces_of_it(tmp_path):
    """Each piece stands in its part of the text, the targets one to the left; levels by loops over all pieces."""
    text = "the cat sat on the mat, and then äther 🙂 the cat left. " * 3
    (tmp_path / "own.txt").write_text(text, encoding="utf-8")
    symbols = sorted(set(text))
    for split, part in (("train", text[: int(0.9 * len(text))]), ("test", text[int(0.9 * len(text)) :])):
        task = TASKS["chars/file"](path=str(tmp_path / "own.txt"), length=7, warm=2, split=split)
        assert task.inputs == task.outputs == len(symbols)
        batch = jax.device_get(jax.jit(lambda k, task=task: task.sample(k, 400))(jax.random.key(0)))
        pieces = {part[i : i + 8] for i in range(len(part) - 7)}
        found = set()
        for inputs, targets in zip(batch.inputs.T, batch.targets.T, strict=True):
            piece = "".join(symbols[c] for c in inputs) + symbols[targets[-1]]
            found.add(piece)
            assert list(targets[2:]) == [symbols.index(c) for c in piece[3:]] and not any(targets[:2])
        assert found <= pieces and len(found) > 0.9 * len(pieces)
        pairs = [(p[t], p[t + 1]) for i in range(len(part) - 7) for p in [part[i : i + 8]] for t in range(2, 7)]
        follow = [y for _, y in pairs]
        blind = -np.mean([np.log(follow.count(y) / len(pairs)) for y in follow])
        given = {x: [b for a, b in pairs if a == x] for x in symbols}
        strict = -np.mean([np.log(given[x].count(y) / len(given[x])) for x, y in pairs])
        assert task.levels().blind.loss == pytest.approx(blind)
        assert task.levels().strict.loss == pytest.approx(strict)


def test_images_of_a_file_are_scaled_ordered_and_split(tmp_path):
    raw, arrays = small_mnist()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/mnist.npz").write_bytes(raw)
    order = np.random.RandomState(7).permutation(784)
    for name, seed in (
        ("raster_lezcano2019", 0),
        ("permuted_lezcano2019", 7),
        ("raster_bai2018", 0),
        ("permuted_bai2018", 7),
    ):
        task = TASKS[f"mnist/{name}"](seed=seed)
        for one, part in ((task, "train"), (task.held_out, "test")):
            batch = jax.device_get(one.sample(jax.random.key(1), 8))
            pixels = arrays[f"x_{part}"].reshape(-1, 784) / 255
            pixels = pixels[:, order] if "permuted" in name else pixels
            pixels = (pixels - 0.1307) / 0.3081 if "bai" in name else pixels
            for line, target in zip(batch.inputs[..., 0].T, batch.targets[-1], strict=True):
                (which,) = np.flatnonzero(np.all(np.isclose(pixels, line, atol=1e-5), axis=1))
                assert arrays[f"y_{part}"][which] == target
            assert batch.scored.sum() == 8 and batch.scored[-1].all()


def drawn(name):
    """The rows of the docstring's example by their labels, `_` a space, and its sizes."""
    rows = {label: cells for label, *cells in map(str.split, show.drawn(name)[1:])}
    return {k: [c.replace("_", " ") for c in v] for k, v in rows.items()}, show.drawn_sizes(name)


def drawn_digit(name):
    """Pixels, their greys, the steps that read them, the inputs there, the class, sizes."""
    rows, sizes = drawn(name)
    whole = (np.array(rows[label], int) for label in ("pixel", "grey", "step"))
    return *whole, np.array(rows["input"], float), int(rows["class"][0]), sizes


@pytest.mark.parametrize("name", MNIST)
def test_docstring_example_of_mnist(name, tmp_path, monkeypatch):
    """A file of that image alone is read as drawn."""
    pixel, grey, step, wanted, label, sizes = drawn_digit(name)
    image = np.zeros((1, 784), np.uint8)
    image[0, pixel] = grey
    file = io.BytesIO()
    parts = {"x_train": image.reshape(1, 28, 28), "x_test": np.full((2, 28, 28), 9, np.uint8)}
    np.savez_compressed(file, **parts, y_train=np.array([label], np.uint8), y_test=np.array([8, 9], np.uint8))
    content = data.digest(data.mnist(file.getvalue()))
    monkeypatch.setitem(data.ITEMS, "mnist", data.Item("mnist.npz", "one digit", data.mnist, content))
    (tmp_path / "one.npz").write_bytes(file.getvalue())
    task = TASKS[name](path=str(tmp_path / "one.npz"), **sizes)
    inputs, targets, scored, valid = jax.device_get(task.sample(jax.random.key(0), 3))
    assert inputs.shape == (784, 3, 1) and valid.all() and np.all(np.flatnonzero(scored.any(axis=1)) == [783])
    assert np.all(targets == label * scored) and scored[-1].all()
    expected = np.full(784, wanted[grey == 0][0])
    expected[step] = wanted
    np.testing.assert_allclose(inputs[..., 0], expected[:, None].repeat(3, axis=1), atol=6e-5)


@HAS_MNIST
@pytest.mark.parametrize("name", MNIST)
def test_docstring_example_holds_for_the_true_digits(name, monkeypatch):
    """They are read in the drawn order and scale."""
    monkeypatch.undo()
    pixel, grey, step, wanted, _, sizes = drawn_digit(name)
    task = TASKS[name](path=str(HELD / "mnist.npz"), **sizes)
    inputs, targets, *_ = jax.device_get(task.sample(jax.random.key(0), 20))
    with np.load(HELD / "mnist.npz") as held:
        known = {one.tobytes(): y for one, y in zip(held["x_train"].reshape(-1, 784), held["y_train"], strict=True)}
    of_grey = np.polyfit(wanted, grey, 1)  # grey as a function of the input, from the drawn pairs
    for line, target in zip(inputs[..., 0].T, targets[-1], strict=True):
        image = np.zeros(784, np.uint8)
        image[task.order()] = np.round(np.polyval(of_grey, line))
        assert known[image.tobytes()] == target
        np.testing.assert_allclose(np.polyval(of_grey, line[step]), image[pixel], atol=0.1)


def pieces(task, batch):
    """The symbols of each sequence, and those ahead of them: None is not scored."""
    inputs, targets, scored, valid = jax.device_get(task.sample(jax.random.key(0), batch))
    symbols = task.text().symbols
    assert valid.all() and targets.shape == inputs.shape

    def said(codes, marks):
        return [symbols[c] if mark else None for c, mark in zip(codes, marks, strict=True)]

    every = zip(inputs.T, targets.T, scored.T, valid.T, strict=True)
    return [(said(now, real), said(ahead, counts)) for now, ahead, counts, real in every]


@pytest.mark.parametrize("name", TEXTS)
def test_docstring_example_of_text(name, tmp_path, monkeypatch):
    """A file that is just long enough for the piece gives the piece."""
    rows, sizes = drawn(name)
    raw = "".join(rows["file"])
    content = data.digest(data.letters(raw.encode()))
    monkeypatch.setitem(data.ITEMS, "sonnets", data.Item("sonnets.txt", "a piece", data.letters, content))
    (tmp_path / "piece.txt").write_text(raw, encoding="utf-8")
    task = TASKS[name](path=str(tmp_path / "piece.txt"), split="all", **sizes)
    assert pieces(task, 2) == [(rows["input"], [None if cell == "." else cell for cell in rows["target"]])] * 2


@HAS_SONNETS
@pytest.mark.parametrize("name", TEXTS)
def test_docstring_example_holds_for_the_true_text(name, monkeypatch):
    """Its pieces are scored and cut as drawn; the drawn piece of the sonnets is one of theirs."""
    monkeypatch.undo()
    rows, sizes = drawn(name)
    task = TASKS[name](path=str(HELD / "sonnets.txt"), **sizes)
    text = (HELD / "sonnets.txt").read_text(encoding="utf-8")
    if name == "chars/sonnets28":
        text = "".join(c for c in text.lower() if c in "abcdefghijklmnopqrstuvwxyz \n")
        assert "".join(rows["input"]) + rows["target"][-1] in text
    for inputs, ahead in pieces(task, 20):
        assert [a is None for a in ahead] == [cell == "." for cell in rows["target"]]
        piece = "".join(inputs) + ahead[-1]
        assert piece in text and all(a in (None, p) for a, p in zip(ahead, piece[1:], strict=True))


def test_runs_are_evaluated_on_what_they_are_not_trained_on():
    task = TASKS["digits8/rows"]()
    trainer = Trainer(launch.configure(Run, {"task.type": "digits8/rows"}), task)
    assert trainer.fresh == TASKS["digits8/rows"](split="test") and trainer.task == task
    assert trainer.levels == trainer.fresh.levels() != task.levels()


def test_the_embedded_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    pixels, labels, train = digits8()
    np.testing.assert_array_equal(pixels, load_digits().data)
    np.testing.assert_array_equal(labels, load_digits().target)
    assert train == 1297
    order = TASKS["digits8/permuted"]().order()
    assert order[:10].tolist() == [13, 12, 55, 7, 0, 18, 5, 16, 35, 42] and order[-1] == 29
    order = TASKS["mnist/permuted_lezcano2019"]().order()
    assert order[:10].tolist() == [319, 576, 323, 107, 355, 716, 197, 20, 625, 60] and order[-3:].tolist() == [
        102,
        39,
        346,
    ]


@HAS_SONNETS
def test_sonnets_hash(monkeypatch):
    """The published counts: characters, symbols, unigrams and bigrams of the whole text."""
    monkeypatch.undo()
    task = TASKS["chars/sonnets28"](length=1, split="all")
    text = task.text()
    assert len(text.codes) == 90_401 and len(text.symbols) == 28
    assert len(TASKS["chars/sonnets28"]().chosen()) == 81_360
    blind, strict, _ = task.levels()
    assert (blind.loss, strict.loss, strict.metric) == pytest.approx((2.896364, 2.332403, 0.2708), abs=5e-5)


@HAS_MNIST
def test_mnist_levels(monkeypatch):
    monkeypatch.undo()
    data._checked.cache_clear()
    mnist.cache_clear()
    levels = TASKS["mnist/permuted_lezcano2019"]().levels()
    assert (levels.blind.loss, levels.strict.loss, levels.strict.metric) == pytest.approx(
        (2.301159, 2.107294, 0.195367), abs=6e-7
    )
    raster = TASKS["mnist/raster_lezcano2019"](split="test").levels()
    assert raster.strict == raster.blind and raster.blind.metric == pytest.approx(0.1135)
