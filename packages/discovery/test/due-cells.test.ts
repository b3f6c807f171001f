import { describe, expect, it } from "vitest";
import { RecordStore } from "@astranet/discovery";
import { readRecords } from "../src/record.ts";
import { DueCells } from "../src/replication/due-cells.ts";
import { idOf } from "./support/world.ts";

function storeWith(origins: number, slots: number, bytes = 10): RecordStore {
  const store = new RecordStore({ self: idOf(0), incarnation: 1n });
  for (let n = 1; n <= origins; n += 1) {
    for (let slot = 0; slot < slots; slot += 1) store.merge({ origin: idOf(n), incarnation: 1n, slot, seq: 1, flags: 0, payload: new Uint8Array(bytes) });
  }
  return store;
}

const said = (bytes: Uint8Array | undefined): string[] => (bytes === undefined ? [] : readRecords(bytes).map(({ origin, slot, seq }) => `${Number.parseInt(origin.slice(1), 16)}/${slot}/${seq}`));

describe("DueCells", () => {
  it("give what a place holds when it is taken, once, and nothing of what is gone", () => {
    const store = storeWith(3, 1);
    const due = new DueCells();
    for (let n = 1; n <= 3; n += 1) due.add(store.cell(idOf(n), 0)!);
    due.add(store.cell(idOf(1), 0)!);
    store.merge({ origin: idOf(1), incarnation: 1n, slot: 0, seq: 7, flags: 0, payload: new Uint8Array() });
    due.forget(idOf(2));
    due.delete(store.cell(idOf(3), 0)!);
    due.delete(store.cell(idOf(3), 0)!);
    expect([due.isEmpty, [...due.waiting()].length]).toEqual([false, 1]);
    expect([1, 2, 3].map((n) => [...due.waiting(idOf(n))].map(({ seq }) => seq))).toEqual([[7], [], []]);
    due.delete(store.cell(idOf(1), 0)!);
    expect(due.isEmpty).toBe(true);
    due.add(store.cell(idOf(1), 0)!);
    due.add(store.cell(idOf(2), 0)!);
    expect([...due.waiting(idOf(1))].map(({ seq }) => seq)).toEqual([7]);
    due.forget(idOf(2));
    expect(said(due.takeChanges())).toEqual(["1/0/7"]);
    expect([due.isEmpty, due.takeChanges()]).toEqual([true, undefined]);
  });

  it("take turns between origins where not all fits into one message, and pass over none", () => {
    const store = storeWith(3, 4, 16_000);
    const due = new DueCells();
    const add = (n: number, slots: readonly number[]): void => slots.forEach((slot) => due.add(store.cell(idOf(n), slot)!));
    add(1, [0, 1, 2, 3]);
    add(2, [0, 1]);
    expect(said(due.takeChanges())).toEqual(["1/0/1", "1/1/1", "1/2/1"]);
    // What comes anew of the one that had its turn waits for the other.
    add(1, [0, 1]);
    expect(said(due.takeChanges())).toEqual(["2/0/1", "2/1/1", "1/3/1"]);
    add(2, [2, 3]);
    expect(said(due.takeChanges())).toEqual(["1/0/1", "1/1/1", "2/2/1"]);
    expect(said(due.takeChanges())).toEqual(["2/3/1"]);
    add(1, [0, 1, 2]);
    add(2, [0, 1]);
    add(3, [0]);
    expect(said(due.takeChanges())).toEqual(["1/0/1", "1/1/1", "1/2/1"]);
    // It has had no turn yet.
    expect(said(due.takeChanges())).toEqual(["2/0/1", "2/1/1", "3/0/1"]);
    expect(due.isEmpty).toBe(true);
  });

  it("fill messages up to 48 KiB with whole records: three of 16 KiB just fit, headers and all, and three of a byte more do not", () => {
    for (const [payloadBytes, expected] of [[16_359, [3, 3, 3, 1]], [16_360, [2, 2, 2, 2, 2]], [16_384, [2, 2, 2, 2, 2]]] as const) {
      const store = storeWith(1, 10, payloadBytes);
      const due = new DueCells();
      for (const cell of store.cells(idOf(1))) due.add(cell);
      due.addEverything(store);
      for (const take of [() => due.takeChanges(), () => due.takeOfEverything(store)]) {
        const counts: number[] = [];
        for (let bytes = take(); bytes !== undefined; bytes = take()) {
          counts.push(said(bytes).length);
          expect(bytes.length).toBeLessThanOrEqual(49_152);
        }
        expect(counts).toEqual(expected);
      }
    }
  });

  it("give nothing of a life that ended while a whole store was given", () => {
    const store = storeWith(2, 4, 16_000);
    const due = new DueCells();
    due.addEverything(store);
    expect(said(due.takeOfEverything(store))).toHaveLength(3);
    store.drop(idOf(1));
    expect(said(due.takeOfEverything(store)).every((name) => name.startsWith("2/"))).toBe(true);
  });

  it("give a whole store but what is not advertised, in messages of the same size, and what came meanwhile too", () => {
    const store = storeWith(5, 4, 16_000);
    store.advertise(idOf(2), false);
    const due = new DueCells();
    expect(due.takeOfEverything(store)).toBeUndefined();
    due.addEverything(store);
    expect(due.isEmpty).toBe(true);
    const first = said(due.takeOfEverything(store));
    store.merge({ origin: idOf(9), incarnation: 1n, slot: 0, seq: 1, flags: 0, payload: new Uint8Array(1) });
    store.drop(idOf(5));
    const all = [...first];
    for (let bytes = due.takeOfEverything(store); bytes !== undefined; bytes = due.takeOfEverything(store)) {
      expect(bytes.length).toBeLessThanOrEqual(49_152);
      all.push(...said(bytes));
    }
    expect(first).toHaveLength(3);
    expect(all.sort()).toEqual([...[1, 3, 4].flatMap((n) => [0, 1, 2, 3].map((slot) => `${n}/${slot}/1`)), "9/0/1"].sort());
  });
});
