// Going to another page. Streamlit shows an empty page where a click of the page before reaches the server after the
// wish to leave: what is still to be sent goes out first, and the page that is left takes no more clicks.

const LINKS = 'a[data-testid="stSidebarNavLink"], a[data-testid="stPageLink-NavLink"]', MAIN = '[data-testid="stMain"]';
const LEAVING = "dfe-leaving";
/** ms after which a page that is still there takes clicks again. */
export const LONGEST = 8000;

/** The link to another page that is clicked here, to be followed in this window; null where it is none.
 * @param {MouseEvent} event @returns {HTMLAnchorElement | null} */
function followed(event) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return null;
  const link = /** @type {Element} */ (event.composedPath()[0]).closest?.(LINKS);
  return link instanceof HTMLAnchorElement && new URL(link.href, location.href).pathname !== location.pathname ? link : null;
}

/** Close the page to clicks until the next one is there. @param {number} [until] ms of `performance.now` */
function closed(until = performance.now() + LONGEST) {
  const main = /** @type {HTMLElement | null} */ (document.querySelector(MAIN)), { pathname } = location;
  if (!main) return;
  main.inert = true;
  const look = () => {
    if (location.pathname === pathname && performance.now() < until) window.setTimeout(look, 30);
    else main.inert = false;
  };
  look();
}

/** Watch for links to other pages that are clicked. @param {AbortSignal} signal ends it */
export function watchLinks(signal) {
  /** @type {HTMLAnchorElement | null} */ let free = null;
  window.addEventListener("click", (event) => {
    const link = followed(event);
    if (!link || link === free) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    window.dispatchEvent(new Event(LEAVING));
    window.setTimeout(() => { // Streamlit sends what the page has said in a task of its own: the link comes after it
      free = link;
      closed();
      link.click();
      free = null;
    });
  }, { signal, capture: true });
}

/** Before another page is asked for. @param {() => void} what @param {AbortSignal} signal ends it */
export const beforeLeaving = (what, signal) => window.addEventListener(LEAVING, what, { signal });
