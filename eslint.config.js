import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/**
 * The layers, as data: what each package's sources may import of this repository, which packages know nothing of Node,
 * which take time and randomness only as arguments, and which files may use Node's primitives of cryptography.
 */
const layers = JSON.parse(readFileSync(new URL(".ci/layers.json", import.meta.url), "utf8"));

const nodeModules = {
  regex: `^(?:node:.*|(?:${builtinModules.filter((name) => !name.startsWith("_")).join("|")})(?:/.*)?)$`,
  message: "A portable package imports nothing of Node; put it behind the package's /node entry.",
};
const nodeClockAndRandom = {
  regex: "^(?:node:)?(?:timers(?:/promises)?|perf_hooks|crypto)$",
  message: "A core package takes time and randomness as arguments: Clock and RandomSource of @astranet/transport.",
};
/** Primitives that give the same for the same arguments; no source of randomness. */
const nodePrimitives = ["createCipheriv", "createDecipheriv", "createHash", "createHmac", "createPrivateKey", "createPublicKey", "createSecretKey", "diffieHellman", "getCiphers", "KeyObject"];
const nodeTimersAndRandom = {
  regex: "^(?:node:)?(?:timers(?:/promises)?|perf_hooks)$",
  message: nodeClockAndRandom.message,
};
const nodeCrypto = {
  regex: "^(?:node:)?crypto$",
  allowImportNames: nodePrimitives,
  message: "A crypto provider uses primitives only; randomness comes in through RandomSource of @astranet/transport.",
};
const strangersSources = {
  regex: "(?:^|/)\\.\\./(?:\\.\\./)*(?:[a-z-]+/src(?:/|$)|packages/)",
  message: "Import another package by its name, never by a path into its sources.",
};

/** Everything of this repository that `name` may not import. */
function otherLayers(name) {
  const allowed = layers.imports[name].map((other) => (other === "astranet" ? other : `@astranet/${other}`));
  return {
    regex: `^(?!(?:${[...allowed, "$^"].join("|")})(?:/(?!testing$).*)?$)(?:@astranet/|astranet(?:/|$))`,
    message: `${name} may import ${allowed.join(", ") || "no other package"} only: imports go down the layers (see ARCHITECTURE.md).`,
  };
}

/** Import rules of one package: one entry for all its sources, a stricter one for the part that knows nothing of Node. */
const packages = Object.keys(layers.imports).flatMap((name) => {
  const core = layers.core.includes(name) ? [nodeClockAndRandom] : [];
  const everywhere = [otherLayers(name), strangersSources, ...core];
  const rule = (patterns) => ({ "no-restricted-imports": ["error", { patterns }] });
  const entries = [{ files: [`packages/${name}/src/**/*.ts`], rules: rule(everywhere) }];
  for (const path of layers.crypto.filter((path) => path.startsWith(`${name}/`))) {
    entries.push({ files: [`packages/${path}`], rules: rule([otherLayers(name), strangersSources, nodeTimersAndRandom, nodeCrypto]) });
  }
  if (layers.portable.includes(name)) {
    entries.push({
      files: [`packages/${name}/src/**/*.ts`],
      ignores: [`packages/${name}/src/node/**`],
      rules: {
        ...rule([...everywhere, nodeModules]),
        "no-restricted-syntax": [
          "error",
          {
            selector: "Identifier[name=/^(?:Buffer|__dirname|__filename)$/]",
            message: "A portable package uses Uint8Array and web-standard globals only.",
          },
        ],
      },
    });
  }
  return entries;
});

const outsideTime = "Time comes in through Clock of @astranet/transport.";
const outsideRandom = "Randomness comes in through RandomSource of @astranet/transport.";
const clockAndRandomGlobals = [
  ...["Date", "performance", "setTimeout", "setInterval", "setImmediate"].map((name) => ({ name, message: outsideTime })),
  { name: "crypto", message: outsideRandom },
];
const clockAndRandomProperties = [
  { object: "Math", property: "random", message: outsideRandom },
  { object: "AbortSignal", property: "timeout", message: outsideTime },
  { object: "process", property: "hrtime", message: outsideTime },
];
const sleeps = ["setTimeout", "setInterval"].map((name) => ({
  name,
  message: "A test waits for the event itself, or uses virtual time.",
}));

export default defineConfig(
  globalIgnores([
    "**/dist/",
    "docs/api/",
    "**/node_modules/",
    "**/.stryker-tmp/",
    "**/reports/",
    "**/coverage/",
    "**/.readme-*/",
    ".ci/tarballs/",
  ]),
  eslint.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      // A number in a message is what it looks like.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // `() => void done()` says nothing that `() => done()` does not.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // A parameter that an interface asks for and this implementation does not need.
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // Aborts reject with `signal.reason` itself, which may be anything.
      "@typescript-eslint/prefer-promise-reject-errors": ["error", { allowThrowingAny: true, allowThrowingUnknown: true }],
      "@typescript-eslint/only-throw-error": ["error", { allowThrowingAny: true, allowThrowingUnknown: true }],
      // With noUncheckedIndexedAccess every read of a byte is `number | undefined`; `!` after a checked bound costs nothing.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      // An implementation of an asynchronous interface may have nothing to wait for.
      "@typescript-eslint/require-await": "off",
      // One name for a thing, in its file and where it is imported. Config files are excepted below.
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
    },
  },
  { files: ["**/*.config.ts", "**/*.d.ts", ".ci/*.ts"], rules: { "no-restricted-exports": "off" } },
  ...packages,
  {
    files: layers.core.map((name) => `packages/${name}/src/**/*.ts`),
    rules: {
      "no-restricted-globals": ["error", { globals: clockAndRandomGlobals, checkGlobalObject: true }],
      "no-restricted-properties": ["error", ...clockAndRandomProperties],
    },
  },
  {
    files: ["**/test/**/*.ts", "**/*.test.ts"],
    rules: {
      "no-restricted-globals": ["error", { globals: sleeps, checkGlobalObject: true }],
      "no-restricted-imports": ["error", { patterns: [{ regex: "^(?:node:)?timers(?:/promises)?$", message: sleeps[0].message }] }],
      "no-restricted-syntax": [
        "error",
        {
          selector: "MemberExpression[object.name=/^(?:it|test|describe|suite)$/][property.name=/^(?:only|skip|todo)$/]",
          message: "Every test runs, always.",
        },
      ],
      // `expect(object.method)` is how one asserts on methods.
      "@typescript-eslint/unbound-method": "off",
    },
  },
  {
    files: ["**/*.js"],
    languageOptions: { globals: { console: "readonly", process: "readonly", URL: "readonly" } },
  },
);
