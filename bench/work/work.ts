import type { BenchLink, OnStream } from "../peers/peer.ts";

export const workNames = ["A", "B", "C", "D", "E", "E2", "F", "G", "G2", "G3", "H", "H2", "I", "J", "J2", "K", "L", "L2", "M"] as const;
export type WorkName = (typeof workNames)[number];

/** What a work hands back: named numbers, units in the names. */
export type Measures = Record<string, number>;

export interface WorkOptions {
  /** About how long the timed part lasts; sizes are derived from a warm-up's rate. */
  readonly seconds: number;
  /** Parallel streams of B. */
  readonly streams: number;
  /** Idle streams of D. */
  readonly idle: number;
  /** Whether D also measures with a read pending on each stream. */
  readonly reading: boolean;
  /** Most streams opened in all by C. */
  readonly maxOpens: number;
  /** Whether there is a third process between the two, whose CPU time counts as well. */
  readonly relayed: boolean;
}

/** Asks the server process something; runs outside the timed parts. */
export type Ask = (question: string, data?: number) => Promise<Measures>;

/** The server's answers, by question. */
export type Answers = Record<string, (data: number) => Measures | Promise<Measures>>;

/** Ways to the server besides the link that a work is given. */
interface Dials<Link> {
  /** Past the relay. */
  direct(): Promise<Link>;
  /** One client that links again and again. */
  dialler(): Promise<() => Promise<Link>>;
}

/** One work: what both processes do with a link. Written once for all peers. */
export interface Work<Link = BenchLink, Server = OnStream> {
  /** The server's side. Answers to `relay …` come from the relay, which does no work. */
  serve(answers: Answers, options: WorkOptions): Server;
  run(link: Link, ask: Ask, options: WorkOptions, dials: Dials<Link>): Promise<Measures>;
}
