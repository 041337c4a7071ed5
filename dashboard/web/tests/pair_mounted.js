// A pack of two faces over four seconds, of which the second is not seen in the last two.

import { faceFacts } from "./golden.js";
import { packed } from "./mounted.js";

export * from "./mounted.js";

const SIZE = faceFacts.psi[0].length;

/** Four rows of ψ at rest. */
const still = () => Array.from({ length: 4 * SIZE }, () => 0);

export const bytes = () => packed(
  { rows: [{ label: "smile", onsets: [[1], [2]], answers: [[1, 2]] }, { label: "brow", onsets: [[], []], answers: [] }],
    speech: [[[0, 1]], [[1.2, 2]]] },
  { time: [[4], [0, 1, 2, 3]], levels: [[4, 4], [0, 127, 254, 254, 0, 0, 255, 255, ...Array.from({ length: 8 }, () => 0)]],
    psi0: [[4, SIZE], still()], psi1: [[4, SIZE], still()], scale0: [[SIZE], Array.from({ length: SIZE }, () => 1)],
    scale1: [[SIZE], Array.from({ length: SIZE }, () => 1)], known0: [[4], [1, 1, 1, 1]], known1: [[4], [1, 1, 0, 0]] });
