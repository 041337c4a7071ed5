"""What an import says of many recordings: each note once, and which recordings it is about."""

from __future__ import annotations

from dfe_core.expressions.import_report import ImportReport


def test_a_note_of_some_of_many_recordings_names_them():
    def notes(i: int) -> tuple[str, ...]:
        rare = (f"The file says {i}.0 s; it is cut off.",) if i in (3, 8) else ()
        return ("Not in the file: tongueOut.", *rare, *(("Variable frame rate.",) if i > 5 else ()))

    report = ImportReport(
        dataset="d",
        face="f",
        imported=tuple((f"r{i}", 10, notes(i)) for i in range(12)),
        skipped=(),
        notes=(),
    )
    said = str(report).splitlines()
    assert "  12 of 12 recordings: Not in the file: tongueOut." in said
    assert "  2 of 12 recordings (r3, r8): The file says 3.0 s; it is cut off. (the first; numbers differ)" in said
    assert "  6 of 12 recordings (r6, r7, r8, r9, …): Variable frame rate." in said
