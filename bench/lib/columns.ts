import type { WorkName } from "../work/work.ts";
import type { Measure } from "./results.ts";

interface Column {
  readonly title: string;
  readonly measure: Measure;
  format(value: number): string;
}

const grouped = (value: number): string => Math.round(value).toLocaleString("en-US");
const gibPerSecond = (value: number): string => (value / 2 ** 30).toFixed(2);
const mib = (value: number): string => (value / 2 ** 20).toFixed(0);
const two = (value: number): string => value.toFixed(2);
const one = (value: number): string => value.toFixed(1);

/** CPU time of all processes for one of what `unit` counts. */
function cpuPer(title: string, unit: string, scale: number): Column {
  return { title, measure: (run) => (((run["clientCpuSeconds"] ?? NaN) + (run["serverCpuSeconds"] ?? 0) + (run["relayCpuSeconds"] ?? 0)) / (run[unit] ?? NaN)) * scale, format: two };
}

const messageColumns = [{ title: "messages/s", measure: "messagesPerSecond", format: grouped }, cpuPer("CPU µs each", "count", 1e6)] as const;

/** A work's table: its title, what is compared (the first column), and what else is shown. */
export interface Table {
  readonly title: string;
  readonly columns: readonly [Column, ...Column[]];
  /** The peer that ratios are taken against. */
  readonly base: string;
  /** Whether more of the first column is better. */
  readonly more: boolean;
}

export const tables: Record<WorkName, Table> = {
  A: {
    title: "A · one bulk stream, 64 KiB writes",
    base: "raw",
    more: true,
    columns: [
      { title: "GiB/s", measure: "bytesPerSecond", format: gibPerSecond },
      cpuPer("CPU s/GiB", "bytes", 2 ** 30),
    ],
  },
  B: {
    title: "B · 100 bulk streams (raw: one socket)",
    base: "raw",
    more: true,
    columns: [
      { title: "GiB/s", measure: "bytesPerSecond", format: gibPerSecond },
      { title: "slowest ÷ fastest", measure: "slowestToFastest", format: two },
      cpuPer("CPU s/GiB", "bytes", 2 ** 30),
      { title: "client peak MiB", measure: "clientPeakRss", format: mib },
      { title: "server peak MiB", measure: "serverPeakRss", format: mib },
    ],
  },
  C: {
    title: "C · open, 100 B, echo, end, close; 100 in flight (raw: a socket each)",
    base: "raw",
    more: true,
    columns: [{ title: "streams/s", measure: "streamsPerSecond", format: grouped }, cpuPer("CPU µs each", "count", 1e6)],
  },
  D: {
    title: "D · idle streams, 1 byte each way",
    base: "raw",
    more: true,
    columns: [
      { title: "opened/s", measure: "streamsPerSecond", format: grouped },
      { title: "streams", measure: "count", format: grouped },
      { title: "open s", measure: "openSeconds", format: one },
      { title: "held B client", measure: "clientHeldBytes", format: grouped },
      { title: "held B server", measure: "serverHeldBytes", format: grouped },
      { title: "reading B client", measure: "clientPendingBytes", format: grouped },
      { title: "reading B server", measure: "serverPendingBytes", format: grouped },
    ],
  },
  E: {
    title: "E · ping-pong of 100 B, alone",
    base: "raw",
    more: false,
    columns: [
      { title: "p50 µs", measure: "p50Micros", format: one },
      { title: "p99 µs", measure: "p99Micros", format: one },
    ],
  },
  E2: {
    title: "E2 · ping-pong of 100 B under one bulk stream (raw: two sockets)",
    base: "raw",
    more: false,
    columns: [
      { title: "p99 µs", measure: "p99Micros", format: one },
      { title: "p50 µs", measure: "p50Micros", format: one },
      { title: "bulk GiB/s", measure: "bytesPerSecond", format: gibPerSecond },
    ],
  },
  F: {
    title: "F · 1 KiB messages on one stream",
    base: "raw",
    more: true,
    columns: messageColumns,
  },
  G: {
    title: "G · encrypted: one bulk stream, 64 KiB writes",
    base: "tls",
    more: true,
    columns: [
      { title: "GiB/s", measure: "bytesPerSecond", format: gibPerSecond },
      cpuPer("CPU s/GiB", "bytes", 2 ** 30),
    ],
  },
  G2: {
    title: "G2 · encrypted: open, 100 B, echo, end, close; 100 in flight (tls: a socket each)",
    base: "libp2p-noise",
    more: true,
    columns: [{ title: "streams/s", measure: "streamsPerSecond", format: grouped }, cpuPer("CPU µs each", "count", 1e6)],
  },
  G3: {
    title: "G3 · encrypted: 1 KiB messages on one stream",
    base: "libp2p-noise",
    more: true,
    columns: messageColumns,
  },
  H: {
    title: "H · through one relay: one bulk stream, 64 KiB writes",
    base: "proxy",
    more: true,
    columns: [
      { title: "GiB/s", measure: "bytesPerSecond", format: gibPerSecond },
      cpuPer("CPU s/GiB", "bytes", 2 ** 30),
      { title: "of it the relay", measure: (run) => ((run["relayCpuSeconds"] ?? NaN) / (run["bytes"] ?? NaN)) * 2 ** 30, format: two },
    ],
  },
  H2: {
    title: "H2 · ping-pong of 100 B through one relay and past it",
    base: "proxy",
    more: false,
    columns: [
      { title: "added p50 µs", measure: "addedMicros", format: one },
      { title: "through, p50 µs", measure: "p50Micros", format: one },
      { title: "p99 µs", measure: "p99Micros", format: one },
      { title: "past, p50 µs", measure: "directP50Micros", format: one },
    ],
  },
  I: {
    title: "I · through one relay, 50 ms round trip: one bulk stream, 64 KiB writes",
    base: "proxy",
    more: true,
    columns: [
      { title: "MB/s", measure: "bytesPerSecond", format: (value) => (value / 1e6).toFixed(0) },
      cpuPer("CPU s/GiB", "bytes", 2 ** 30),
    ],
  },
  J: {
    title: "J · encrypted: from the dial of a link until its first byte is back",
    base: "tls",
    more: false,
    columns: [
      { title: "p50 ms", measure: "p50Ms", format: two },
      { title: "p99 ms", measure: "p99Ms", format: two },
    ],
  },
  J2: {
    title: "J2 · encrypted: links a second, a byte there and back on each, 32 clients at once",
    base: "tls",
    more: true,
    columns: [{ title: "links/s", measure: "linksPerSecond", format: grouped }, cpuPer("CPU µs each", "count", 1e6)],
  },
  K: {
    title: "K · messages in one process: { id, name, 100 B }",
    base: "message-port",
    more: true,
    columns: messageColumns,
  },
  L: {
    title: "L · messages of 100 B, one way, on one channel",
    base: "grpc",
    more: true,
    columns: messageColumns,
  },
  L2: {
    title: "L2 · messages of 64 KiB, one way, on one channel",
    base: "grpc",
    more: true,
    columns: messageColumns,
  },
  M: {
    title: "M · request and reply of 100 B, one at a time",
    base: "grpc",
    more: false,
    columns: [{ title: "p50 µs", measure: "p50Micros", format: one }, { title: "p99 µs", measure: "p99Micros", format: one }, cpuPer("CPU µs each", "count", 1e6)],
  },
};
