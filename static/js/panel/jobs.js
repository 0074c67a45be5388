/**
 * A job's box follows its row, and charts that the job feeds follow with it. When the job
 * ends, or has something new to show (`shows` differs), the page is drawn anew.
 */

import { poll } from "./polling.js";
import { redraw } from "./redraw.js";

class JobBox {
  #box;

  constructor(box) {
    this.#box = box;
    poll(box.dataset.job, (job) => this.#show(job));
  }

  #part(name) {
    return this.#box.querySelector(`[data-job-${name}]`);
  }

  #show(job) {
    const state = this.#part("state");
    state.textContent = job.state_label;
    state.className = `badge ${job.state}`;
    const stage = this.#part("stage");
    if (stage.textContent !== job.stage) stage.textContent = job.stage;
    this.#part("percent").textContent = Math.round(100 * job.progress);
    this.#part("bar").value = job.progress;
    if (job.duration_s !== null) this.#part("duration").textContent = job.duration_s;
    const log = this.#part("log");
    if (log.textContent !== job.log) {
      const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
      log.textContent = job.log;
      this.#part("log-fold").hidden = !job.log;
      if (atEnd) log.scrollTop = log.scrollHeight;
    }
    for (const [id, rows] of Object.entries(job.charts ?? {})) {
      document.querySelector(`[data-chart="${CSS.escape(id)}"]`)?.dispatchEvent(new CustomEvent("rows", { detail: rows }));
    }
    const hasMore = (job.shows ?? "") !== (this.#box.dataset.jobShows ?? "");
    if (job.ended || hasMore) redraw();
    return job.ended || hasMore;
  }
}

export function followJobs(root) {
  for (const box of root.querySelectorAll("[data-job]:not([data-ended])")) new JobBox(box);
}
