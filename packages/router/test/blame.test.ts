import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { edgesOfMessengers, edgesToAvoid, edgesToDoubt } from "../src/circuit/blame.ts";
import type { CircuitFailure, FailureReason } from "../src/circuit/circuit-failure.ts";

/** From a over r, s and t to z. */
const path = ["a", "r", "s", "t", "z"];
const ours = 0;
const last = 4;
const failure = (reason: FailureReason, atIndex: number, retryable = true): CircuitFailure => ({ reason, atIndex, retryable });
const named = (edges: readonly { from: string; to: string }[]): string => edges.map(({ from, to }) => from + to).join(" ");
const avoided = (reason: FailureReason, atIndex: number, retryable?: boolean): string => named(edgesToAvoid(path, failure(reason, atIndex, retryable)));
const between = "rs st tz";

describe("after a path failed the next try goes around", () => {
  it.each<[string, FailureReason, number, string]>([
    ["the link that a node does not have", "no-link", 2, "st"],
    ["the link that this node does not have", "no-link", ours, "ar"],
    ["the link that was lost", "link-lost", 1, "rs"],
    ["the last link, where the target itself says that one was lost", "link-lost", last, "tz"],
    ["a node that carries nothing", "not-a-relay", 2, "rs st"],
    ["a node that has too much", "overloaded", 1, "ar rs"],
    ["a node that does not allow it", "denied", 3, "st tz"],
    ["a node that waited too long", "timed-out", 2, "rs st"],
  ])("%s: %s at %d", (_what, reason, atIndex, edges) => {
    expect(avoided(reason, atIndex)).toBe(edges);
  });

  it("nothing, where the target says no, or this node gave up: another path would meet the same end", () => {
    expect(avoided("denied", last)).toBe("");
    expect(avoided("overloaded", last)).toBe("");
    expect(avoided("closed", ours)).toBe("");
    expect(avoided("timed-out", ours)).toBe("");
  });

  it("nothing, where trying again is of no use, or a node is named that is not on the path", () => {
    expect(avoided("denied", 2, false)).toBe("");
    expect(avoided("no-link", 2, false)).toBe("");
    expect(avoided("overloaded", last + 1)).toBe("");
    expect(avoided("no-link", last + 1)).toBe("");
  });

  it("all links but its own, where nobody says who it was, or the target met what a relay may have made", () => {
    expect(named(edgesToAvoid(path, undefined))).toBe(between);
    for (const reason of ["handshake", "protocol", "timed-out"] as const) expect(avoided(reason, last)).toBe(between);
    expect(avoided("handshake", last, false)).toBe("");
    expect(avoided("handshake", 2)).toBe("rs st");
  });
});

describe("the target's own word, which is final,", () => {
  it("is asked for once more around those that carried it", () => {
    expect(named(edgesOfMessengers(path, failure("denied", last, false)))).toBe(between);
    expect(named(edgesOfMessengers(path, undefined))).toBe(between);
  });

  it("is none where this node gave up itself", () => {
    expect(edgesOfMessengers(path, failure("closed", ours))).toEqual([]);
  });
});

describe("of a circuit that had stood and ended, others had better go around", () => {
  const broken = new AstraError("ECONNRESET", "it broke");

  it("nothing after a clean end, or one that this node made", () => {
    expect(edgesToDoubt(path, undefined, undefined)).toEqual([]);
    expect(edgesToDoubt(path, undefined, new AstraError("ERR_ASTRANET_SESSION_CLOSED", "closed here"))).toEqual([]);
    expect(edgesToDoubt(path, failure("link-lost", ours), broken)).toEqual([]);
  });

  it("what failed, even where the failure says that trying again is of no use", () => {
    expect(named(edgesToDoubt(path, failure("link-lost", 2, false), broken))).toBe("st");
    expect(named(edgesToDoubt(path, failure("link-lost", 2, false), new AstraError("ERR_ASTRANET_SESSION_CLOSED", "closed")))).toBe("st");
    expect(named(edgesToDoubt(path, undefined, broken))).toBe(between);
  });

  it("nothing where an end gave it up", () => {
    expect(edgesToDoubt(path, failure("closed", last), broken)).toEqual([]);
    expect(edgesToDoubt(path, failure("closed", 2), broken)).toEqual([]);
  });
});
