import { describe, expect, it } from "vitest";
import { admit, redundantOf, type LinkFacts } from "../src/link/admission.ts";
import type { Hello } from "../src/link/hello.ts";
import { idOf } from "./support/network.ts";

interface Fact extends LinkFacts {
  readonly name: string;
}

/** A link with node 5, whose process and life are 1. */
function link(name: string, { dialler = 5, dialled = "", key = 1, instance = 1, incarnation = 1n }: { dialler?: number; dialled?: string; key?: number; instance?: number; incarnation?: bigint } = {}): Fact {
  const hello = { id: idOf(5), key: Uint8Array.of(key), instance: Uint8Array.of(instance), incarnation } as Hello;
  return { name, hello, dialler: idOf(dialler), dialled };
}

const names = (links: readonly Fact[]): string[] => links.map(({ name }) => name);
const admitted = (fresh: Fact, existing: readonly Fact[]): string[][] => {
  const { supersede, redundant } = admit(fresh, existing);
  return [names(supersede), names(redundant)];
};

describe("a new link", () => {
  it("is refused where another key has its peer's id", () => {
    expect(() => admit(link("new", { key: 2 }), [link("old")])).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_ID_CONFLICT", message: expect.stringContaining(`another node is known by the id ${idOf(5)}`) as string }));
  });

  it.each([
    ["of a newer life replaces those of the older one, of both directions", { instance: 2, incarnation: 2n }, [link("a"), link("b", { dialler: 1 })], ["a", "b"], []],
    ["of another process in the same life replaces nothing", { instance: 2 }, [link("a")], [], []],
    ["of a process that raised its incarnation replaces nothing", { incarnation: 2n }, [link("a")], [], []],
    ["to the address that was dialled before replaces that one only", { dialled: "x" }, [link("y", { dialled: "y" }), link("x", { dialled: "x" })], ["x"], []],
    ["to an address that the other side dialled does not replace that one", { dialled: "x" }, [link("x", { dialler: 1, dialled: "x" })], [], ["new"]],
    ["of no address does not replace one of no address", {}, [link("a")], [], []],
    ["is the second that one side dialled", { dialled: "z" }, [link("x", { dialled: "x" }), link("other", { dialler: 9, dialled: "q" })], [], ["other"]],
    ["is the third that one side dialled, and replaces the oldest", { dialled: "z" }, [link("other", { dialler: 9 }), link("x", { dialled: "x" }), link("y", { dialled: "y" })], ["x"], ["other"]],
    ["is redundant itself, and those that it replaces are not any more", { dialled: "x" }, [link("low", { dialler: 1 }), link("x", { dialled: "x" })], ["x"], ["new"]],
    ["in the other direction of another process is not redundant", { instance: 2 }, [link("low", { dialler: 1 })], [], []],
  ] as const)("%s", (_what, change, existing, supersede, redundant) => {
    expect(admitted(link("new", change), existing)).toEqual([supersede, redundant]);
  });
});

describe("redundant links", () => {
  it("are all that the higher id dialled, where the lower one dialled the same process", () => {
    expect(names(redundantOf([link("a", { dialler: 9 }), link("b", { dialler: 1 }), link("c", { dialler: 9 }), link("d", { dialler: 9, instance: 2 })]))).toEqual(["a", "c"]);
    expect(redundantOf([link("a"), link("b")])).toEqual([]);
  });
});
