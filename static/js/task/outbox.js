// Answers on their way: kept until the server has acknowledged them, sent one after the other in their order.

import { persist } from "./server.js";

export class Outbox {
  #queue;
  #keeper;
  #server;
  #epoch;
  #last;
  #isSending = false;
  #isStopped = false;
  #waiting = [];
  #events;

  /**
   * @param kept answers that could not be sent before, oldest first, or null
   * @param last the last number that the server has
   * @param events {onChange({pending, trouble}), onStored(answer, reply), onRefused(error)}
   */
  constructor({ keeper, kept, server, epoch, last, events }) {
    this.#keeper = keeper;
    this.#server = server;
    this.#epoch = epoch;
    this.#last = last;
    this.#events = events;
    // What the server has under these numbers came from here before a reload, or was answered elsewhere since.
    this.#queue = (kept ?? []).filter((answer) => answer.number > last);
    this.#queue.forEach((answer, i) => Object.assign(answer, { number: last + 1 + i }));
    this.#save();
  }

  /** Not yet acknowledged, oldest first. */
  get pending() {
    return [...this.#queue];
  }

  add(answer) {
    const number = this.#last + this.#queue.length + 1;
    this.#queue.push({ number, ...answer });
    this.#save();
    this.send();
  }

  /** Resolves once everything is acknowledged. */
  emptied() {
    if (this.#queue.length === 0) return Promise.resolve();
    this.send();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** From now on another page answers; what is here must not be sent. */
  stop() {
    this.#isStopped = true;
  }

  async send() {
    if (this.#isSending || this.#isStopped) return;
    this.#isSending = true;
    try {
      while (this.#queue.length && !this.#isStopped) {
        const answer = this.#queue[0];
        const call = () => this.#server.putAnswer({ ...answer, epoch: this.#epoch });
        const reply = await persist(call, (trouble) => this.#changed(trouble));
        this.#queue.shift();
        this.#last = answer.number;
        this.#save();
        this.#events.onStored(answer, reply);
      }
    } catch (error) {
      this.stop();
      this.#events.onRefused(error);
    } finally {
      this.#isSending = false;
    }
    if (this.#queue.length === 0) this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  #save() {
    if (this.#isStopped) return;
    this.#keeper.write(this.#queue.length ? this.#queue : null);
    this.#changed(null);
  }

  #changed(trouble) {
    this.#events.onChange({ pending: this.#queue.length, trouble });
  }
}
