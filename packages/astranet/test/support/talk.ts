import type { Conn } from "astranet";

export async function readAll(conn: Conn): Promise<string> {
  let text = "";
  for await (const chunk of conn) text += new TextDecoder().decode(chunk);
  return text;
}

/** Answers each Conn of a listener with `greeting` and what it sent, or with what a function makes of that. Ends with the listener. */
export async function answer(listener: AsyncIterable<Conn>, greeting: string | ((heard: string) => Promise<string>) = ""): Promise<void> {
  for await (const conn of listener) {
    const heard = await readAll(conn);
    await conn.end(new TextEncoder().encode(typeof greeting === "string" ? greeting + heard : await greeting(heard)));
  }
}

/** Says something to a Conn, ends, and hears the answer out. */
export async function ask(conn: Conn, question = ""): Promise<string> {
  await conn.end(new TextEncoder().encode(question));
  return readAll(conn);
}
