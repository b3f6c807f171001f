import { expect, it } from "vitest";
import { runExample } from "../run-example.ts";

it("the HTTP example gets its pages by name, and from the one that dialled", async () => {
  expect(await runExample("http")).toBe("a page at /with-node-http\na page at /with-fetch\na page from behind the firewall, at /status\n");
});
