"use strict";
(() => {
  const search = document.getElementById("search");
  const input = search.querySelector("input");
  const contents = document.getElementById("contents");
  const entries = [...document.querySelectorAll("main article")].map((article) => ({
    article,
    link: contents.querySelector(`a[href="#${article.id}"]`).parentElement,
    words: article.textContent.toLowerCase(),
  }));

  const show = () => {
    const wanted = input.value.trim().toLowerCase().split(/\s+/);
    for (const { article, link, words } of entries) {
      article.hidden = link.hidden = !wanted.every((word) => words.includes(word));
    }
    for (const part of document.querySelectorAll("main > section:not([data-always]), nav > div")) {
      part.hidden = !part.querySelector("article:not([hidden]), li:not([hidden])");
    }
    document.getElementById("nothing").hidden = entries.some(({ article }) => !article.hidden);
  };

  // A link to something that the search has hidden ends the search.
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest("[hidden]")) {
      input.value = "";
      show();
    }
    if (target) target.scrollIntoView();
  };

  const narrow = matchMedia("(max-width: 60rem)");
  const fold = () => { contents.open = !narrow.matches; };

  search.hidden = false;
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = "";
      show();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    }
  });
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a")) fold();
  });
  narrow.addEventListener("change", fold);
  addEventListener("hashchange", reveal);
  fold();
  show();
  if (location.hash) reveal();
})();
