import { describe, it } from "vitest";
import { crowd, wrongSecrets } from "./scenarios/strangers.ts";

describe("a listening node", () => {
  it("refuses, in words, who has another secret, none, or no encryption, and links with members (F26)", async () => {
    await wrongSecrets();
  });

  // `pnpm proof scenarios` sends 10,000.
  it.each(["silent", "byte by byte"] as const)("lets no more than 128 of 2,000 strangers in, %s as they are, cuts those, grows by less than 20 MB, and links with a member within a second (F28)", async (manner) => {
    await crowd({ count: 2000, hosts: 100, manner });
  });
});
