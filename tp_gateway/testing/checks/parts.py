"""Capabilities that stand for themselves: screening, files of refunds, saved methods, disputes."""

from __future__ import annotations

import time
from datetime import date
from uuid import uuid4

from tp_gateway.contract import (
    MethodOrder,
    OutcomeState,
    Payer,
    PaymentFile,
    PayoutAccount,
    QueuedRefund,
    SavedMethod,
    Veto,
)
from tp_gateway.testing import faults, rules
from tp_gateway.testing.attempt import answered
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import Broken, check, expect, shown
from tp_gateway.testing.watching import NETWORK, PROCESS, STORE, watched

_ACCOUNT = "87654321"


@check("purity", rule=rules.PROVIDER, needs="screens")
def screening_calls_nobody(bench: Bench) -> None:
    """`screen` lets through what the subject says is paid, by None, with no connection, database or process opened.

    It runs before anything is written, for every payment: a rule that cannot be asked refuses them all.
    """
    order = bench.attempt().order
    with watched(*NETWORK, *STORE, *PROCESS) as seen:
        found = answered("screen", bench.provider.screen, order)
    expect(not seen, f"screen did {', '.join(seen)}")
    said = f"{found.code}: {found.message}" if isinstance(found, Veto) else type(found).__name__
    expect(found is None, f"what the subject says is paid was refused: {said}")


@check("money", rule=rules.MEMBERS, needs="refund_files")
def refunds_of_a_file_wait(bench: Bench) -> None:
    """With `refund_files`, `refund` says PENDING with a reference, and `write_refunds` makes a file of what waits,
    calling nobody; no account number is in the file's repr.

    The file is what the clinic's bank pays by. Until then nothing has moved.
    """
    attempt = bench.attempt()
    attempt.begin()
    queued = []
    for amount in (5_000, 2_550):
        order = attempt.refund_order(amount)
        found = attempt.refund(order)
        expect(found.state is OutcomeState.PENDING and found.reference, f"refund said {shown(found)}")
        again = attempt.refund(order)
        expect(again.reference == found.reference, "the same refund order has two references")
        account = PayoutAccount("Kit Patient", "062-000", _ACCOUNT)
        queued.append(QueuedRefund(found.reference or "", amount, order.currency, account))
    with watched(*NETWORK, *STORE, *PROCESS) as seen:
        file = answered("write_refunds", bench.provider.write_refunds, queued, "REF0000001", date(2026, 3, 5))
    expect(not seen, f"write_refunds did {', '.join(seen)}")
    expect(isinstance(file, PaymentFile) and file.content, f"write_refunds gave {type(file).__name__}")
    expect(_ACCOUNT not in repr(file), "the file's repr has an account number in it")
    expect(all(one.reference.encode() in file.content for one in queued), "a refund that waits is not in the file")


@check("shape", rule=rules.MEMBERS, needs="save_method")
def a_saved_method_is_listed_and_forgotten(bench: Bench) -> None:
    """A method that was saved is listed for its payer, and after `drop_method` (twice is fine) not any more; its
    details have no long number.

    Patients see this list, and take a card off it.
    """
    provider, soon = bench.provider, time.monotonic() + 10
    order = MethodOrder(Payer(str(uuid4())), bench.subject.saves(), soon)
    saved = answered("save_method", provider.save_method, order)
    expect(isinstance(saved, SavedMethod) and saved.payer, f"save_method answered {shown(saved)}")
    digits = [text for text in map(str, saved.details.values()) if sum(map(str.isdigit, text)) > 8]
    expect(not digits, "its details have a long number in them")
    listed = [one.reference for one in answered("list_methods", provider.list_methods, saved.payer, soon)]
    expect(listed == [saved.reference], f"one was saved, {len(listed)} are listed")
    for _ in range(2):
        answered("drop_method", provider.drop_method, saved.reference, soon)
    left = answered("list_methods", provider.list_methods, saved.payer, soon)
    expect(not left, "it was dropped, and is still listed")


@check("truth", rule=rules.PROVIDER, needs="disputes")
def a_dispute_that_is_not_there_is_none(bench: Bench) -> None:
    """`fetch_dispute` says None for a dispute that the service does not know, and raises when nobody answered.

    None ends the matter; a service that is down must not.
    """
    name, soon = bench.subject.no_dispute, time.monotonic() + 5
    found = answered("fetch_dispute", bench.provider.fetch_dispute, name, soon)
    expect(found is None, f"nobody knows {name}, and it gave {type(found).__name__}")
    with bench.proxy.fault(faults.swallowed):
        try:
            bench.provider.fetch_dispute(name, soon)
        except Exception:
            return
    raise Broken("the connection was dropped, and fetch_dispute answered without raising")
