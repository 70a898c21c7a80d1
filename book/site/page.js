// What every page has: the choice of colours, the contents on narrow screens, search, turning pages.
'use strict';

const byId = (id) => document.getElementById(id);

// Listings that are wider than their box scroll in it, so the keyboard has to get there.
function makeScrollable() {
  for (const box of document.querySelectorAll('pre, .table-wrapper, .protocols, figure.ladder')) {
    const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
    if (!scrolls) {
      box.removeAttribute('tabindex');
      continue;
    }
    box.tabIndex = 0;
    box.setAttribute('role', 'group');
    box.setAttribute('aria-label', {PRE: 'Listing', FIGURE: 'Sequence diagram'}[box.tagName] || 'Table');
  }
}
addEventListener('resize', makeScrollable);
makeScrollable();

function isTyping(event) {
  return (
    event.ctrlKey ||
    event.altKey ||
    event.metaKey ||
    event.defaultPrevented ||
    event.target.closest?.('input, textarea, select, [tabindex="0"]')
  );
}

// --- Colours.

if (byId('theme')) {
  byId('theme').value = theme.get();
  byId('theme').addEventListener('change', (event) => theme.set(event.target.value));
}

// --- Contents. On wide screens they are always there.

const contents = byId('contents');

function showContents(shown) {
  contents.classList.toggle('open', shown);
  byId('contents-button').setAttribute('aria-expanded', String(shown));
}

if (contents) {
  byId('contents-button').addEventListener('click', () => showContents(!contents.classList.contains('open')));
  contents.querySelector('[aria-current]')?.scrollIntoView({block: 'nearest'});
}

// --- Search. The index is a script, loaded when it is first needed: a page from a disk may not fetch.

let index; // a promise of the sections: {page, title, url, text}

function loadIndex() {
  index ||= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = `${document.body.dataset.root}search.js`;
    script.onload = () => resolve(window.searchSections);
    script.onerror = () => reject(new Error('the search index is missing'));
    document.head.append(script);
  });
  return index;
}

const words = (text) => text.toLowerCase().match(/[\p{L}\p{N}_§.+-]+/gu) || [];

// How well a section answers; 0 where one of the words is missing. Titles count most.
function score(section, wanted) {
  let total = 0;
  for (const word of wanted) {
    const inTitle = section.title.toLowerCase().includes(word);
    const times = section.lower.split(word).length - 1;
    if (!inTitle && times === 0) return 0;
    total += (inTitle ? 20 : 0) + Math.min(times, 10);
  }
  return total;
}

function find(sections, query) {
  const wanted = words(query);
  if (wanted.length === 0) return [];
  for (const section of sections) section.lower ||= section.text.toLowerCase();
  return sections
    .map((section) => ({section, score: score(section, wanted)}))
    .filter((found) => found.score > 0)
    .sort((a, b) => b.score - a.score)
    .map((found) => found.section);
}

// Some words around the first hit, with the hits marked.
function excerpt(section, wanted) {
  const places = wanted.map((word) => section.lower.indexOf(word)).filter((at) => at >= 0);
  const hit = Math.min(...places, section.text.length);
  const from = hit < 60 ? 0 : section.text.indexOf(' ', hit - 60) + 1;
  const piece = (from > 0 ? '… ' : '') + section.text.slice(from, from + 200).replace(/ \S*$/, ' …');
  const pattern = new RegExp(
    wanted.map((word) => word.replace(/[.+*?^$()[\]{}|\\]/g, '\\$&')).join('|'),
    'gi',
  );
  const shown = document.createElement('p');
  let last = 0;
  for (const hit of piece.matchAll(pattern)) {
    const mark = document.createElement('mark');
    mark.textContent = hit[0];
    shown.append(piece.slice(last, hit.index), mark);
    last = hit.index + hit[0].length;
  }
  shown.append(piece.slice(last));
  return shown;
}

const results = byId('results');
const MOST = 30;

async function search(query) {
  const list = results.querySelector('ol');
  const status = results.querySelector('[role=status]');
  results.hidden = !query.trim();
  if (results.hidden) return;
  const found = find(await loadIndex(), query);
  status.textContent = `${found.length} ${found.length === 1 ? 'section' : 'sections'} for “${query.trim()}”`;
  list.replaceChildren(
    ...found.slice(0, MOST).map((section) => {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = document.body.dataset.root + section.url;
      link.textContent = section.title === section.page ? section.title : `${section.page}: ${section.title}`;
      item.append(link, excerpt(section, words(query)));
      return item;
    }),
  );
}

function step(forward) {
  const links = [byId('query'), ...results.querySelectorAll('a')];
  const next = links[links.indexOf(document.activeElement) + (forward ? 1 : -1)];
  next?.focus();
}

if (results) {
  byId('query').addEventListener('input', (event) => search(event.target.value));
  byId('search').addEventListener('submit', (event) => {
    event.preventDefault();
    results.querySelector('a')?.click();
  });
  results.addEventListener('click', (event) => {
    if (event.target.closest('a')) results.hidden = true;
  });
  for (const part of [byId('query'), results]) {
    part.addEventListener('keydown', (event) => {
      if (results.hidden || !['ArrowDown', 'ArrowUp'].includes(event.key)) return;
      step(event.key === 'ArrowDown');
      event.preventDefault();
    });
  }
}

// --- Keys: / searches, Escape closes, the arrows turn pages.

addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && results) {
    if (!results.hidden) byId('query').focus();
    results.hidden = true;
    showContents(false);
    return;
  }
  if (isTyping(event)) return;
  if (event.key === '/' && byId('query')) {
    byId('query').focus();
    event.preventDefault();
  }
  const turn = {ArrowLeft: 'prev', ArrowRight: 'next'}[event.key];
  if (turn && !event.shiftKey) document.querySelector(`a[rel=${turn}]`)?.click();
});
