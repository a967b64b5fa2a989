"""The Python package: values go and come back as they are, and whatever is held is freed."""

import gc
import threading
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import guanxi

KEY = b"0123456789abcdef0123456789abcdef"


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def values_come_back_as_they_went(lin):
    company = lin.create("crm.account", name="加喜", city="上海")
    deal = lin.create(
        "crm.opportunity",
        title="一",
        account=company,
        amount=guanxi.Money(Decimal("-79228162514264.25"), "CNY"),
        engaged_on=date(2024, 2, 29),
    )
    row = lin.get("crm.opportunity", deal)
    assert isinstance(deal, UUID) and row["id"] == str(deal)
    assert row["amount"] == guanxi.Money(Decimal("-79228162514264.25"), "CNY"), row["amount"]
    assert row["engaged_on"] == date(2024, 2, 29) and row["account"] == str(company)
    made = row["created_at"]
    assert isinstance(made, datetime) and abs(datetime.now(timezone.utc) - made) < timedelta(hours=1)
    lin.update("crm.opportunity", deal, {"title": "二"}, amount=None)
    assert lin.get("crm.opportunity", deal)["amount"] is None
    assert lin.get("crm.opportunity", str(deal))["title"] == "二"
    lin.delete("crm.opportunity", deal)
    assert raises(guanxi.Error, lambda: lin.get("crm.opportunity", deal)).key == "record.not_found"


def errors_say_where(lin):
    error = raises(guanxi.Error, lambda: lin.create("crm.account", city="上海"))
    assert (error.key, error.field, error.entity) == ("schema.required", "name", "crm.account"), vars(error)
    assert error.status < 0 and not error.retryable and error.details["code"] == "schema.required"
    raises(ValueError, lambda: lin.create("crm.account", name="a\0b"))
    raises(TypeError, lambda: lin.create("crm.account", name=1.5))
    raises(OverflowError, lambda: lin.create("crm.account", name=1 << 63))
    raises(ValueError, lambda: lin.create("crm.account", name=datetime(2026, 1, 1)))
    assert raises(guanxi.Error, lambda: lin.call("there.is_none")).key == "input.unknown_method"


def a_block_that_raises_leaves_nothing(lin):
    before = lin.count("crm.account")

    def half():
        with lin.transaction() as txn:
            txn.create("crm.account", name="half")
            raise KeyError("a fault of the host")

    raises(KeyError, half)
    txn = lin.transaction()
    txn.create("crm.account", name="forgotten")
    del txn
    gc.collect()
    assert lin.count("crm.account") == before


def many_rows_come_in_blocks(lin):
    with lin.transaction() as txn:
        for number in range(2_300):
            txn.create("crm.account", name=f"公司 {number:04}", city="很多")
    rows = lin.query("crm.account", {"city": "很多"}, sort="name", fields=("name",))
    names = [row["name"] for row in rows]
    assert names == [f"公司 {number:04}" for number in range(2_300)]
    assert rows.closed and list(rows) == []
    assert len(list(lin.query("crm.account", {"city": "很多"}, sort="-name", limit=7))) == 7


def threads_share_a_session(lin):
    def work():
        for _ in range(20):
            assert lin.count("crm.account", {"city": "很多"}) == 2_300

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def changes_are_followed_from_a_position(lin):
    with lin.subscribe("crm.account") as changes:
        assert changes.next() is None
        begun = changes.position
    company = lin.create("crm.account", name="gone on")
    with lin.subscribe("crm.account", after=begun) as changes:
        told = changes.next(1_000)
        assert [change["id"] for change in told.changes] == [str(company)]
        assert told.position == changes.position > begun


def main():
    with guanxi.create("package.guanxi", key=KEY, administrator=("lin", "a long password")) as crm:
        with crm.sign_in("lin", "a long password") as lin:
            values_come_back_as_they_went(lin)
            errors_say_where(lin)
            a_block_that_raises_leaves_nothing(lin)
            many_rows_come_in_blocks(lin)
            threads_share_a_session(lin)
            changes_are_followed_from_a_position(lin)
            assert raises(guanxi.Error, crm.close).key == "storage.busy"
            lin.locale("zh-Hans")
            spoken = str(raises(guanxi.Error, lambda: lin.create("crm.account")))
            assert any("\u4e00" <= letter <= "\u9fff" for letter in spoken), spoken
    gc.collect()
    assert guanxi.live_handles() == 0, guanxi.live_handles()


main()
