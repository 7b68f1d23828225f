"""The demo from the ready gateway on: the sample clinic goes in, the scenes are played, the books are compared."""

import plaster
import urllib3

from demo import books, scenes
from demo.client import Client
from demo.farewell import farewell
from demo.processes import DemoFailed, Process
from demo.screen import Screen
from demo.seeding import Seeding
from demo.service import INI, Place
from demo.stage import Callers, SceneBroken, Stage
from tp_gateway import config, observability


def play(place: Place, screen: Screen, gateway: Process, sandbox: Process, *, stays: bool) -> None:
    """`stays`: afterwards a person may try things."""
    observability.configure_logging("error")
    settings = config.load(_ini(), place.environment())
    client, callers = Client(place.gateway, screen), Callers(settings)
    seeding = Seeding(settings, client, callers.service(), callers.manager())
    try:
        with screen.step("Pushing the sample clinic: users, a year of appointments, a dozen invoices"):
            seeding.push()
            seeding.unpaid_invoices(2)
        stage = Stage(screen, client, callers, seeding, place.sandbox, place.medicare, place.folder)
        screen.steps_with_scenes("Paying, as a frontend does")
        _scenes(stage)
        screen.line()
        with screen.step("Waiting until every webhook is delivered and worked off"):
            events = books.wait_for_webhooks(stage, gateway, sandbox)
        screen.line(f"  {events} events so far.")
        books.compare(stage)
        _sum_up(screen, gateway)
        if stays:
            farewell(stage)
    except urllib3.exceptions.HTTPError as error:
        gateway.require_alive()
        sandbox.require_alive()
        raise DemoFailed(f"A request got no answer ({type(error).__name__}).\n{gateway.tail()}") from None
    finally:
        seeding.close()


def _ini() -> dict[str, str]:
    found: dict[str, str] = plaster.get_loader(str(INI), protocols=["wsgi"]).get_wsgi_app_settings("main")
    return found


def _scenes(stage: Stage) -> None:
    for title, scene in scenes.SCENES:
        stage.screen.scene(title)
        try:
            scene(stage)
        except SceneBroken:
            stage.screen.check("the scene could be played to its end", False, "it ended here")


def _sum_up(screen: Screen, gateway: Process) -> None:
    screen.line()
    if screen.failures:
        screen.line(f"{screen.failures} of {screen.checks} checks FAILED.\n{gateway.tail()}\n")
    else:
        screen.line(f"All {screen.checks} checks passed.\n")
