"""The `dfe` command: finds the verb, lets its module read the rest, and turns what cannot be served into one line."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import io
import os
import signal
import sys
import textwrap
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any, ClassVar, Protocol, TypeVar

from dfe_core import __version__
from dfe_core.errors import DataError
from dfe_core.store import cache_root


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


_Record = TypeVar("_Record", bound=_Dataclass)
DONE, REFUSED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True)
class Command:
    """One verb: the module that does it, its line in `dfe --help`, and what ``--device`` moves; a command that a device
    has nothing to do for refuses it (docs/install.md has the table)."""

    module: str
    summary: str
    on_device: str = ""


COMMANDS = {
    "study": Command(
        "study", "from recordings to the supplement of a paper, in one command", "training, tokens and maps"
    ),
    "unseal": Command(
        "unseal",
        "open the labels that a study sealed, once, and test its hypotheses",
        "trainings of hypotheses with a codebook refitted",
    ),
    "import": Command("import_", "bring recordings of other tools into a dataset"),
    "extract": Command("extract", "turn videos of faces into a dataset (extra dfe[video])"),
    "fill": Command(
        "fill", "fill lost frames and hidden parts of the face, marked, with intervals", "the network that fills gaps"
    ),
    "videos": Command("videos", "link videos to the recordings of a dataset"),
    "simulate": Command("simulate", "make performances with known truth"),
    "train": Command("train", "train a codebook on a dataset", "training"),
    "merge": Command("merge", "merge near-duplicate codewords, in a codebook of its own"),
    "adapt": Command("adapt", "adapt a codebook to a person, and say what that gains", "tokens of each person"),
    "encode": Command("encode", "turn every frame of a dataset into tokens", "tokens"),
    "decode": Command("decode", "turn tokens into a face on disk"),
    "transition": Command("transition", "from one expression to another, as a timeline or a moving face"),
    "live": Command(
        "live",
        "tokens as they happen, from a phone, a tracker, a camera or a video",
        "an encoder's network, frame by frame; the search is the CPU's",
    ),
    "evaluate": Command("evaluate", "measure a model on held-out subjects", "tokens of the held-out people"),
    "robustness": Command(
        "robustness",
        "what noise, lost frames, other extractors and attacks do to tokens",
        "tokens of disturbed frames, and the network that fills gaps",
    ),
    "aus": Command("aus", "import or derive action units (AUs) of a dataset"),
    "events": Command(
        "events", "bring labels in time to recordings, or exclude spans of them", "tokens that are missing (curves)"
    ),
    "names": Command("names", "name the codewords, and check the names on held-out moments"),
    "raters": Command("raters", "ask people whether the names are true"),
    "coverage": Command(
        "coverage", "compare the codewords with AUs", "tokens of segments, and trainings with --cross-fit"
    ),
    "map": Command("map", "lay codewords or frames out in two dimensions", "neighbours, and the layout by cuML"),
    "intervals": Command("intervals", "find, compare and export what each region of the face does when"),
    "syllables": Command("syllables", "find recurring displays with a duration", "tokens that are missing"),
    "asymmetry": Command("asymmetry", "how far each side of a face moves, in mm, and what changes over sessions"),
    "probe": Command(
        "probe",
        "predict a label from tokens, AUs or coefficients",
        "the network of --sequence, and trainings with --codebook refit",
    ),
    "authenticity": Command(
        "authenticity", "recognise synthetic motion, and what gives it away", "tokens of made motion"
    ),
    "micro": Command(
        "micro",
        "spot micro-expressions, and recognise coded ones over subjects and corpora",
        "the network of --sequence",
    ),
    "export": Command("export", "write tokens, bags, intervals or a summary as a table", "tokens that are missing"),
    "groups": Command("groups", "compare groups or conditions codeword by codeword", "tokens of segments"),
    "conversations": Command(
        "conversations",
        "who answers whom, how late, and who speaks, of faces recorded together",
        "tokens that are missing",
    ),
    "signals": Command("signals", "put sound and body signals on the clock of a recording"),
    "modalities": Command(
        "modalities",
        "what face, sound and body signals each add to the prediction of a label",
        "tokens that are missing",
    ),
    "privacy": Command(
        "privacy",
        "how well tokens identify people, and what takes that out",
        "tokens, and the networks of the adversarial way",
    ),
    "power": Command("power", "how many people a difference between groups needs", "tokens that are missing"),
    "align-text": Command(
        "align_text",
        "lay moments among words, and find them by a description",
        "the network that aligns moments with words",
    ),
    "benchmark": Command("benchmark", "measure the tokenizer or the speed on this machine"),
    "build-default": Command(
        "build_default", "make the default codebook and all that the dashboard shows of it", "training, tokens and maps"
    ),
    "faces": Command("faces", "convert a licensed face model of your own"),
    "picture": Command("picture", "draw a learned face as a picture of your own"),
    "list": Command("list_", "list what the cache holds"),
    "show": Command("show", "show one artefact in detail"),
    "rm": Command("rm", "remove an artefact"),
    "log": Command("log", "who did what to the cache, and when"),
    "bucket": Command("bucket", "keep the cache in object storage"),
    "withdraw": Command("withdraw", "remove a person for good, with a certificate"),
    "doctor": Command("doctor", "check the installation and every artefact", "tokens that --repair makes again"),
    "dashboard": Command("dashboard", "serve the dashboard on localhost"),
}

_RESTS_ON_DATASET = frozenset(
    (
        "train",
        "evaluate",
        "coverage",
        "probe",
        "map",
        "groups",
        "power",
        "conversations",
        "modalities",
        "micro",
        "export",
        "robustness",
        "privacy",
    )
)
"""Commands whose results a high pose leak of their dataset puts in question."""
_LOGGED = frozenset(
    (
        "evaluate",
        "robustness",
        "privacy",
        "names",
        "coverage",
        "map",
        "probe",
        "export",
        "groups",
        "conversations",
        "modalities",
        "align-text",
        "syllables",
        "micro",
        "intervals",
    )
)
"""Commands that have a line of their own in the log: of others, what they do to artefacts has one."""
_CONTINUES = {
    "train": ("the same command with --resume continues from the last checkpoint",),
    "study": ("the same command continues with the step that was interrupted",),
    "extract": ("the same command continues with the remaining videos",),
    "build-default": ("the same command continues where it stopped",),
}

_EXAMPLES = """examples:
  dfe import recordings/*.csv --name study1
  dfe train study1 --name codebook1
  dfe encode codebook1 study1
  dfe evaluate codebook1 study1
  dfe dashboard

Each command has its own help: dfe train --help. Artefacts are in $DFE_CACHE (now {root}).
Exit codes: 0 done, 1 the data or the request cannot be served, 2 wrong usage."""


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns the exit code; raises `SystemExit` 2 on wrong usage, as argparse does."""
    from .streams import prepare

    prepare()
    argv = sys.argv[1:] if argv is None else argv
    try:
        parser = build_parser(argv)
    except DataError as error:
        return _fail(f"error: {error}", False, REFUSED)
    _refuse_device(parser, argv)
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    return _run(args)


def build_parser(argv: list[str]) -> argparse.ArgumentParser:
    """The parser for these arguments: only the modules of commands that they name are imported."""
    parser = argparse.ArgumentParser(
        prog="dfe",
        description="Discrete Facial Encoding: a codebook lab for faces.",
        parents=[common_options()],
        epilog=_EXAMPLES.format(root=cache_root()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dfe {__version__}")
    verbs = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        if name in argv:
            _add_command(verbs, name, command)
        else:
            verbs.add_parser(name, help=command.summary, add_help=False)
    return parser


def command_module(name: str) -> ModuleType:
    """The module that does the verb `name`."""
    return importlib.import_module(f".commands.{COMMANDS[name].module}", __package__)


def _add_command(verbs: argparse._SubParsersAction, name: str, command: Command) -> None:
    module = command_module(name)
    parser = verbs.add_parser(
        name, help=command.summary, parents=[common_options()], **help_texts(module.DESCRIPTION, module.EXAMPLES)
    )
    module.add_arguments(parser)
    if command.on_device and not parser._subparsers:  # a command of several verbs adds it to those that compute
        add_device_option(parser, command.on_device)
    parser.set_defaults(run=module.run)


def add_device_option(parser: argparse.ArgumentParser, moved: str) -> None:
    """Add ``--device``; `_run` computes the whole command there. moved: what of it a device computes."""
    parser.add_argument(
        "--device",
        metavar="NAME",
        help=f"where to compute {moved}: cpu, cuda, cuda:1 …, or auto: a CUDA GPU where there is one (default: "
        "$DFE_DEVICE, else auto)",
    )


def _refuse_device(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """Say of a command without ``--device`` that it has no use for one."""
    command = next((word for word in argv if word in COMMANDS), None)
    if command is None or COMMANDS[command].on_device:
        return
    if any(word == "--device" or word.startswith("--device=") for word in argv):
        parser.error(
            f"--device: nothing of `dfe {command}` is computed on a device; "
            f"`dfe {'`, `dfe '.join(name for name in COMMANDS if COMMANDS[name].on_device)}` take it"
        )


def help_texts(description: str, examples: Sequence[str]) -> dict[str, Any]:
    """The description and the examples of a ``--help``, as arguments of a parser."""
    return {
        "description": textwrap.fill(description, 88),
        "allow_abbrev": False,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "epilog": "\n".join(["example:" if len(examples) == 1 else "examples:", *(f"  {line}" for line in examples)]),
    }


def seed(text: str) -> int:
    """The value of a ``--seed``: what every generator of random numbers takes."""
    return whole(text, 0, 2**32 - 1)


def port(text: str) -> int:
    """The value of a ``--port``."""
    return whole(text, 1, 65535)


def whole(text: str, low: int, high: int) -> int:
    """A whole number in a range. Raises `argparse.ArgumentTypeError` for anything else."""
    if not (text.isascii() and text.lstrip("-").isdigit() and len(text) < 25 and low <= int(text) <= high):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from {low:,} to {high:,}")
    return int(text)


def common_options() -> argparse.ArgumentParser:
    """Options that every command has; they may stand before or after the command's name."""
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument(
        "--progress", choices=("bar", "json", "none"), help="how to report progress on stderr (default: bar)"
    )
    return parser


def options_of(kind: type[_Record], args: argparse.Namespace, **more: Any) -> _Record:
    """A record of settings: the fields that have an argument of their name, and `more`."""
    held = vars(args)
    return kind(**{field.name: held[field.name] for field in fields(kind) if field.name in held} | more)


def _run(args: argparse.Namespace) -> int:
    """Run the command's module; one line on stderr for what it cannot do."""
    from dfe_core.audit import PERSON, Way, acting, acting_person
    from dfe_core.devices import on_device, started_rank

    from .progress_reporters import listener
    from .streams import Printable, discard_stdout, end_with_stdin, warning_lines

    debug = getattr(args, "debug", False)
    signal.signal(signal.SIGTERM, _as_interrupt)
    end_with_stdin()
    first = started_rank() == 0  # of several processes one speaks
    progress = listener(getattr(args, "progress", "bar") if first else "none")
    try:
        _require_one_process(args.command)
        plain = contextlib.redirect_stdout(Printable(sys.stdout) if first else io.StringIO())
        with contextlib.nullcontext() if debug else warning_lines(), progress, plain:
            if first:
                _recover()
            way = Way.DASHBOARD if os.environ.get(PERSON) else Way.COMMAND
            with on_device(getattr(args, "device", None)), acting(acting_person(), way), _logged(args):
                code = args.run(args, progress) or DONE
            sys.stdout.flush()
            if first:
                _warn_of_pose(args)
            return code
    except BrokenPipeError:  # the reader of our output went away (`dfe list | head -1`): nothing went wrong
        discard_stdout()
        return DONE
    except KeyboardInterrupt:
        return _fail("; ".join(["interrupted", *_CONTINUES.get(args.command, ())]), debug, INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last resort of the command line
        return _fail(f"error: {one_line(error, args.command)}", debug, REFUSED)


def _require_one_process(command: str) -> None:
    """Raise `DataError` where ``torchrun`` has started a command that only one process may run."""
    from dfe_core.devices import started_processes

    if (count := started_processes()) > 1 and command != "train":
        raise DataError("torchrun", f"{count} processes of `dfe {command}`", "`train`, or one process")


def _logged(args: argparse.Namespace) -> contextlib.AbstractContextManager[Any]:
    """A line in the audit log for what reads the data of people and gives something out."""
    from dfe_core.artefact_names import DATASETS, MODELS
    from dfe_core.audit import recorded

    if args.command not in _LOGGED:
        return contextlib.nullcontext()
    named = ((MODELS, getattr(args, "model", None)), (DATASETS, getattr(args, "dataset", None)))
    return recorded(args.command, [f"{kind}/{name}" for kind, name in named if name], whole=False)


def _recover() -> None:
    """Finish or roll back what a killed command left half way, before anything looks at the cache."""
    from dfe_core import trash
    from dfe_core.store import recover_all

    for label in recover_all():
        print(f"{label} is as it was before a change that was interrupted", file=sys.stderr)
    trash.recover_trash()


def _warn_of_pose(args: argparse.Namespace) -> None:
    """Say on stderr that the dataset of the command has a high pose leak, whatever the command showed of it."""
    if args.command not in _RESTS_ON_DATASET or not getattr(args, "dataset", None):
        return
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.expressions.pose_leak import stored_pose_leak
    from dfe_core.expressions.pose_text import pose_leak_warning

    if warning := pose_leak_warning(stored_pose_leak(Dataset.open(args.dataset).manifest)):
        print(f"warning: {args.dataset}: {warning}", file=sys.stderr)


def _as_interrupt(*_: object) -> None:
    """SIGTERM ends a command as Ctrl-C does, so that temporary files are removed."""
    raise KeyboardInterrupt


def one_line(error: Exception, command: str) -> str:
    """``<file or object>: <what was found>; expected <what>`` for any error that reaches the user."""
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"dfe {command}: out of memory; expected a smaller input or a machine with more memory"
    if _disk_is_full(error):
        return (
            f"dfe {command}: the disk is full; expected free space in {cache_root()} or where the result goes "
            "(`dfe rm --trash` lists what can be deleted for good, DFE_CACHE names another folder)"
        )
    if isinstance(error, OSError) and error.strerror:
        return (
            f"{error.filename or f'dfe {command}'}: {error.strerror.lower()}; "
            "expected a file or folder that can be read and written"
        )
    found = " ".join(f"{type(error).__name__}: {error}".split())
    return f"dfe {command}: {found}; expected no such failure: run it again with --debug and report what it prints"


def _disk_is_full(error: Exception) -> bool:
    """Also where a library below wraps the system's error in one of its own."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if not isinstance(seen, DataError) and os.strerror(errno.ENOSPC) in str(seen):  # safetensors, pyarrow, duckdb
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _fail(message: str, debug: bool, code: int) -> int:
    if debug:
        traceback.print_exc()
    from dfe_core.devices import started_processes, started_rank

    from .streams import printable

    of_several = f"process {started_rank()} of {started_processes()}: " if started_rank() else ""
    print(printable(of_several + message), file=sys.stderr)
    return code
