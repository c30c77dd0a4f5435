// Runs before the first paint, so that a chosen theme does not flash. A classic script: modules run later.
'use strict';
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem('burgee.theme');
  } catch {
    // Storage is not allowed here; the system's theme holds.
  }
  if (chosen === 'dark' || chosen === 'light') document.documentElement.dataset.theme = chosen;
})();
