"""Medians, spreads and ratios are what the tables say they are."""
import figures


def medians_with_their_spread():
    assert figures.cell([3000.0, 1000.0, 2000.0]) == "2,000 (1,000–3,000)"
    assert figures.cell([1.0, 2.0, 3.0, 10.0], "{:.1f}") == "2.5 (1.0–10.0)"
    assert figures.cell([0.256], "{:.2f}") == "0.26"
    assert figures.cell([]) == ""
    assert figures.summary([3, 1, 2]) == {"median": 2, "min": 1, "max": 3}
    assert figures.summary([]) is None


def ratios_are_taken_round_by_round():
    # The medians are 2 and 4; but each round has a ratio of its own.
    assert figures.ratios([1.0, 2.0, 9.0], [4.0, 2.0, 9.0]) == [0.25, 1.0, 1.0]
    assert figures.ratios([1.0, 2.0], [0.0, 4.0]) == [0.5]
    try:
        figures.ratios([1.0], [1.0, 2.0])
    except ValueError:
        return
    raise AssertionError("rounds that do not match were compared")


def columns_are_whole_or_empty():
    assert figures.column([{"a": 1}, {"a": 2}], "a") == [1, 2]
    assert figures.column([{"a": 1}, {}], "a") == []
    assert figures.column([], "a") == []


def tables_are_markdown():
    assert figures.table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


for test in (medians_with_their_spread, ratios_are_taken_round_by_round, columns_are_whole_or_empty, tables_are_markdown):
    test()
    print(f"{test.__name__}: ok")
