/**
 * Whether all of `nodes` pass, to be asked after every event: who failed last is asked first, so that it costs next to nothing for as long as
 * anybody fails.
 */
export function everybody<Node>(nodes: readonly Node[], passes: (node: Node) => boolean): () => boolean {
  let at = 0;
  return () => {
    for (let passed = 0; passed < nodes.length; passed += 1) {
      if (!passes(nodes[at]!)) return false;
      at = (at + 1) % nodes.length;
    }
    return true;
  };
}
