import pytest

from tp_gateway.documents import Press


@pytest.fixture(scope="session")
def press() -> Press:
    return Press()
