import { describe, expect, it } from "vitest";
import { parseArguments, simulate } from "@astranet/sim";

const noSeed = (): number => 7;

async function run(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await simulate(parseArguments(args, noSeed), { print: (line) => void lines.push(...line.split("\n")), now: () => 0 });
  return { code, lines };
}

describe("pnpm sim", () => {
  it("plays a seed, and prints the same digest for it every time", async () => {
    const [first, again, other] = [await run("--nodes", "6", "--minutes", "1"), await run("--nodes", "6", "--minutes", "1"), await run("--nodes", "6", "--minutes", "1", "--seed", "8")];
    expect(first.code).toBe(0);
    expect(first.lines[0]).toMatch(/^seed 7: digest [0-9a-f]{16}, \d+ events/);
    expect(again.lines).toEqual(first.lines);
    expect(other.lines[0]).not.toContain(/digest ([0-9a-f]{16})/.exec(first.lines[0]!)![1]);
  });

  it("counts its seeds up, and begins no other one once its time is over", async () => {
    let now = 0;
    const lines: string[] = [];
    const asked = parseArguments(["--seeds", "5", "--limit", "3", "--nodes", "3", "--minutes", "0.5", "--seed", "100"], noSeed);
    expect(await simulate(asked, { print: (line) => void lines.push(line), now: () => (now += 1000) })).toBe(0);
    expect(lines.filter((line) => line.startsWith("seed ")).map((line) => line.split(":")[0])).toEqual(["seed 100", "seed 101", "seed 102"]);
    expect(lines.at(-1)).toContain("2 seeds were left out");
  });

  it("says what is wrong with its arguments", () => {
    expect(parseArguments([], noSeed)).toMatchObject({ scenario: "chaos", seed: 7, seeds: 1, nodes: 20, minutes: 10 });
    expect(() => parseArguments(["--nodes", "0"], noSeed)).toThrow("--nodes is a whole number from 1 to 2000");
    expect(() => parseArguments(["--minutes", "long"], noSeed)).toThrow("--minutes is a number");
    expect(() => parseArguments(["--scenario", "F99"], noSeed)).toThrow("--scenario is one of chaos");
    expect(() => parseArguments(["--sed", "1"], noSeed)).toThrow("--sed");
  });
});
