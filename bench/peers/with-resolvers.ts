interface Resolvers {
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

// libp2p 3 calls it; Node 20 does not have it.
Object.assign(Promise, {
  withResolvers: (): Resolvers => {
    let resolve: Resolvers["resolve"] = () => undefined;
    let reject: Resolvers["reject"] = () => undefined;
    const promise = new Promise((yes, no) => {
      resolve = yes;
      reject = no;
    });
    return { promise, resolve, reject };
  },
});

export {};
