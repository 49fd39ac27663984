// SPDX-License-Identifier: Apache-2.0
// Fetches the page again each second and replaces its parts, so that forms keep their contents.
'use strict';

(() => {
  const PAUSE = 1000;
  const root = document.documentElement;

  async function fetchPage() {
    const token = sessionStorage.getItem('token');
    const headers = token ? {Authorization: 'Bearer ' + token} : {};
    const answer = await fetch(location.pathname + location.search, {headers, cache: 'no-store'});
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    return new DOMParser().parseFromString(await answer.text(), 'text/html');
  }

  function replace(next) {
    if (document.querySelector('#token')) { // The token was given: this is the first whole page.
      document.title = next.title;
      document.body.replaceWith(document.importNode(next.body, true));
      return;
    }
    for (const part of next.querySelectorAll('[data-live]')) {
      const old = document.getElementById(part.id);
      if (old && old.innerHTML !== part.innerHTML) {
        old.replaceWith(document.importNode(part, true));
      }
    }
  }

  async function refresh() {
    if (document.querySelector('#token') && !sessionStorage.getItem('token')) {
      return;
    }
    try {
      replace(await fetchPage());
      delete root.dataset.offline;
    } catch (error) {
      root.dataset.offline = error.message;
      if (error.message === '401') {
        sessionStorage.removeItem('token');
      }
      document.querySelector('#offline').textContent =
        error.message === '401' ? 'The token was refused.' : 'This gateway does not answer.';
    }
  }

  document.addEventListener('submit', event => {
    event.preventDefault();
    if (event.target.id === 'token') {
      sessionStorage.setItem('token', document.querySelector('#secret').value);
    } else {
      const query = new URLSearchParams(location.search);
      for (const [name, value] of new FormData(event.target)) {
        query.set(name, value);
      }
      history.replaceState(null, '', '?' + query);
    }
    refresh();
  });

  async function run() {
    if (!document.hidden) {
      await refresh();
    }
    setTimeout(run, PAUSE);
  }

  root.dataset.script = '';
  run();
})();
