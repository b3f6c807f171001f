import { expect, it } from "vitest";
import { runExample } from "../run-example.ts";

it("the requests example has every request answered, and hears what the server says by itself", async () => {
  const [requests, last, news, ...rest] = (await runExample("requests")).split("\n");
  expect(requests).toBe("1000 of 1000 requests at once were answered rightly");
  expect(last).toMatch(/^the last one: ECONNRESET: .*256/);
  expect(news).toBe("meanwhile the server said: doors close, doors open");
  expect(rest).toEqual([""]);
});
