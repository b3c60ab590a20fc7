"""The script of a page with charts: plotly, compressed, and what draws the charts, selects trials and sorts tables."""

from __future__ import annotations

import base64
import gzip
from functools import cache

from search.views.charts.html import plotly_source

_PAGE = """
const charts = (async () => {
  const packed = document.getElementById("plotly").textContent;
  const bytes = Uint8Array.from(atob(packed), character => character.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(plain).text();
  document.head.append(script);
  if (document.readyState === "loading") await new Promise(go => addEventListener("DOMContentLoaded", go));
  for (const data of document.querySelectorAll("script[data-chart]")) {
    const chart = document.getElementById(data.dataset.chart), figure = JSON.parse(data.textContent);
    await Plotly.newPlot(chart, figure.data, figure.layout, {responsive: true, displaylogo: false});
    chart.dataset.traces = figure.data.length;
    chart.on("plotly_click", event => select(event.points[0].customdata));
  }
  document.body.dataset.drawn = "yes";
})();
let selected = null;
async function select(trial) {
  if (trial === undefined || trial < 0) return;
  selected = trial === selected ? null : trial;
  for (const row of document.querySelectorAll("tr[data-trial]"))
    row.classList.toggle("selected", Number(row.dataset.trial) === selected);
  await charts;
  for (const chart of document.querySelectorAll("div.chart")) {
    const count = Number(chart.dataset.traces), over = chart.data.slice(count).map((_, index) => count + index);
    if (over.length) await Plotly.deleteTraces(chart, over);
    if (selected !== null) await Plotly.addTraces(chart, chart.data.slice(0, count).flatMap(outline));
  }
}
function outline(trace) {
  const kept = (trace.customdata || []).flatMap((trial, index) => trial === selected ? [index] : []);
  if (!kept.length) return [];
  return [{x: kept.map(index => trace.x[index]), y: kept.map(index => trace.y[index]), mode: trace.mode,
    xaxis: trace.xaxis, yaxis: trace.yaxis, hoverinfo: "skip", showlegend: false,
    line: {...trace.line, color: "#e6007e", width: 3.5}, marker: {...trace.marker, color: "#e6007e", size: 11}}];
}
document.addEventListener("click", event => {
  const head = event.target.closest("table.sortable th"), row = event.target.closest("tr[data-trial]");
  if (head) sort(head);
  else if (row) select(Number(row.dataset.trial));
});
document.addEventListener("keydown", event => {
  if (event.key === "Enter" && event.target.matches("table.sortable th, tr[data-trial]")) event.target.click();
});
function sort(head) {
  const body = head.closest("table").tBodies[0], at = head.cellIndex;
  const up = head.getAttribute("aria-sort") !== "ascending";
  const value = row => {
    const text = row.cells[at].textContent, number = parseFloat(text);
    return isNaN(number) ? text : number;
  };
  const rank = (a, b) => typeof a !== typeof b ? (typeof a === "number" ? -1 : 1) : (a > b) - (a < b);
  const rows = [...body.rows].sort((one, other) => (up ? 1 : -1) * rank(value(one), value(other)));
  body.append(...rows);
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
}
"""


@cache
def script() -> str:
    """What a page with charts needs once. Plotly's 5 MB are compressed to 2 MB, so that the page needs no network.

    Each browser of 2023 and later has the `DecompressionStream` that unpacks them.
    """
    packed = base64.b64encode(gzip.compress(plotly_source().encode(), 9, mtime=0)).decode()
    return f"<script type='text/plain' id='plotly'>{packed}</script><script>{_PAGE}</script>"
