"""Sentences on pose leak for terminals, pages and reports: one wording for all."""

from __future__ import annotations

from dfe_core.expressions.head_pose import AXES
from dfe_core.expressions.pose_leak import HIGH, PoseLeak


def pose_leak_figure(leak: PoseLeak | None) -> str:
    """``0.38 (54 % of movement within subjects, 16 % by chance)``; ``not measured``."""
    if leak is None:
        return "not measured: no head pose that varies"
    return (
        f"{leak.leak:.2f} ({leak.share:.0%} of movement within subjects is a function of head pose, "
        f"{leak.chance:.0%} by chance)"
    )


def pose_leak_facts(leak: PoseLeak | None, measured: bool = True) -> list[tuple[str, str]]:
    """Label and value of each figure, for tables. measured: whether the import looked for it (`was_measured`)."""
    if leak is None:
        return [
            (
                "pose leak",
                pose_leak_figure(None) if measured else "not measured: imported by an earlier version; import it again",
            )
        ]
    turn = ", ".join(f"{axis} {angle:.1f}°" for axis, angle in zip(AXES, leak.turn_deg, strict=True))
    return [
        ("pose leak", pose_leak_figure(leak)),
        ("pose leak, middle half of subjects", f"{leak.low:.2f} to {leak.high:.2f}"),
        ("pose, share on held-out blocks", f"{leak.held_out:.0%}"),
        ("head turns, root mean square", turn),
        (
            "pose leak measured in",
            f"{leak.subjects} of {leak.subjects + leak.unmeasured} subjects, in "
            + ("mm of the mesh" if leak.mesh else "coefficients as they are"),
        ),
    ]


def pose_leak_warning(leak: PoseLeak | None) -> str | None:
    """What a reader of results has to know of a dataset whose leak is high; None where there is nothing to say."""
    return high_leak_warning(leak.leak) if leak is not None and leak.is_high else None


def high_leak_warning(leak: float) -> str:
    """`pose_leak_warning` of a leak that is high."""
    return (
        f"Head pose explains expression: pose leak {leak:.2f}, above {HIGH:g}. Part of what is counted as "
        "movement of the face, one-sided movement above all, follows the head's rotation."
    )
