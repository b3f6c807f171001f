import { create, createFileRegistry, fromBinary, toBinary, type DescMessage } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Label, FieldDescriptorProto_Type, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Channels, pipe, type Codec, type End, type Sender } from "@astranet/channel";
import { memoryPair } from "@astranet/transport";
import { describe, expect, it } from "vitest";

/** message Job { string words = 1; uint32 answer = 2; } */
function jobSchema(): DescMessage {
  const field = (name: string, number: number, type: FieldDescriptorProto_Type) => ({ name, number, type, label: FieldDescriptorProto_Label.OPTIONAL });
  const file = create(FileDescriptorProtoSchema, {
    name: "job.proto",
    syntax: "proto3",
    messageType: [{ name: "Job", field: [field("words", 1, FieldDescriptorProto_Type.STRING), field("answer", 2, FieldDescriptorProto_Type.UINT32)] }],
  });
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getMessage("Job")!;
}

interface Job {
  readonly words: string;
  readonly answer: Sender<Job>;
}

/** What a codec of somebody else's looks like: an end is its number in a field. */
function protobuf(schema: DescMessage): Codec {
  return {
    name: "protobuf",
    encode: (message, ends) => {
      const { words, answer } = message as Job;
      return toBinary(schema, create(schema, { words, answer: ends.add(answer as End) }));
    },
    decode: (bytes, ends) => {
      const { words, answer } = fromBinary(schema, bytes) as unknown as { words: string; answer: number };
      return { words, answer: ends.take(answer) };
    },
  };
}

describe("a codec of the application's, protobuf,", () => {
  const begin = (): { client: Channels; server: Channels } => {
    const [here, there] = memoryPair();
    const codec = protobuf(jobSchema());
    return { client: new Channels(here, { role: "client", codec }), server: new Channels(there, { role: "server", codec }) };
  };

  it("carries messages and the channels in them", async () => {
    const { client, server } = begin();
    const jobs = client.open<Job>();
    const { sender: answer, receiver } = pipe<Job>();
    await jobs.send({ words: "what a world", answer });
    const { words, answer: back } = await (await server.accept<Job>()).receive();
    const again = pipe<Job>();
    void back.send({ words: words.toUpperCase(), answer: again.sender });
    expect((await receiver.receive()).words).toBe("WHAT A WORLD");
    client.abort();
    server.abort();
  });

  it("breaks its channel where what came is none of it, with the cause", async () => {
    const { client, server } = begin();
    const jobs = client.open<Job>();
    const answer = pipe<Job>();
    await jobs.send({ words: "x", answer: answer.sender });
    const there = await server.accept<Job>();
    await there.receive();
    await expect(jobs.send({ words: "x", answer: 7 as never })).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("message.answer") as string });
    await expect(jobs.send({ words: "x", answer: answer.sender })).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    const raw = client.session.open();
    await raw.write(Uint8Array.of(0, 1, 8, ...new TextEncoder().encode("protobuf"), 3, 0, 0xff, 0xff));
    const bad = await server.accept<Job>();
    await expect(bad.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", cause: expect.any(Error) as unknown });
    client.abort();
    server.abort();
  });
});
