import { provider } from "#crypto";
import type { CryptoProvider } from "./provider.ts";

/** The primitives of this platform: `node:crypto` in Node, the @noble packages in browsers. The `imports` of package.json choose. */
export const defaultCrypto: CryptoProvider = provider;
