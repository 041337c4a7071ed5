import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PATIENCE, Question, REPEATS } from "../src/shared/question.js";

const DELAY = 160;
/** @type {import("vitest").Mock<(id: number) => void>} */ let send;
/** @type {import("vitest").Mock<(id: number) => void>} */ let show;
/** @type {Question} */ let question;

beforeEach(() => {
  vi.useFakeTimers();
  send = vi.fn();
  show = vi.fn();
  question = new Question(send, show);
  question.answered(1);
});
afterEach(() => vi.useRealTimers());

const sent = () => send.mock.calls.map(([id]) => id);

test("a click is sent after the glide and not again once it is answered", () => {
  question.ask(2, 1, DELAY);
  vi.advanceTimersByTime(DELAY - 1);
  expect(sent()).toEqual([]);
  vi.advanceTimersByTime(1);
  question.answered(2);
  vi.advanceTimersByTime(10 * PATIENCE);
  expect(sent()).toEqual([2]);
  expect(show).toHaveBeenLastCalledWith(2);
});

test("walking fast sends only where the walk ends", () => {
  for (const id of [2, 3, 4]) { question.ask(id, 1, DELAY); vi.advanceTimersByTime(DELAY / 2); }
  vi.advanceTimersByTime(DELAY);
  expect(sent()).toEqual([4]);
});

test("one question at a time: what is wanted meanwhile is sent after the answer", () => {
  question.ask(2, 1, DELAY);
  vi.advanceTimersByTime(DELAY);
  question.ask(3, 1, DELAY);
  question.ask(5, 1, DELAY);
  vi.advanceTimersByTime(1000);
  expect(sent()).toEqual([2]);
  show.mockClear();
  question.answered(2);
  vi.advanceTimersByTime(1);
  expect(sent()).toEqual([2, 5]);
  expect(show).not.toHaveBeenCalled(); // 5 is shown already
  question.answered(5);
  expect(show).toHaveBeenCalledExactlyOnceWith(5);
});

test("back where the server is, nothing is sent", () => {
  question.ask(2, 1, DELAY);
  question.ask(1, 1, DELAY);
  vi.advanceTimersByTime(1000);
  expect(sent()).toEqual([]);
});

test("what is not answered is sent again, a few times, and then the server's codeword is shown", () => {
  question.ask(2, 1, DELAY);
  vi.advanceTimersByTime(DELAY + (REPEATS + 2) * (PATIENCE + 1));
  expect(sent()).toEqual(Array(REPEATS + 1).fill(2));
  expect(show).toHaveBeenLastCalledWith(1);
});

test("an answer to something else is heard: the question is not put again", () => {
  question.ask(2, 1, DELAY);
  vi.advanceTimersByTime(DELAY);
  question.answered(7); // the page has moved on
  vi.advanceTimersByTime(PATIENCE + 1);
  expect(sent()).toEqual([2]);
  expect(show).toHaveBeenLastCalledWith(7);
});

test("a click that needs no answer is sent once, the last of several", () => {
  question.tell(4, DELAY);
  question.tell(5, DELAY);
  vi.advanceTimersByTime(10 * PATIENCE);
  expect(sent()).toEqual([5]);
});

test("nothing is sent after the view is closed", () => {
  question.ask(2, 1, DELAY);
  question.close();
  vi.advanceTimersByTime(10 * PATIENCE);
  expect(sent()).toEqual([]);
});

test("when the page is left, what waits is sent at once and nothing is asked again", () => {
  question.ask(2, 1, DELAY);
  question.flush();
  expect(sent()).toEqual([2]);
  vi.advanceTimersByTime(10 * PATIENCE);
  expect(sent()).toEqual([2]);
  question.flush();
  expect(sent()).toEqual([2]);
});
