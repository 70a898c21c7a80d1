// Runs before the page is drawn: the reader's choice of colours, so that nothing flashes.
'use strict';

document.documentElement.classList.add('js');

const theme = {
  // '' follows the system.
  get() {
    try {
      return localStorage.getItem('theme') || '';
    } catch {
      return ''; // storage is switched off
    }
  },
  set(value) {
    try {
      localStorage.setItem('theme', value);
    } catch {
      // then it holds for this page
    }
    this.show(value);
  },
  show(value) {
    if (value) document.documentElement.dataset.theme = value;
    else delete document.documentElement.dataset.theme;
  },
};

theme.show(theme.get());
