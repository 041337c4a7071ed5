import { beforeEach, expect, test, vi } from "vitest";
import { Camera } from "../src/shared/camera.js";
import { orbit } from "../src/shared/pointer.js";
import { point, press, setUpPage } from "./mounted.js";

/** @type {HTMLCanvasElement} */ let canvas;
/** @type {Camera} */ let camera;
const changed = vi.fn();

beforeEach(() => {
  setUpPage();
  changed.mockClear();
  canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  document.body.append(canvas);
  camera = new Camera(0, 0);
  orbit(canvas, camera, changed);
});

test("a drag turns the camera while the button is down", () => {
  point(canvas, "pointermove", [50, 50]);
  expect(changed).not.toHaveBeenCalled();
  point(canvas, "pointerdown", [50, 50]);
  point(canvas, "pointermove", [40, 60]);
  point(canvas, "pointerup", [40, 60]);
  point(canvas, "pointermove", [0, 0]);
  expect(changed).toHaveBeenCalledOnce();
  expect(camera.yaw).toBeCloseTo(0.09);
  expect(camera.pitch).toBeCloseTo(0.07);
});

test("the wheel belongs to the page until the view is clicked, unless Ctrl is held", () => {
  const turn = (ctrlKey = false) => {
    const event = Object.defineProperty(new WheelEvent("wheel", { deltaY: -100, cancelable: true }), "ctrlKey", { value: ctrlKey });
    canvas.dispatchEvent(event);
    return event.defaultPrevented;
  };
  expect(turn()).toBe(false);
  expect(camera.zoom).toBe(1);
  expect(turn(true)).toBe(true);
  canvas.focus();
  expect(turn()).toBe(true);
  expect(camera.zoom).toBeCloseTo(Math.exp(0.24));
});

test("keys turn, zoom and reset, and others are left to the page", () => {
  const above = vi.fn();
  document.body.addEventListener("keydown", above);
  for (const key of ["ArrowLeft", "ArrowDown", "+"]) press(canvas, key);
  expect([camera.yaw, camera.pitch, camera.zoom]).toEqual([0.12, 0.1, 1.12]);
  press(canvas, "0");
  expect(camera.moved).toBe(false);
  expect(above).not.toHaveBeenCalled();
  press(canvas, "x");
  expect(above).toHaveBeenCalledOnce();
});
