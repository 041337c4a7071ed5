// A click on a codeword shows its face in the other views of the page before the server answers.

/** @typedef {{ codeword: number, model: string }} Clicked */

/** @param {Clicked} detail */
export const announce = (detail) => window.dispatchEvent(new CustomEvent("dfe:codeword", { detail }));

/** @param {(clicked: Clicked) => void} shown @returns {() => void} ends it */
export function onClicked(shown) {
  const listener = (/** @type {Event} */ event) => shown(/** @type {CustomEvent<Clicked>} */ (event).detail);
  window.addEventListener("dfe:codeword", listener);
  return () => window.removeEventListener("dfe:codeword", listener);
}
