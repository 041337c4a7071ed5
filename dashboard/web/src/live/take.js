// A take: what the camera's frames gave, as CSV files that `dfe import` reads, and the tokens as they were shown.

/** @typedef {{ time: number, values: Float32Array | null, pose: number[] | null, tokens: Int32Array | null,
 *   steps: Int32Array | null }} Row `time`: s of the take; `values`: in the order of the take's names, null without a face */

const POSE = ["HeadPitch", "HeadYaw", "HeadRoll"];

/** A float32 in the fewest digits that bring it back. @param {number} value */
const digits = (value) => String(Number(value.toPrecision(9)));

export class Take {
  /** @param {string[]} names ARKit's, tongueOut last, which MediaPipe has not @param {number} step base step of intensities */
  constructor(names, step) {
    this.names = names.slice(0, -1);
    this.step = step;
    /** @type {Row[]} */ this.rows = [];
    this.began = new Date();
  }

  /** @param {Row} row */
  add(row) { this.rows.push(row); }

  /** What a file of this take is called, without its ending. */
  get name() { return `take-${this.began.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-")}`; }

  /** The scores, in the columns of MediaPipe's: nothing is taken off. */
  scores() {
    const head = ["frame", "time_s", "_neutral", ...this.names, ...POSE];
    return csv(head, this.rows.map(({ time, values, pose }, i) => [String(i), time.toFixed(6),
      ...(values ? ["0", ...[...values.subarray(0, this.names.length)].map(digits)] : Array(this.names.length + 1).fill("")),
      ...(values && pose ? pose.map(digits) : ["", "", ""])]));
  }

  /** The tokens, a row each. */
  tokens() {
    return csv(["frame", "time_s", "stage", "codeword", "intensity"], this.rows.flatMap(({ time, tokens, steps }, i) =>
      [...(tokens ?? [])].flatMap((k, stage) => (k && steps
        ? [[String(i), time.toFixed(6), String(stage), String(k), digits(steps[stage] * this.step)]] : []))));
  }
}

/** @param {string[]} head @param {string[][]} rows */
const csv = (head, rows) => `${[head, ...rows].map((row) => row.join(",")).join("\n")}\n`;

/** Hand a text over as a file. @param {string} text @param {string} name */
export function download(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
