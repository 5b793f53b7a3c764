"""Each kind of error that PostgreSQL may answer a commit with, from a trigger in the tests' tables: what it
means for the ids in it (src/store/postgres/failure.cc)."""

import pytest

from nextid import NOTHING_BURNED, is_problem, poll

# How often the trigger fails before it lets a change pass.
TIMES = 2

# With these the server has rolled everything back, or it may have: the op is tried again.
PASSING = [
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "40003",  # statement_completion_unknown
    "55P03",  # lock_not_available
    "57014",  # query_canceled
    "25P03",  # idle_in_transaction_session_timeout
    "25006",  # read_only_sql_transaction
    "53000", "53100", "53200", "53300", "53400",  # Not enough of something.
    "57P03",  # cannot_connect_now
    "57P01", "57P02",  # A shutdown: may come after the commit.
    "26000",  # invalid_sql_statement_name
    "28000",  # invalid_authorization_specification
    "42501",  # insufficient_privilege
    "42P01",  # undefined_table
    "3F000",  # invalid_schema_name
    "42703",  # undefined_column
    "0A000",  # feature_not_supported
    "22003",  # numeric_value_out_of_range
    "23514",  # check_violation
    "08006",  # connection_failure
    "58030",  # io_error
    "XX000",  # internal_error
    "ZZ999",  # Unknown to all.
]
DAMAGED = ["XX001", "XX002"]  # data_corrupted, index_corrupted


def make_trigger(tables, deferred=False):
    """For fail(): in the statement that changes a counter, or at its commit."""
    kind = "CONSTRAINT TRIGGER" if deferred else "TRIGGER"
    moment, when = ("AFTER", "DEFERRABLE INITIALLY DEFERRED") if deferred else ("BEFORE", "")
    tables.sql(f"""
        CREATE SEQUENCE failures;
        GRANT ALL ON SEQUENCE failures TO nextid;
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE {kind} fail {moment} UPDATE ON nextid_counters {when} FOR EACH ROW EXECUTE FUNCTION fail()""")


def fail(tables, sqlstate, times=TIMES):
    """Has the next changes of counters fail. What the sequence counts stays counted when a transaction is
    rolled back."""
    tables.sql(f"""
        ALTER SEQUENCE failures RESTART;
        CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF nextval('{tables.schema}.failures') <= {times} THEN
            RAISE EXCEPTION 'made by the test' USING ERRCODE = '{sqlstate}';
          END IF;
          RETURN NEW;
        END $$""")


def failures(tables):
    return int(tables.sql("SELECT last_value FROM failures"))


@pytest.mark.parametrize("deferred", [False, True], ids=["at the statement", "at the commit"])
def test_errors_that_pass_go_unnoticed(postgres, deferred):
    node = postgres.start("--request-timeout", "10s")
    assert node.next_id() == 1
    make_trigger(postgres.tables, deferred)
    last = 1
    for sqlstate in PASSING:
        fail(postgres.tables, sqlstate)
        for _ in range(2):
            last += 1
            assert node.next_id() == last, sqlstate
        assert failures(postgres.tables) > TIMES, sqlstate
        assert postgres.tables.value() == last, sqlstate
    assert node.stop() == {"returned": last, **NOTHING_BURNED}
    assert postgres.tables.slots() == []


@pytest.mark.parametrize("sqlstate", DAMAGED)
def test_damage_stops_the_counter(postgres, sqlstate):
    node = postgres.start("--request-timeout", "10s")
    assert node.next_id() == 1
    make_trigger(postgres.tables)
    fail(postgres.tables, sqlstate, times=1)
    answer = node.ask("GET", "/next")
    assert is_problem(answer, 500, "corrupt")
    assert "made by the test" in answer.json()["detail"]
    assert sqlstate in answer.json()["detail"]
    assert is_problem(node.ask("GET", "/next"), 500, "corrupt")


@pytest.mark.parametrize("sqlstate", ["40001", "ZZ999"])
def test_an_error_of_one_counter_does_not_fail_the_others(postgres, sqlstate):
    """They may share its transaction."""
    node = postgres.start("--request-timeout", "10s")
    counters = [f"c{number}" for number in range(20)]
    for counter in ["bad", *counters]:
        assert node.next_id(counter) == 1
    make_trigger(postgres.tables)
    fail(postgres.tables, sqlstate, times=3)
    with node.connect() as connection:
        for counter in ["bad", *counters]:
            connection.request("GET", f"/next?counter={counter}")
        assert [connection.answer().json()["id"] for _ in ["bad", *counters]] == [2] * 21
    assert node.stop() == {"returned": 42, **NOTHING_BURNED}


def test_a_commit_that_fails_for_good_is_said(postgres):
    """With the server's own words and what they are called."""
    node = postgres.start("--request-timeout", "1s")
    assert node.next_id() == 1
    make_trigger(postgres.tables)
    fail(postgres.tables, "23514", times=1_000_000)
    answer = node.ask("GET", "/next")
    assert answer.status in (503, 504), answer
    poll(lambda: "made by the test (SQLSTATE 23514)" in node.log(), "the log says why")
    postgres.tables.sql("DROP TRIGGER fail ON nextid_counters")
    assert poll(lambda: node.ask("GET", "/next").status == 200, "ids come again")
