import { maxLinkCost } from "./adjacency-record.ts";

/** What a LinkCost is made with. */
export interface LinkCostInit {
  /** The first round trip, as the handshake took it. */
  readonly rttMs: number;
  /** When the link came up. */
  readonly nowMs: number;
  /** What the administrator thinks of the link: its cost is multiplied by that. Default 1. */
  readonly factor?: number | undefined;
}

/** Each round trip counts an eighth, as in RFC 6298. */
const smoothing = 1 / 8;
/** The least smoothed round trip of so long counts: queues come and go, the distance stays. */
const windowMs = 10_000;
/** A step is 2^(1/4), 19 %. So many of them for so long are a change … */
const smallChange = { steps: 2, forMs: 10_000 };
/** … and so many sooner. */
const largeChange = { steps: 6, forMs: 2000 };
/** Nothing is advertised again before. */
const spacingMs = 5000;
/** A link that has just come up may go again: it costs more until it has lasted. */
const fresh = { factor: 1.5, forMs: 30_000 };
/** A link whose queue stayed long costs more; it costs less again when the queue has been short for three times as long. */
const congestion = { factor: 2, afterMs: 10_000, untilMs: 30_000 };

/**
 * What a link costs: its round trip in milliseconds, smoothed, in steps, and told again only when it has changed by much for long. Paths must not
 * swing with every queue (in 1979 the ARPANET's did). Pure: time comes with each call, and never goes back.
 */
export class LinkCost {
  #factor: number;
  readonly #freshUntil: number;
  #srttMs: number;
  /** Smoothed round trips, each of them less than all later ones: the first is the least of the window. */
  #window: { readonly atMs: number; readonly srttMs: number }[];
  #atMs: number;
  #step: number;
  #multiplier: number;
  #advertisedAt: number;
  /** Since when the step differs by a small or a large change, in one direction. */
  #direction = 0;
  #smallSince: number | undefined;
  #largeSince: number | undefined;
  #queueLongSince: number | undefined;
  #queueShortSince: number | undefined;
  #isCongested = false;

  constructor({ rttMs, nowMs, factor = 1 }: LinkCostInit) {
    this.#factor = factor;
    this.#srttMs = isRoundTrip(rttMs) ? rttMs : 0;
    this.#window = [{ atMs: nowMs, srttMs: this.#srttMs }];
    this.#atMs = this.#advertisedAt = nowMs;
    this.#freshUntil = nowMs + fresh.forMs;
    this.#step = stepOf(this.#srttMs);
    this.#multiplier = this.#wantedMultiplier(nowMs);
  }

  /** A round trip was measured. What is no round trip is ignored. `factor`: another one from now on. */
  sample(rttMs: number, nowMs: number, factor: number = this.#factor): void {
    this.#advance(nowMs);
    this.#factor = factor;
    if (!isRoundTrip(rttMs)) return;
    this.#srttMs += smoothing * (rttMs - this.#srttMs);
    this.#window = this.#window.filter(({ srttMs }) => srttMs < this.#srttMs);
    this.#window.push({ atMs: nowMs, srttMs: this.#srttMs });
    this.#settle(nowMs);
  }

  /** The link's send queue is above its high-water mark, or is no more. */
  congested(isLong: boolean, nowMs: number): void {
    this.#advance(nowMs);
    if (isLong === (this.#queueLongSince !== undefined)) return;
    this.#queueLongSince = isLong ? nowMs : undefined;
    this.#queueShortSince = isLong ? undefined : nowMs;
    this.#settle(nowMs);
  }

  /** The cost to tell others: a whole number, 1 … 10,000. */
  advertised(nowMs: number): number {
    this.#advance(nowMs);
    return Math.min(Math.max(Math.round(2 ** (this.#step / 4) * this.#multiplier), 1), maxLinkCost);
  }

  /** When `advertised` may change by itself, without another sample; undefined for never. */
  get nextChangeAt(): number | undefined {
    const soonest = this.#advertisedAt + spacingMs;
    const times: number[] = [];
    const differs = this.#window.findIndex(({ srttMs }) => stepOf(srttMs) !== stepOf(this.#window[0]!.srttMs));
    if (differs > 0) times.push(this.#window[differs - 1]!.atMs + windowMs);
    if (this.#smallSince !== undefined) times.push(Math.max(this.#smallSince + smallChange.forMs, soonest));
    if (this.#largeSince !== undefined) times.push(Math.max(this.#largeSince + largeChange.forMs, soonest));
    if (this.#freshUntil > this.#atMs) times.push(this.#freshUntil);
    if (!this.#isCongested && this.#queueLongSince !== undefined) times.push(this.#queueLongSince + congestion.afterMs);
    if (this.#isCongested && this.#queueShortSince !== undefined) times.push(this.#queueShortSince + congestion.untilMs);
    if (this.#multiplier !== this.#wantedMultiplier(this.#atMs)) times.push(soonest);
    return times.length === 0 ? undefined : Math.max(Math.min(...times), this.#atMs);
  }

  /** Does what was due before `nowMs` at its time, however late anybody asks. */
  #advance(nowMs: number): void {
    for (let next = this.nextChangeAt; next !== undefined && next <= nowMs; next = this.nextChangeAt) this.#settle(next);
    this.#settle(nowMs);
  }

  #settle(nowMs: number): void {
    this.#atMs = nowMs;
    while (this.#window.length > 1 && this.#window[0]!.atMs + windowMs <= nowMs) this.#window.shift();
    this.#settleCongestion(nowMs);
    this.#noteChange(nowMs);
    if (nowMs < this.#advertisedAt + spacingMs) return;
    const isDue =
      (this.#smallSince !== undefined && nowMs >= this.#smallSince + smallChange.forMs) ||
      (this.#largeSince !== undefined && nowMs >= this.#largeSince + largeChange.forMs);
    const multiplier = this.#wantedMultiplier(nowMs);
    if (!isDue && multiplier === this.#multiplier) return;
    this.#advertisedAt = nowMs;
    this.#multiplier = multiplier;
    if (isDue) this.#step = stepOf(this.#window[0]!.srttMs);
    this.#noteChange(nowMs);
  }

  #noteChange(nowMs: number): void {
    const change = stepOf(this.#window[0]!.srttMs) - this.#step;
    if (Math.sign(change) !== this.#direction) this.#smallSince = this.#largeSince = undefined;
    this.#direction = Math.sign(change);
    this.#smallSince = Math.abs(change) >= smallChange.steps ? (this.#smallSince ?? nowMs) : undefined;
    this.#largeSince = Math.abs(change) >= largeChange.steps ? (this.#largeSince ?? nowMs) : undefined;
  }

  #settleCongestion(nowMs: number): void {
    if (this.#queueLongSince !== undefined && nowMs >= this.#queueLongSince + congestion.afterMs) this.#isCongested = true;
    if (this.#queueShortSince !== undefined && nowMs >= this.#queueShortSince + congestion.untilMs) this.#isCongested = false;
  }

  #wantedMultiplier(nowMs: number): number {
    return this.#factor * (nowMs < this.#freshUntil ? fresh.factor : 1) * (this.#isCongested ? congestion.factor : 1);
  }
}

function isRoundTrip(rttMs: number): boolean {
  return Number.isFinite(rttMs) && rttMs >= 0;
}

function stepOf(srttMs: number): number {
  return Math.round(4 * Math.log2(1 + srttMs));
}
