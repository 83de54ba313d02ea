// Before anything is drawn: the theme and the width of the navigation that the viewer chose.
'use strict';

(() => {
  const root = document.documentElement;
  const theme = localStorage.getItem('theme');
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  if (localStorage.getItem('nav') === 'icons') root.dataset.nav = 'icons';
})();
