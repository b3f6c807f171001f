import { encodeRecord, type StoredRecord } from "@astranet/discovery";

/** What a msgpack map of ours may hold. */
export type Word = string | number | boolean | Uint8Array | { readonly [key: string]: Word };

/** The version and role of a link's first bytes, and the types of its streams: see docs/link-protocol.md. */
export const modes = { noise: 1, insecure: 2 } as const;
export const streamTypes = { control: 1, circuit: 2, dial: 3 } as const;

/** What an initiator says first: 16 bytes. */
export function preamble(mode: number, suites: number, random: Uint8Array): Uint8Array {
  return Uint8Array.of(0x41, 0x53, 0x54, 0x52, 1, mode, suites, 1, ...random);
}

/** msgpack of a map, as far as liars need it. It is here, and not the nodes' own encoder, so that it can say what they never would. */
export function packed(map: Readonly<Record<string, Word>>): Uint8Array {
  const bytes: number[] = [];
  putWord(bytes, map);
  return Uint8Array.from(bytes);
}

/** A control message with its length before it. */
export function control(message: Readonly<Record<string, Word>>): Uint8Array {
  const body = packed(message);
  return Uint8Array.of(...u16(body.length >>> 16), ...u16(body.length), ...body);
}

/** The message that carries records, or what is said to be some. */
export function recordsMessage(...records: readonly (StoredRecord | Uint8Array)[]): Uint8Array {
  const parts = records.map((record) => (record instanceof Uint8Array ? record : encodeRecord(record)));
  return control({ t: "records", r: Uint8Array.from(parts.flatMap((part) => [...part])) });
}

/** Who says HELLO. */
export interface Speaker {
  readonly id: string;
  readonly key: Uint8Array;
  readonly random: (length: number) => Uint8Array;
}

export function helloMessage({ id, key, random }: Speaker, role: string, dialled: string): Uint8Array {
  return control({ t: "hello", min: 1, max: 1, id: idBytes(id), key, inst: random(8), inc: new Uint8Array(8).fill(1), nonce: random(8), role, idle: 15_000, dialled });
}

export const readyMessage: Uint8Array = control({ t: "ready" });

export function idBytes(id: string): Uint8Array {
  return Uint8Array.from({ length: 8 }, (_, i) => Number.parseInt(id.slice(2 * i, 2 * i + 2), 16));
}

/** Of a dial to a port. */
export function dialHeader(from: string, port: number): Uint8Array {
  return packed({ p: port, f: { i: idBytes(from), p: 40_000 } });
}

function putWord(bytes: number[], word: Word): void {
  if (typeof word === "string") putText(bytes, word);
  else if (typeof word === "number") bytes.push(0xce, ...u16(word >>> 16), ...u16(word));
  else if (typeof word === "boolean") bytes.push(word ? 0xc3 : 0xc2);
  else if (word instanceof Uint8Array) {
    bytes.push(0xc5, ...u16(word.length));
    for (const byte of word) bytes.push(byte);
  } else {
    bytes.push(0xde, ...u16(Object.keys(word).length));
    for (const [key, value] of Object.entries(word)) {
      putText(bytes, key);
      putWord(bytes, value);
    }
  }
}

function putText(bytes: number[], text: string): void {
  const encoded = new TextEncoder().encode(text);
  bytes.push(0xda, ...u16(encoded.length), ...encoded);
}

function u16(value: number): [number, number] {
  return [(value >>> 8) & 0xff, value & 0xff];
}
