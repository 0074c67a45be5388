/* On a narrow screen the row of pages scrolls sideways: show the part with the current one. */

const row = document.querySelector(".tabs");
const current = row?.querySelector("[aria-current]");
if (current) row.scrollLeft = current.offsetLeft - (row.clientWidth - current.offsetWidth) / 2;
