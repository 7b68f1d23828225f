"""A process is killed at any step of its work; then recovery runs, and the sandbox's books and ours agree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clinic import Clinic, patient
from tests.faults.cells import SCENES, Cell, Scene, charge
from tests.faults.crashes import Nursery
from tests.faults.outcomes import OUTCOMES, REPRESENTATIVE
from tests.faults.play import Play
from tp_gateway.contract import Label


@pytest.fixture
def nursery(clinic: Clinic) -> Iterator[Nursery]:
    made = Nursery(clinic.database_url, clinic.sandbox_url)
    yield made
    made.close()


@pytest.mark.catalogue(17)
@pytest.mark.catalogue(19)
@pytest.mark.catalogue(21)
@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_killed_at_any_step_it_is_found_out(clinic: Clinic, nursery: Nursery, scene: Scene) -> None:
    """What goes well and an answer that is lost; `make soak` has every outcome."""
    outcomes = [outcome for outcome in scene.outcomes if outcome.name in REPRESENTATIVE]
    cells = Play(clinic, nursery).scene(scene, outcomes)
    assert len({cell.die_at for cell in cells}) >= 6, "the steps are no longer attached"


@pytest.mark.soak
@pytest.mark.xdist_group("cells")  # counted below, so in one process
@pytest.mark.catalogue(17)
@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_killed_at_any_step_whatever_the_provider_does(clinic: Clinic, nursery: Nursery, scene: Scene) -> None:
    cells = Play(clinic, nursery).scene(scene, scene.outcomes)
    killed = [cell for cell in cells if cell.die_at is not None]
    assert len(killed) >= 0.95 * (len(cells) - len(scene.outcomes)), "the steps vary too much"
    _played[clinic.database.engine.dialect.name, scene.name] = killed
    print(f"{len(killed)} cells of {scene.name}, all right")


_played: dict[tuple[str, str], list[Cell]] = {}


@pytest.mark.soak
@pytest.mark.xdist_group("cells")
@pytest.mark.catalogue(17)
def test_there_were_six_hundred_cells() -> None:
    if len(_played) < 2 * len(SCENES):
        pytest.skip("not all of them were played in this process")
    cells = [(database, cell) for (database, _), killed in _played.items() for cell in killed]
    steps = {(cell.scene.name, cell.die_at) for _, cell in cells}
    outcomes = {cell.outcome.name for _, cell in cells}
    print(f"{len(cells)} cells of {len(steps)} steps and {len(outcomes)} outcomes on two databases, all right")
    assert len(cells) >= 600 and len(steps) >= 25 and len(outcomes) >= len(OUTCOMES) >= 12


@pytest.mark.catalogue(18)
def test_recovery_never_starts_a_charge(clinic: Clinic, nursery: Nursery) -> None:
    """A patient who saw an error must not be charged minutes later."""
    appointment_id = clinic.appointment()
    nursery.run(charge, "commit 2 before", appointment_id, "pm_card_visa")
    for _ in range(4):
        clinic.pass_time()
        clinic.work()
    (ours,) = clinic.rows(
        "SELECT uuid, state, provider_code FROM payments WHERE appointment_id = :id", id=appointment_id
    )
    assert (ours.state, ours.provider_code) == ("failed", "abandoned")
    made = [one for one in clinic.books()["payment_intents"] if one["metadata"].get(Label.PAYMENT) == ours.uuid]
    assert [one["latest_charge"] for one in made] == [None]
    assert clinic.pay(patient).body["status"] == "succeeded"


@pytest.mark.catalogue(18)
def test_the_same_key_drives_on_what_a_dead_process_had_begun(clinic: Clinic, nursery: Nursery) -> None:
    """The client comes back with his key before the sweep does: his payment is made, once."""
    appointment_id = clinic.appointment()
    nursery.run(charge, "commit 1 after", appointment_id, "pm_card_visa")
    clinic.pass_time()
    charge(clinic, appointment_id, "pm_card_visa")
    states = clinic.rows("SELECT state FROM payments WHERE appointment_id = :id", id=appointment_id)
    assert [row.state for row in states] == ["succeeded"]
