import type { CircuitStats, Router } from "@astranet/router";
import type { AstraNet, RouteInfo, RouteTrace, ServiceInfo } from "astranet";
import { Asking } from "./asking.ts";
import { Conversations, type Ends } from "./conversations.ts";
import { FileServer, receive, SlowReader, type Transfer, Upload } from "./files.ts";
import { forgetPeak, memory, type Memory } from "./memory.ts";
import { type ToldError, told } from "./messages.ts";
import type { Tap, Tapped } from "./tap.ts";

/** What became of a dial. */
export interface Dialled {
  readonly provider?: string;
  readonly error?: ToldError;
  readonly ms: number;
}

/** What the test may ask of a node in another process. */
export class NodeCalls {
  readonly #net: AstraNet;
  readonly #router: Router;
  readonly #tap: Tap | undefined;
  readonly #conversations = new Map<string, Conversations>();
  readonly #dials = new Map<string, Promise<Dialled>>();
  #files: FileServer | undefined;
  #reader: SlowReader | undefined;
  #upload: Upload | undefined;
  #refused = 0;
  #asking: Asking | undefined;

  constructor(net: AstraNet, router: Router, tap: Tap | undefined) {
    this.#net = net;
    this.#router = router;
    this.#tap = tap;
    // Of these there may be thousands a second: they are counted here, and not told one by one.
    net.addEventListener("refused", () => (this.#refused += 1));
  }

  // ---- the node ----

  async join(address: string, options: { readonly retry?: false | { readonly minDelayMs?: number; readonly maxDelayMs?: number } } = {}): Promise<string> {
    return (await this.#net.join("tcp4", address, options)).peer;
  }

  async waitFor(name: string): Promise<string> {
    return (await this.#net.waitFor(name)).id;
  }

  /** Resolves when the service has exactly these providers. */
  async providers(name: string, ids: readonly string[]): Promise<void> {
    const wanted = [...ids].sort().join();
    const are = (): boolean => {
      const now = this.#net.services().filter((service) => service.name === name);
      return now.map(({ id }) => id).sort().join() === wanted;
    };
    if (are()) return;
    const stop = new AbortController();
    for await (const _change of this.#net.serviceMap().watch({ signal: stop.signal })) if (are()) return;
  }

  services(): ServiceInfo[] {
    return this.#net.services();
  }

  routes(): RouteInfo[] {
    return this.#net.routes();
  }

  async trace(target: string): Promise<RouteTrace & { readonly why: string }> {
    const { path, hops, rttMs, why } = await this.#net.trace(target);
    return { path, hops, rttMs, why };
  }

  ping(target: string): Promise<number> {
    return this.#net.ping(target);
  }

  circuits(): CircuitStats {
    return this.#router.circuits;
  }

  linkCount(): number {
    return this.#net.links.length;
  }

  /** Connections that were turned away. */
  refused(): number {
    return this.#refused;
  }

  memory(): Memory {
    return memory();
  }

  forgetPeak(): void {
    forgetPeak();
  }

  tapped(): Tapped | undefined {
    return this.#tap?.tapped;
  }

  // ---- files ----

  serveFiles(name: string, bytes: number): void {
    this.#files = new FileServer(this.#net, name, bytes);
  }

  sent(): Promise<Transfer> {
    return this.#files!.sent;
  }

  async download(address: string): Promise<Transfer> {
    return receive(await this.#net.dial("", address));
  }

  serveSlowly(name: string): void {
    this.#reader = new SlowReader(this.#net, name);
  }

  read(bytes: number): Promise<{ bytes: number; sha256: string }> {
    return this.#reader!.read(bytes);
  }

  async beginUpload(address: string, bytes: number): Promise<void> {
    this.#upload = new Upload(await this.#net.dial("", address), bytes);
  }

  taken(): number {
    return this.#upload!.taken;
  }

  uploaded(): Promise<Transfer> {
    return this.#upload!.done;
  }

  // ---- many Conns ----

  serveConversations(name: string): void {
    void this.#talk(name).serve(this.#net.bind("", name));
  }

  /** Binds a port and accepts nobody. */
  bindUnheard(port: number): void {
    this.#net.bind("", `:${String(port)}`);
  }

  /** Opens Conns; where `bytes` is not 0, a message of so many goes to and fro on each. */
  openConversations(name: string, address: string, count: number, bytes: number): Promise<void> {
    return this.#talk(name).open(this.#net, address, count, bytes);
  }

  ends(name: string): Ends {
    return this.#talk(name).ends;
  }

  heard(name: string, messages: number): Promise<Ends> {
    return this.#talk(name).heard(messages);
  }

  over(name: string): Promise<Ends> {
    return this.#talk(name).over();
  }

  finish(name: string): Promise<Ends> {
    return this.#talk(name).finish();
  }

  resetAll(name: string): void {
    this.#talk(name).reset();
  }

  // ---- single dials ----

  /** Begins to dial; `dialled` says what became of it. The first bytes have left by the time of the answer. */
  beginDial(key: string, address: string, timeoutMs?: number): void {
    this.#dials.set(key, this.#dial(address, timeoutMs));
  }

  dialled(key: string): Promise<Dialled> {
    return this.#dials.get(key)!;
  }

  /** Dials `address` again and again, and says something each time, until `stopAsking`. */
  beginAsking(address: string): void {
    this.#asking = new Asking(this.#net, address);
  }

  /** Resolves after so many answers more. */
  asked(count: number): Promise<void> {
    return this.#asking!.asked(count);
  }

  /** How many dials each provider answered, and how many failed, each way by itself. */
  stopAsking(): Promise<Record<string, number>> {
    return this.#asking!.stop();
  }

  async #dial(address: string, timeoutMs = 10_000): Promise<Dialled> {
    const began = performance.now();
    try {
      const conn = await this.#net.dial("", address, { timeoutMs });
      return { provider: conn.remoteAddress.id, ms: performance.now() - began };
    } catch (error) {
      return { error: told(error), ms: performance.now() - began };
    }
  }

  #talk(name: string): Conversations {
    let talk = this.#conversations.get(name);
    if (talk === undefined) this.#conversations.set(name, (talk = new Conversations()));
    return talk;
  }
}
