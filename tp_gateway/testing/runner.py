"""Runs checks without pytest: the same checks, the same messages."""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Collection
from importlib import import_module
from pathlib import Path

from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import CHECKS, GROUPS, Broken, Check
from tp_gateway.testing.report import Report, Result
from tp_gateway.testing.subject import Subject


def all_checks() -> list[Check]:
    """In the order of the sheet."""
    import_module("tp_gateway.testing.checks")
    return sorted(CHECKS.values(), key=lambda one: GROUPS.index(one.group))


def run_one(one: Check, bench: Bench) -> str:
    """ "" if the promise was kept, else the whole explanation."""
    try:
        bench.reset()
        one.function(bench)
    except Broken as broken:
        return one.explained(broken.found, bench.last_exchange) + _cause(broken)
    except NotImplementedError as missing:
        return one.explained(f"the subject is not complete: {missing}")
    except Exception as error:
        return (
            one.explained(f"{type(error).__name__}: {error}", bench.last_exchange)
            + "\n"
            + traceback.format_exc(limit=-4)
        )
    return ""


def run(subject: type[Subject], only: Collection[str] = (), without: Collection[str] = ()) -> Report:
    """Every check that applies, or `only` some groups or ids, `without` others."""
    report = Report.of(subject())
    with tempfile.TemporaryDirectory(prefix="tp-gateway-kit-") as folder, Bench(subject(), Path(folder)) as bench:
        for one in all_checks():
            chosen = not only or one.id in only or one.group in only
            if not chosen or one.id in without or one.group in without:
                continue
            reason = one.not_run(bench.subject)
            if reason:
                report.add(Result(one.id, "not run", reason))
                continue
            began = time.monotonic()
            found = run_one(one, bench)
            report.add(Result(one.id, "broken" if found else "kept", found, time.monotonic() - began))
    return report


def _cause(broken: Broken) -> str:
    if broken.__cause__ is None:
        return ""
    return "\n" + "".join(traceback.format_exception(broken.__cause__, limit=-4))
