export { MAX_PSKS, type Remote, type SecureOptions } from "./connection/options.ts";
export { MAX_RECORD_BYTES } from "./connection/record-cipher.ts";
export { secure } from "./connection/secure.ts";
export type { SecureConnection } from "./connection/secure-connection.ts";
export type { AeadKey, CryptoProvider, DhKey, Suite } from "./crypto/provider.ts";
export { chooseSuite, decodeSuites, encodeSuites, preferredSuites } from "./crypto/suites.ts";
export { fingerprint, generateIdentity, identityFrom, type Identity } from "./identity.ts";
export { pskFrom } from "./psk.ts";
export type { Pattern } from "./state/handshake-state.ts";
