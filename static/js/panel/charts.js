/**
 * Charts from tables: a `data-chart` figure holds a JSON block with columns and rows, and
 * says which column is drawn how. The table beneath is the same for those who do not see
 * the drawing, and what the CSV holds.
 */

import { BasicPlatform, Chart } from "../../vendor/chart.js";

const COLOURS = ["--accent-fill", "--second", "--first", "--warn", "--ink-soft"];

function token(name) {
  // A canvas knows no light-dark(); a computed colour is resolved.
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function translucent(colour, opacity) {
  return colour.replace(/^rgb\(([^)]+)\)$/, `rgba($1, ${opacity})`); // with commas, as programs for drawings read it
}

function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function csv(columns, rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
}

class Figure {
  #figure;
  #data;
  #chart = null;

  constructor(figure) {
    this.#figure = figure;
    this.#data = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
    figure.querySelector("[data-chart-csv]").addEventListener("click", () => {
      save(`${this.#data.id}.csv`, new Blob([csv(this.#data.columns, this.#data.rows)], { type: "text/csv" }));
    });
    figure.querySelector("[data-chart-png]").addEventListener("click", () => {
      figure.querySelector("canvas").toBlob((blob) => save(`${this.#data.id}.png`, blob));
    });
    figure.querySelector("[data-chart-svg]").addEventListener("click", async () => {
      save(`${this.#data.id}.svg`, new Blob([await this.#svg()], { type: "image/svg+xml" }));
    });
    figure.addEventListener("rows", (event) => this.#replace(event.detail));
    this.draw();
  }

  draw() {
    this.#chart?.destroy();
    this.#chart = new Chart(this.#figure.querySelector("canvas"), this.#configuration());
  }

  /** The same drawing, by the same library, on a canvas that writes down what is drawn. */
  async #svg() {
    const { Context } = await import("../../vendor/svgcanvas.js");
    const { clientWidth: width, clientHeight: height } = this.#figure.querySelector("canvas");
    const context = new Context({ width, height, document });
    const canvas = { width, height, style: {}, getContext: () => context };
    Object.defineProperty(context, "canvas", { value: canvas });
    const { type, data, options } = this.#configuration();
    // With `segment` Chart.js draws a line itself instead of handing over a Path2D, which no SVG can take apart.
    const datasets = data.datasets.map((one) => ({ ...one, segment: {} }));
    const chart = new Chart(canvas, {
      type, data: { ...data, datasets }, platform: BasicPlatform,
      options: { ...options, responsive: false, events: [], devicePixelRatio: 1 },
    });
    chart.draw();
    const svg = context.getSerializedSvg();
    chart.destroy();
    return svg;
  }

  #replace(rows) {
    this.#data.rows = rows;
    const body = this.#figure.querySelector("[data-chart-rows]");
    body.replaceChildren(...rows.map((row) => {
      const line = document.createElement("tr");
      line.append(...row.map((value, index) => {
        const cell = document.createElement("td");
        if (index) cell.className = "number";
        cell.textContent = value === null ? "–" : typeof value === "number" ? Number(value.toPrecision(4)) : value;
        return cell;
      }));
      return line;
    }));
    const { data } = this.#configuration();
    this.#chart.data.labels = data.labels;
    data.datasets.forEach((one, index) => { this.#chart.data.datasets[index].data = one.data; });
    this.#chart.update("none");
  }

  #configuration() {
    const { type, columns, rows, series, x = 0, y = {}, y2, x_title: xTitle, diagonal, limits } = this.#data;
    const [ink, soft, line] = ["--ink", "--ink-soft", "--line"].map(token);
    const font = { family: getComputedStyle(document.body).fontFamily, size: 12 };
    const numeric = type === "scatter";
    const datasets = series.map((one, index) => {
      const colour = token(one.colour ?? COLOURS[index % COLOURS.length]);
      return {
        label: one.label ?? columns[one.column],
        type: one.type ?? (numeric ? "scatter" : type),
        data: rows.map((row) => (numeric ? { x: row[x], y: row[one.column] } : row[one.column])),
        borderColor: colour,
        backgroundColor: type === "bar" && one.type !== "line" ? translucent(colour, 0.85) : translucent(colour, numeric ? 0.55 : 0.15),
        borderWidth: type === "bar" && one.type !== "line" ? 0 : 2,
        borderRadius: 3,
        borderDash: one.dashed ? [5, 4] : undefined,
        pointRadius: numeric ? 4 : rows.length > 40 ? 0 : 2.5,
        pointHoverRadius: 5,
        tension: 0,
        spanGaps: true,
        yAxisID: one.axis ?? "y",
      };
    });
    if (diagonal) {
      datasets.push({
        label: diagonal.label, type: "line", data: [{ x: diagonal.from, y: diagonal.from }, { x: diagonal.to, y: diagonal.to }],
        borderColor: soft, borderWidth: 1, borderDash: [4, 4], pointRadius: 0, pointHitRadius: 0,
      });
    }
    const scale = (title, bounds, extra = {}) => ({
      title: { display: Boolean(title), text: title, color: soft, font },
      ticks: { color: soft, font, ...(bounds?.percent ? { callback: (value) => `${Math.round(100 * value)} %` } : {}) },
      grid: { color: line },
      border: { color: line },
      min: bounds?.min, max: bounds?.max, beginAtZero: bounds?.zero ?? type === "bar",
      ...extra,
    });
    return {
      type: numeric ? "scatter" : type,
      data: { labels: numeric ? undefined : rows.map((row) => row[x]), datasets },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        interaction: { mode: numeric ? "nearest" : "index", intersect: false },
        scales: {
          x: scale(xTitle, limits, { grid: { display: numeric, color: line } }),
          y: scale(y.title, y),
          ...(y2 ? { y2: scale(y2.title, y2, { position: "right", grid: { display: false } }) } : {}),
        },
        plugins: {
          legend: { display: datasets.length > 1, position: "bottom", labels: { color: ink, font, boxWidth: 14, boxHeight: 8 } },
          tooltip: {
            callbacks: {
              label: (item) => {
                const bounds = item.dataset.yAxisID === "y2" ? y2 : y;
                const value = item.parsed.y;
                return `${item.dataset.label}: ${bounds?.percent ? `${(100 * value).toFixed(1)} %` : Number(value.toPrecision(4))}`;
              },
            },
          },
        },
      },
    };
  }
}

export function drawCharts(root) {
  const figures = [...root.querySelectorAll("[data-chart]")].map((figure) => new Figure(figure));
  const redraw = () => figures.forEach((figure) => figure.draw());
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
