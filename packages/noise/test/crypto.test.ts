import { provider } from "../src/noble/noble-crypto.ts";
import { testCrypto } from "./support/crypto-body.ts";
import { testVectors } from "./support/vectors-body.ts";

testCrypto(provider);
testVectors(provider);
