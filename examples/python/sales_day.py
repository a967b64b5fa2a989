"""A day of a sales team in Python: python sales_day.py, with the package on the path.

It ends with 0, or with a traceback of what surprised it.
"""

from __future__ import annotations

import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Callable

import guanxi
from guanxi import Crm, Money, Session

KEY = b"an example key never for a host!"
PASSWORD = "one long password"


def refused(call: Callable[[], object], key: str) -> None:
    """An error that is expected."""
    try:
        call()
    except guanxi.Error as error:
        print(f"refused: [{error.key}] {error}")
        assert error.key == key, error.key
    else:
        raise AssertionError(f"{key} was expected")


def make_salesperson(admin: Session) -> None:
    admin.call("user.create", values={"name": "韩梅梅"}, password=PASSWORD, roles=["salesperson"])


def make_deals(admin: Session) -> None:
    """One company and six deals: all in one transaction, or nothing."""
    with admin.transaction("sales day") as txn:
        company = txn.create("crm.account", name="上海加喜企业服务有限公司", city="上海")
        for number in range(1, 7):
            txn.create(
                "crm.opportunity",
                title=f"执照变更 {number}",
                account=company,
                amount=Money(Decimal(f"{1000 * number}.50"), "CNY"),
                engaged_on=date(2026, 11, 20 + number),
            )


def the_day(crm: Crm) -> None:
    with crm.sign_in("admin", PASSWORD) as admin:
        make_salesperson(admin)
        with admin.subscribe("crm.opportunity") as changes:
            make_deals(admin)
            told = changes.next(1_000)
            assert told is not None and {change["kind"] for change in told.changes} == {"create"}
        for row in list(admin.query("crm.opportunity", sort="title"))[::2]:
            admin.call("record.update", entity="crm.opportunity", id=row["id"], values={"owner": "韩梅梅"})

        with crm.sign_in("韩梅梅", PASSWORD) as hers:
            print(f"admin sees {admin.count('crm.opportunity')} deals, 韩梅梅 {hers.count('crm.opportunity')}")
            assert (admin.count("crm.opportunity"), hers.count("crm.opportunity")) == (6, 3)
            newest = list(hers.query("crm.opportunity", {"status": "open"}, sort="-engaged_on", limit=3))
            for row in newest:
                print(row["engaged_on"], row["title"], row["amount"])
            assert isinstance(newest[0]["amount"], Money) and isinstance(newest[0]["engaged_on"], date)
            hers.call("opportunity.win", id=newest[0]["id"])
            refused(lambda: hers.call("opportunity.lose", id=newest[0]["id"], reason="价格"), "model.invalid_transition")

        print("found", next(admin.search("加喜", limit=3))["title"])
        refused(lambda: admin.create("crm.account", city="上海"), "schema.required")
        admin.call("ledger.verify")
        print("The ledger verifies")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "day.guanxi")
        with guanxi.create(path, key=KEY, administrator=("admin", PASSWORD)) as crm:
            the_day(crm)
            assert crm.health()["state"] == "open"
        refused(lambda: guanxi.open(path, key=bytes(32)), "storage.wrong_key")
        with guanxi.open(path, key=KEY) as crm, crm.sign_in("admin", PASSWORD) as admin:
            assert admin.count("crm.opportunity") == 6
    assert guanxi.live_handles() == 0, "every handle was freed"


if __name__ == "__main__":
    main()
