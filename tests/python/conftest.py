"""Every test starts with programs, names and a scope of its own."""
import pytest

skiff = pytest.importorskip("skiff")


@pytest.fixture(autouse=True)
def fresh():
    static = skiff.static
    with skiff.utils.unique_name.guard(), static.scope_guard(static.Scope()), \
            static.program_guard(static.Program(), static.Program()):
        yield


@pytest.fixture
def exe():
    return skiff.static.Executor(skiff.CPUPlace())


@pytest.fixture
def evaluate(exe):
    """Runs the default main program, after its startup program."""
    def run(fetch, **feed):
        exe.run(skiff.static.default_startup_program())
        return exe.run(feed=feed, fetch_list=fetch)
    return run


@pytest.fixture
def net(exe):
    """Input and output of a small layer whose parameters have values."""
    x = skiff.static.data("x", [None, 4])
    y = skiff.static.nn.fc(x, 3)
    exe.run(skiff.static.default_startup_program())
    return x, y
