// Rows of what moves in two faces over time: the first above the middle line of each row, the second below it, and lines
// from an onset of the one to the onset of the other that answers it; a row of who speaks; seconds below.

import { blankCanvas } from "./dom.js";
import { clamp } from "./maths.js";
import { tickStep, tickText } from "./strips.js";

export const GUTTER = 148, ROW = 34, SPEECH = 26; // CSS pixels
const FOOT = 18, APART = 4, UNKNOWN = 255, STEPS = 254;

/** @typedef {ReturnType<typeof import("./dom.js").theme>} Theme */
/** @typedef {[from: number, until: number]} Span s */
/**
 * What moves in both. `onsets`: s, of each face; `answers`: onsets of the one and the other that answers it.
 * @typedef {{ label: string, onsets: [number[], number[]], answers: [number, number][] }} Row
 */
/**
 * @typedef {{ time: Float32Array, rows: Row[], levels: Uint8Array | Float32Array, speech: [Span[], Span[]] | null,
 *   colours: [string, string] }} Pair `levels`: (2 rows, times) of the first and the second of each row
 */

/** How high the rows are together. @param {Pair} pair */
export const highOf = ({ rows, speech }) => rows.length * ROW + (speech ? SPEECH : 0) + FOOT;

/** The share of its largest value, 0 to 1; NaN where it is unknown. @param {Pair} pair @param {number} row @param {number} which
 * @param {number} at */
export function levelOf({ levels, time }, row, which, at) {
  const step = levels[(2 * row + which) * time.length + at];
  return step === UNKNOWN ? NaN : step / STEPS;
}

/** Where a time is drawn. @param {import("./stretch.js").Stretch} stretch @param {number} width */
export const scaleOf = (stretch, width) => (/** @type {number} */ t) =>
  GUTTER + ((t - stretch.from) / stretch.length) * (width - GUTTER - 2);

/**
 * Draw all rows and the play head.
 * @param {HTMLCanvasElement} canvas @param {Pair} pair @param {import("./stretch.js").Stretch} stretch @param {number} now s
 * @param {Theme} colours
 */
export function drawPair(canvas, pair, stretch, now, colours) {
  const { context, width, height } = blankCanvas(canvas), x = scaleOf(stretch, width);
  context.font = `12px ${colours.font}`;
  context.textBaseline = "middle";
  pair.rows.forEach((row, i) => {
    ground(context, row.label, i * ROW, ROW - APART, width, colours);
    drawLevels(context, pair, i, stretch, x);
    drawAnswers(context, row, i * ROW, stretch, x, colours);
  });
  const below = pair.rows.length * ROW;
  if (pair.speech) {
    ground(context, "Speech", below, SPEECH - APART, width, colours);
    pair.speech.forEach((spans, which) => drawSpans(context, spans, pair.colours[which], below + which * (SPEECH - APART) / 2,
      (SPEECH - APART) / 2, stretch, x));
  }
  drawSeconds(context, stretch, x, width, height, colours);
  context.fillStyle = colours.primary;
  context.fillRect(x(now) - 1, 0, 2, height - FOOT + 2);
}

/** @param {CanvasRenderingContext2D} context @param {string} label @param {number} top @param {number} high
 * @param {number} width @param {Theme} colours */
function ground(context, label, top, high, width, colours) {
  let shown = label;
  while (shown.length > 3 && context.measureText(shown).width > GUTTER - 8) shown = shown.slice(0, -1);
  context.fillStyle = colours.text;
  context.textAlign = "left";
  context.fillText(shown === label ? label : `${shown.trimEnd()}…`, 0, top + high / 2);
  context.fillStyle = colours.ground;
  context.fillRect(GUTTER, top, width - GUTTER - 2, high);
}

/** The first upwards from the middle line, the second downwards, through the largest value of each pixel.
 * @param {CanvasRenderingContext2D} context @param {Pair} pair @param {number} row
 * @param {import("./stretch.js").Stretch} stretch @param {(t: number) => number} x */
function drawLevels(context, pair, row, stretch, x) {
  const { time } = pair, middle = row * ROW + (ROW - APART) / 2, high = (ROW - APART) / 2 - 1;
  const [first, last] = rowsIn(time, stretch), pixels = x(stretch.until) - GUTTER, step = Math.max(1, Math.floor((last - first) / pixels));
  for (const which of [0, 1]) {
    context.fillStyle = pair.colours[which];
    for (let at = first; at <= last; at += step) {
      let most = 0;
      for (let i = at; i < Math.min(at + step, last + 1); i++) most = Math.max(most, levelOf(pair, row, which, i) || 0);
      if (!most) continue;
      const left = Math.max(GUTTER, x(time[at])), next = Math.min(at + step, time.length - 1), deep = most * high;
      context.fillRect(left, which ? middle : middle - deep, Math.max(0.5, x(time[next]) - left + 0.25), deep);
    }
  }
}

/** A line from each onset to the one that answers it. @param {CanvasRenderingContext2D} context @param {Row} row
 * @param {number} top @param {import("./stretch.js").Stretch} stretch @param {(t: number) => number} x @param {Theme} colours */
function drawAnswers(context, row, top, stretch, x, colours) {
  const high = ROW - APART;
  context.strokeStyle = colours.text;
  context.lineWidth = 1;
  context.globalAlpha = 0.5;
  for (const [from, until] of row.answers) {
    if (until < stretch.from || from > stretch.until) continue;
    context.beginPath();
    context.moveTo(clamp(x(from), GUTTER, 1e5), top + 2);
    context.lineTo(clamp(x(until), GUTTER, 1e5), top + high - 2);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} context @param {Span[]} spans @param {string} colour @param {number} top @param {number} high
 * @param {import("./stretch.js").Stretch} stretch @param {(t: number) => number} x */
function drawSpans(context, spans, colour, top, high, stretch, x) {
  context.fillStyle = colour;
  for (const [from, until] of spans) {
    if (until < stretch.from || from > stretch.until) continue;
    const left = Math.max(GUTTER, x(from));
    context.fillRect(left, top + 1, Math.max(1, x(Math.min(until, stretch.until)) - left), high - 2);
  }
}

/** @param {CanvasRenderingContext2D} context @param {import("./stretch.js").Stretch} stretch @param {(t: number) => number} x
 * @param {number} width @param {number} height @param {Theme} colours */
function drawSeconds(context, stretch, x, width, height, colours) {
  const { from, until, length } = stretch, step = tickStep(length);
  context.textAlign = "center";
  for (let t = Math.ceil(from / step) * step; t <= until; t += step) {
    context.fillStyle = colours.border;
    context.fillRect(x(t), 0, 1, height - FOOT);
    context.fillStyle = colours.text;
    context.fillText(tickText(t, step, length), clamp(x(t), GUTTER + 12, width - 18), height - 8);
  }
  context.textAlign = "left";
}

/** First and last row of times that are shown. @param {Float32Array} time @param {import("./stretch.js").Stretch} stretch
 * @returns {[number, number]} */
function rowsIn(time, { from, until }) {
  const step = time.length > 1 ? (time[time.length - 1] - time[0]) / (time.length - 1) : 1;
  const at = (/** @type {number} */ t) => clamp(Math.round((t - time[0]) / step), 0, time.length - 1);
  return [at(from), at(until)];
}
