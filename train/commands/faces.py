"""`dfe faces add`: a face model of the user's own, converted once and kept."""

from __future__ import annotations

import argparse

from dfe_core.progress import Listener

from ..tables import facts

DESCRIPTION = (
    "Convert a face model that its makers license to you (FLAME, BFM, or ICT-FaceKit) and keep it in the "
    "cache under an id that --face takes. FLAME's official release is a pickle: its arrays are taken out "
    "without running it."
)
EXAMPLES = (
    "dfe faces add flame generic_model.pkl",
    "dfe faces add bfm BFM_model_front.mat",
    "dfe faces add ict FaceXModel/",
)

_ADD = "Convert a model once; the same file gives the same id."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ..cli import common_options, help_texts

    actions = parser.add_subparsers(dest="action", metavar="add", required=True)
    adding = actions.add_parser(
        "add", help="convert a model of your own", parents=[common_options()], **help_texts(_ADD, EXAMPLES)
    )
    adding.add_argument("kind", choices=("flame", "bfm", "ict"), help="whose model it is")
    adding.add_argument(
        "path",
        metavar="PATH",
        help="flame: the official .pkl, or an npz of its arrays; bfm: "
        "BFM_model_front.mat of Deep3DFaceRecon; ict: the folder "
        "FaceXModel, or a compact npz",
    )


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.faces import open_face

    face = open_face(f"{args.kind}:{args.path}", progress=progress)
    print(
        facts(
            [
                ("face", face.id),
                ("title", face.title),
                ("vertices", len(face.template)),
                ("coefficients", face.coefficients),
                ("licence", face.licence),
            ]
        )
        + "".join(f"\nnote: {note}" for note in face.notes)
        + f"\n\nnext: dfe import RECORDINGS --name NAME --face {face.id}"
    )
