import { Client, credentials, Server, ServerCredentials, type ClientWritableStream, type ServiceDefinition, type ServerReadableStream, type ServerUnaryCall, type sendUnaryData, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import type { MessagePeer, MessageServer } from "./message-peer.ts";

interface Data {
  readonly data: Uint8Array;
}
interface Count {
  readonly count: number;
}

interface Service extends UntypedServiceImplementation {
  readonly Flow: (call: ServerReadableStream<Data, Count>, done: sendUnaryData<Count>) => void;
  readonly Call: (call: ServerUnaryCall<Data, Data>, done: sendUnaryData<Data>) => void;
}

/** What protobuf's compiler makes of `service Bench { rpc Flow (stream Data) returns (Count); rpc Call (Data) returns (Data); }`. */
const service = fromJSON({
  nested: {
    Data: { fields: { data: { type: "bytes", id: 1 } } },
    Count: { fields: { count: { type: "uint32", id: 1 } } },
    Bench: {
      methods: {
        Flow: { requestType: "Data", requestStream: true, responseType: "Count", comment: "" },
        Call: { requestType: "Data", responseType: "Data", comment: "" },
      },
    },
  },
})["Bench"] as unknown as ServiceDefinition<Service>;

function listen(handler: MessageServer): Promise<number> {
  const server = new Server();
  server.addService(service, {
    Flow(call: ServerReadableStream<Data, Count>, done: sendUnaryData<Count>) {
      const sink = handler.sink();
      call.on("data", ({ data }: Data) => {
        sink.add(data);
      });
      call.on("end", () => {
        done(null, { count: sink.count });
      });
    },
    Call({ request }: ServerUnaryCall<Data, Data>, done: sendUnaryData<Data>) {
      done(null, { data: handler.answer(request.data) });
    },
  });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

/** Streams wait for 'drain' after `write` said false, as with every stream of Node's. */
export const peer: MessagePeer = {
  listen,
  dial(port) {
    const client = new Client(`127.0.0.1:${String(port)}`, credentials.createInsecure());
    const { Flow: flow, Call: call } = service;
    return Promise.resolve({
      open() {
        let stream: ClientWritableStream<Data> | undefined;
        const counted = new Promise<number>((resolve, reject) => {
          stream = client.makeClientStreamRequest(flow.path, flow.requestSerialize, flow.responseDeserialize, (error, response) => {
            if (error === null) resolve((response as Count).count);
            else reject(error);
          });
        });
        return {
          send(data) {
            if (stream?.write({ data }) !== false) return undefined;
            return new Promise((resolve) => stream?.once("drain", resolve));
          },
          finish() {
            stream?.end();
            return counted;
          },
        };
      },
      call(data) {
        return new Promise((resolve, reject) => {
          client.makeUnaryRequest(call.path, call.requestSerialize, call.responseDeserialize, { data }, (error, response) => {
            if (error === null) resolve((response as Data).data);
            else reject(error);
          });
        });
      },
    });
  },
};
