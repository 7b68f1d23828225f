"""All guards that are taken away: what each is, how it is done, and the tests of which one must fail then."""

from tests.ablation.guard import Guard
from tests.ablation.guards_at_the_door import DOOR
from tests.ablation.guards_of_money import MONEY
from tests.ablation.guards_of_statements import STATEMENTS

GUARDS: tuple[Guard, ...] = (*MONEY, *DOOR, *STATEMENTS)
