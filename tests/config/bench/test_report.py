"""What people read of a bench."""

from config.bench.figures import Figure
from config.bench.report import HEADINGS, markdown, notes_of, rows

MACHINE = {
    "cores": 2,
    "processor": "Old one",
    "memory_gigabytes": 8.0,
    "system": "Linux 6",
    "file_system": "ext4",
    "python": "3.11.7",
    "postgresql": "18.6",
    "settings": {"fsync": "on", "synchronous_commit": "on"},
    "packages": {"django": "5.2"},
}
FAST = Figure("intake", "Intake", 0.4, "x", ">= 0.3", True, [0.41, 0.4], "400 orders/s")
SLOW = Figure("lag", "Lag p99", 2.0, "s", "<= 1.5", False, [2.0], "a|b")


def test_a_row_says_what_was_measured_and_whether_that_is_enough() -> None:
    assert rows([FAST, SLOW]) == [
        ("Intake", "0.4 x", ">= 0.3", "yes", "0.41 0.4", "400 orders/s"),
        ("Lag p99", "2 s", "<= 1.5", "NO", "2", "a|b"),
    ]


def test_markdown_has_a_row_a_figure_and_a_point_a_note() -> None:
    lines = markdown([FAST, SLOW], notes=["Two cores."]).split("\n")
    assert lines[0] == "| " + " | ".join(HEADINGS) + " |"
    assert lines[2] == "| Intake | 0.4 x | >= 0.3 | yes | 0.41 0.4 | 400 orders/s |"
    assert lines[3].endswith("| a\\|b |")
    assert lines[4:] == ["", "- Two cores."]


def test_notes_name_the_machine_its_settings_and_its_load() -> None:
    document = {
        "machine": MACHINE,
        "loads": [("parallelism", [0.1, 0, 0], [3.0, 0, 0])],
        "quick": True,
        "figures": [FAST.document()],
        "parts": {"parallelism": {"pairs": [{"one": 100.0, "four": 180.5}]}},
    }
    notes = notes_of(document)
    assert notes[0] == "2 cores (Old one), 8.0 GB, Linux 6, ext4."
    assert notes[1] == "PostgreSQL 18.6: fsync on, synchronous_commit on."
    assert notes[2] == "Python 3.11.7, django 5.2."
    assert notes[3].endswith("pair by pair: 100/180.5.")
    assert notes[4].endswith("parallelism 0.1-3.")
    assert notes[5].startswith("A quick look")


def test_notes_say_where_intakes_time_goes() -> None:
    run = {
        "answers_per_second": 800.0,
        "seconds": 10.0,
        "seconds_to_last_answer": 8.5,
        "sender_share_of_a_core": 0.07,
        "floor_cpu_milliseconds_a_sale": {"postgres": 1.0, "pgbench": 0.25},
        "cpu_milliseconds_an_order": {"web": 1.5, "intake": 2.25, "beat": 0.0},
    }
    measured = {"orders_a_run": 6000, "connections": 16, "skus": 10000, "listings": 300000, "floor_skus": 100000}
    document = {
        "machine": MACHINE,
        "loads": [],
        "quick": False,
        "figures": [],
        "parts": {"intake": {**measured, "runs": [run, run]}},
    }
    _, _, _, told, answers, where, _ = notes_of(document)
    assert "10000 SKUs on 30 channels" in told and "the floor: 100000 SKUs" in told
    assert answers == "Answered 800 webhooks/s, the last commit 1.5 s after the last answer."
    assert (
        "an order: web 1.5, intake 2.25; of a sale on the floor: postgres 1, pgbench 0.25." in where
        and "beat" not in where
        and "7% of a core" in where
    )


def test_notes_give_lag_in_its_parts() -> None:
    part = {"p50": 0.1, "p95": 0.2, "p99": 0.3}
    run = {
        "rate": 50.0,
        "seconds": 60.0,
        "channels": 30,
        "latency_ms": 50.0,
        "skus": 2000,
        "zipf": 1.1,
        "calls_per_sale": 2.5,
        "lag": {"arrival": part, "intake": part, "sync": part, "sale": part},
    }
    notes = notes_of({"machine": MACHINE, "loads": [], "quick": False, "figures": [], "parts": {"lag": [run]}})
    assert "50 sales a second for 60 s, 30 channels of 50 ms, 2000 SKUs by Zipf 1.1" in notes[3]
    assert "sale lag 0.10/0.20/0.30" in notes[4]
