// Runs in stpyvista's frame beside vtk.js's viewer: the scene's camera stands in the link like that of every view.
(() => {
  const NAME = "scene", PARTS = ["position", "focalPoint", "viewUp"], EVERY = 120;
  const viewer = () => (window.global ?? window).renderWindow;
  const values = (camera) => PARTS.flatMap((part) => [...camera.get(part)[part]]);
  const alike = (a, b) => a.every((v, i) => Math.abs(v - b[i]) < 5e-3);

  function follow(renderer) {
    const camera = renderer.getActiveCamera(), home = values(camera), { recall, remember } = window.parent.__dfe;
    const found = (recall(NAME) ?? []).map(Number);
    if (found.length === home.length && found.every(Number.isFinite)) {
      camera.set(Object.fromEntries(PARTS.map((part, i) => [part, found.slice(3 * i, 3 * i + 3)])));
      renderer.resetCameraClippingRange();
      renderer.updateLightsGeometryToFollowCamera();
      viewer().render();
    }
    camera.onModified(() => {
      const now = values(camera);
      remember(NAME, alike(now, home) ? null : now);
    });
  }

  const waiting = setInterval(() => { // the viewer unpacks its scene in its own time
    const renderer = viewer()?.getRenderers().find((one) => one.getActors().length);
    if (!renderer || !window.parent.__dfe?.recall) return;
    clearInterval(waiting);
    follow(renderer);
  }, EVERY);
})();
